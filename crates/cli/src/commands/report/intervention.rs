use dropsonde_atlas::{
    Cell, ColorMap, Figure, Layer, LinePlot, Map, Range, Section, Series, Table, Track, Window,
};
use dropsonde_intervention::{Outcome, Point, Run as ForecastRun, RunKind};

use super::Run;
use crate::npy;

/// The storm with and without the edit.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let outcome = &run.outcome;
    let features: Vec<String> = outcome
        .config
        .edit
        .features
        .iter()
        .map(ToString::to_string)
        .collect();
    let section = Section::new("Changing a feature inside a forecast")
        .paragraph(format!(
            "Feature {} at `{}` is multiplied by 1 + a around one storm, at every step of a forecast from {} ({}). \
             a = -1 removes it, a = 0 changes nothing, a = 1 doubles it. A control adds a vector of the same length at the \
             same nodes and steps in the direction of another live feature.",
            features.join(", "),
            outcome.config.edit.site,
            outcome.init_time,
            outcome.case,
        ))
        .figures(vec![
            Figure::new(
                plot(outcome, "Central pressure", "hPa", |p| p.storm.map(|s| s.pressure_hpa))?,
                "Lowest sea-level pressure of the storm that each run has; a line ends where the storm is lost.",
            ),
            Figure::new(
                plot(outcome, "Strongest wind", "m/s", |p| p.storm.map(|s| s.max_wind_m_s))?,
                "Strongest 10 m wind around the storm.",
            ),
        ])
        .figures(difference_maps(run)?)
        .table(dose_table(outcome), "Change of the storm against the unedited forecast. Control: the same length of edit in another direction.");
    Ok(section.facts(checks(outcome)))
}

fn label(kind: &RunKind) -> String {
    match kind {
        RunKind::Base => "unedited".to_owned(),
        RunKind::Edited { strength } => format!("a = {strength}"),
        RunKind::Control { strength, .. } => format!("control for a = {strength}"),
    }
}

/// Runs worth a line: strength 0 lies on the unedited one by construction.
fn drawn(outcome: &Outcome) -> impl Iterator<Item = &ForecastRun> {
    outcome
        .runs
        .iter()
        .filter(|r| !matches!(r.run, RunKind::Edited { strength } if strength == 0.0))
}

fn plot(
    outcome: &Outcome,
    title: &str,
    unit: &str,
    value: impl Fn(&Point) -> Option<f64>,
) -> anyhow::Result<dropsonde_atlas::Svg> {
    let mut plot = LinePlot::new(title)
        .x_label("lead (h)")
        .y_label(unit)
        .x_step(24.0);
    for run in drawn(outcome) {
        let points: Vec<(f64, f64)> = run
            .points
            .iter()
            .map_while(|p| value(p).map(|v| (p.lead_hours as f64, v)))
            .collect();
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let series = Series::new(label(&run.run), &x, &y);
        let is_control = matches!(run.run, RunKind::Control { .. });
        plot = plot.series(if is_control { series.dashed() } else { series });
    }
    Ok(plot.to_svg()?)
}

fn difference_maps(run: &Run) -> anyhow::Result<Vec<Figure>> {
    let outcome = &run.outcome;
    let strongest =
        |kind: &RunKind| matches!(kind, RunKind::Edited { strength } if *strength != 0.0);
    let names: Vec<(&str, String)> = outcome
        .runs
        .iter()
        .filter(|r| strongest(&r.run))
        .map(|r| (r.name.as_str(), label(&r.run)))
        .collect();
    let mut figures = Vec::new();
    for difference in &outcome.differences {
        let Some((_, label)) = names.iter().find(|(name, _)| *name == difference.run) else {
            continue;
        };
        let path = run
            .ctx
            .path("intervention")
            .join(super::difference_file(difference));
        let values = npy::read(&path)?;
        let (scale, unit) = match difference.units.as_str() {
            "Pa" => (0.01, "hPa"),
            other => (1.0, other),
        };
        let field = run.field(&values)?.scaled(scale, 0.0);
        let title = format!(
            "{label}: {} after {} h",
            difference.quantity, difference.lead_hours
        );
        let layer = Layer::new(field, format!("change ({unit})"))
            .colors(ColorMap::Balance)
            .range(Range::Symmetric);
        let mut map = Map::new(title).layer(layer);
        if let Some(track) = base_track(outcome) {
            let (lat, lon) = track[track.len() / 2];
            map = map
                .window(Window::around(lat, lon, 90.0, 60.0)?)
                .track(Track::new(&track)?);
        }
        let local = difference.local_share.map_or_else(String::new, |share| {
            format!(
                " {:.0} % of the squared change lies within {:.0} km of the storm.",
                100.0 * share,
                outcome.config.local_radius_km
            )
        });
        figures.push(Figure::new(
            map.to_svg()?,
            format!(
                "Edited minus unedited forecast; the line is the storm's path without edit.{local}"
            ),
        ));
    }
    Ok(figures)
}

fn base_track(outcome: &Outcome) -> Option<Vec<(f64, f64)>> {
    let base = outcome.runs.iter().find(|r| r.run == RunKind::Base)?;
    let track: Vec<(f64, f64)> = base
        .points
        .iter()
        .map_while(|p| p.storm.map(|s| s.position()))
        .collect();
    (track.len() >= 2).then_some(track)
}

fn dose_table(outcome: &Outcome) -> Table {
    let mut table = Table::new(&[
        "lead (h)",
        "a",
        "pressure (hPa)",
        "wind (m/s)",
        "control: pressure",
        "control: wind",
    ]);
    for dose in outcome
        .dose_response_at_base
        .iter()
        .filter(|d| d.lead_hours % 24 == 0)
    {
        for response in dose.responses.iter().filter(|r| r.strength != 0.0) {
            let number = |x: Option<f64>| Cell::Fixed(x.unwrap_or(f64::NAN), 2);
            let control = response.controls.first().copied().flatten();
            table = table.row(vec![
                Cell::Fixed(dose.lead_hours as f64, 0),
                Cell::Fixed(response.strength.into(), 0),
                number(response.change.map(|c| c.pressure_hpa)),
                number(response.change.map(|c| c.wind_m_s)),
                number(control.map(|c| c.pressure_hpa)),
                number(control.map(|c| c.wind_m_s)),
            ]);
        }
    }
    table
}

fn checks(outcome: &Outcome) -> Vec<(String, String)> {
    let checks = &outcome.checks;
    vec![
        (
            "splice of the latents into themselves bit-identical".into(),
            checks.identity_splice_identical.to_string(),
        ),
        (
            "leads at which strength 0 is bit-identical".into(),
            checks.strength_zero_identical_leads.to_string(),
        ),
        (
            "largest difference of injected and intended latents".into(),
            format!("{:.1e}", checks.injection_max_difference),
        ),
        (
            "largest relative difference in length of control and edit".into(),
            format!("{:.1e}", checks.control_norm_max_difference),
        ),
    ]
}
