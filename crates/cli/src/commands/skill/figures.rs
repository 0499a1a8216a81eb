//! The curves of the page.

use dropsonde_atlas::{AxisScale, Color, LinePlot, Series, Svg};
use dropsonde_fields::ScoreTarget;

use super::estimate::Estimate;
use super::results::{ScoreRow, Skill, SpectrumRow};

/// A drawing and the name of its file.
pub(crate) struct Figure {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) svg: Svg,
}

/// The band of latitudes whose spectra are drawn: that of weather systems.
const DRAWN_BAND: [f64; 2] = [30.0, 60.0];

/// One figure of errors for each target with more than one lead.
pub(crate) fn errors(skill: &Skill) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for rows in skill.scores.chunk_by(|a, b| a.target == b.target) {
        if rows.len() > 1 {
            // A constant is so far off that it would flatten the other curves.
            let with_climatology = !skill.climatology_is_constant;
            figures.push(error_figure(&rows[0].target, rows, with_climatology)?);
        }
    }
    Ok(figures)
}

fn error_figure(
    target: &ScoreTarget,
    rows: &[ScoreRow],
    with_climatology: bool,
) -> anyhow::Result<Figure> {
    let (scale, units) = shown_units(target, &rows[0].units);
    let leads: Vec<f64> = rows.iter().map(|row| row.lead_hours as f64).collect();
    let series = |name: &str, estimates: Vec<Option<Estimate>>, index: usize| {
        let value = |of: &dyn Fn(Estimate) -> f64| -> Vec<f64> {
            let values = estimates.iter();
            values
                .map(|e| e.map_or(f64::NAN, |e| scale * of(e)))
                .collect()
        };
        let low = value(&|e| e.interval.map_or(f64::NAN, |i| i.low));
        let high = value(&|e| e.interval.map_or(f64::NAN, |i| i.high));
        let series = Series::new(name, &leads, &value(&|e| e.value));
        series.band(&low, &high).color(Color::series(index)).dots()
    };
    let all = |side: &dyn Fn(&ScoreRow) -> Option<Estimate>| rows.iter().map(side).collect();
    let mut plot = LinePlot::new(format!("{target}: RMSE by lead time"))
        .x_label("lead (h)")
        .y_label(units)
        .x_step(24.0)
        .size(440.0, 260.0)
        .series(series("forecast", all(&|row| Some(row.forecast.rmse)), 0));
    let persistence = series("persistence", all(&|row| Some(row.persistence.rmse)), 1);
    plot = plot.series(persistence.dashed());
    if with_climatology && rows.iter().any(|row| row.climatology.is_some()) {
        let climatology = all(&|row| row.climatology.as_ref().map(|side| side.rmse));
        plot = plot.series(series("climatology", climatology, 2).dashed());
    }
    let highest = highest(rows, with_climatology);
    if highest > 0.0 {
        plot = plot.y_range(0.0, 1.05 * scale * highest);
    }
    Ok(Figure {
        file: format!("skill-rmse-{}.svg", file_name(target)),
        text: format!("RMSE of {target} by lead time, forecast against baselines"),
        svg: plot.to_svg()?,
    })
}

/// The highest error that is drawn, upper ends of intervals included.
fn highest(rows: &[ScoreRow], with_climatology: bool) -> f64 {
    let sides = |row: &ScoreRow| {
        let climatology = row.climatology.as_ref().filter(|_| with_climatology);
        let climatology = climatology.map(|side| side.rmse);
        [
            Some(row.forecast.rmse),
            Some(row.persistence.rmse),
            climatology,
        ]
    };
    let drawn = rows.iter().flat_map(sides).flatten();
    let upper = drawn.map(|e| e.interval.map_or(e.value, |i| i.high.max(e.value)));
    upper.filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// One figure for each target with spectra.
pub(crate) fn spectra(skill: &Skill) -> anyhow::Result<Vec<Figure>> {
    let drawn = skill.spectra.iter().filter(|row| row.band == DRAWN_BAND);
    let drawn: Vec<&SpectrumRow> = drawn.collect();
    let of_target = drawn.chunk_by(|a, b| a.target == b.target);
    of_target.map(spectrum_figure).collect()
}

fn spectrum_figure(rows: &[&SpectrumRow]) -> anyhow::Result<Figure> {
    let target = &rows[0].target;
    let mut plot = LinePlot::new(format!(
        "{target}: power of the forecast over that of the truth"
    ))
    .subtitle("30 to 60 degrees, both hemispheres; below 1: too smooth, above 1: too noisy")
    .x_label("zonal wavenumber")
    .y_label("ratio")
    .x_scale(AxisScale::Log10)
    .y_scale(AxisScale::Log10)
    .rule(1.0, "")
    .size(440.0, 280.0);
    for (index, row) in rows.iter().enumerate() {
        // Wavenumber 0 is the mean of a row and has no place on a logarithmic axis.
        let numbers: Vec<f64> = (1..row.ratio.len()).map(|k| k as f64).collect();
        let ratio = row.ratio.iter().skip(1);
        let ratio: Vec<f64> = ratio.map(|r| r.unwrap_or(f64::NAN)).collect();
        let series = Series::new(format!("{} h", row.lead_hours), &numbers, &ratio);
        plot = plot.series(series.color(Color::series(index)));
    }
    Ok(Figure {
        file: format!("skill-spectrum-{}.svg", file_name(target)),
        text: format!(
            "Power of {target} in the forecast over that in the truth, by zonal wavenumber"
        ),
        svg: plot.to_svg()?,
    })
}

/// A factor and units that give readable numbers.
pub(crate) fn shown_units(target: &ScoreTarget, units: &str) -> (f64, String) {
    let name = target.to_string();
    let is = |prefix: &str| name.starts_with(prefix);
    match units {
        "m" if is("tp") => (1e3, "mm".to_owned()),
        "Pa" => (1e-2, "hPa".to_owned()),
        "kg kg**-1" | "kg kg-1" => (1e3, "g/kg".to_owned()),
        "m**2 s**-2" | "m2 s-2" if is("z") => (1.0, "m²/s²".to_owned()),
        "m s**-1" | "m s-1" => (1.0, "m/s".to_owned()),
        _ => (1.0, units.to_owned()),
    }
}

/// The name of a target as part of a file name.
fn file_name(target: &ScoreTarget) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    target.to_string().chars().map(safe).collect()
}
