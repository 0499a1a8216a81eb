//! Draws an analytic "storm" on maps and plots and writes them as one HTML page.
//!
//! `cargo run -p dropsonde-atlas --example map` prints where the page lies; open it in a browser.

use std::path::{Path, PathBuf};

use dropsonde_atlas::{
    Color, ColorMap, Contours, GridField, Layer, LinePlot, Map, MarkShape, Marker, Opacity, Range,
    Report, Result, Score, ScorePlot, Section, Series, Table, Track, Window,
};

/// Positions of the storm every 24 hours, `(lat, lon)` in degrees.
const PATH: [(f64, f64); 5] = [
    (14.0, 160.0),
    (17.0, 168.0),
    (21.0, 175.0),
    (27.0, 181.0),
    (35.0, 189.0),
];

/// A field of `f(lat, lon)` on a 2-degree global grid.
fn field(f: impl Fn(f64, f64) -> f64) -> Result<GridField> {
    let lat: Vec<f32> = (0..=90).map(|i| -90.0 + 2.0 * i as f32).collect();
    let lon: Vec<f32> = (0..180).map(|j| 2.0 * j as f32).collect();
    let row = |y: &f32| {
        lon.iter()
            .map(|x| f(f64::from(*y), f64::from(*x)) as f32)
            .collect::<Vec<_>>()
    };
    let values: Vec<f32> = lat.iter().flat_map(row).collect();
    GridField::new(&lat, &lon, &values)
}

/// A bump of height 1 around a place, with a width in degrees.
fn bump(lat: f64, lon: f64, centre: (f64, f64), width: f64) -> f64 {
    let dx = ((lon - centre.1 + 180.0).rem_euclid(360.0) - 180.0) * lat.to_radians().cos();
    (-(dx.powi(2) + (lat - centre.0).powi(2)) / (2.0 * width * width)).exp()
}

fn temperature(lat: f64, lon: f64) -> f64 {
    let wave = 4.0 * (3.0 * lon.to_radians()).sin() * lat.to_radians().cos().powi(2);
    32.0 - 60.0 * lat.to_radians().sin().powi(2) + wave
}

fn pressure(lat: f64, lon: f64) -> f64 {
    let belts = 1013.0 - 12.0 * (4.0 * lat.to_radians()).cos() * lat.to_radians().cos();
    belts - 45.0 * bump(lat, lon, PATH[2], 4.0)
}

fn report() -> Result<Report> {
    let world = Map::new("Analytic temperature and pressure")
        .subtitle("Plate carrée, the Pacific in the middle")
        .window(Window::global(180.0))
        .layer(Layer::new(field(temperature)?, "temperature (°C)").colors(ColorMap::Thermal))
        .contours(Contours::every(field(pressure)?, 6.0)?.label("pressure, every 6 hPa"))
        .to_svg()?;
    let activation = field(|lat, lon| 3.0 * bump(lat, lon, PATH[2], 5.0))?;
    let storm = Map::new("A feature over the pressure field")
        .window(Window::around(PATH[2].0, PATH[2].1, 60.0, 36.0)?)
        .layer(Layer::new(field(pressure)?, "pressure (hPa)").colors(ColorMap::Grey))
        .layer(
            Layer::new(activation, "activation")
                .colors(ColorMap::YlOrRd)
                .range(Range::Between(0.0, 3.0))
                .opacity(Opacity::Rising(0.5)),
        )
        .track(Track::new(&PATH)?.color(Color::series(0)).label("day 5"))
        .marker(Marker::new(PATH[2].0, PATH[2].1, MarkShape::Cross).label("centre"))
        .to_svg()?;
    let maps = Section::new("Maps")
        .paragraph("Every picture on this page is computed from a formula; none of it is weather.")
        .figure(
            world,
            "A field with contours. North is up and the dateline is not an edge.",
        )
        .figure(
            storm,
            "A close-up across the dateline, with a second layer that fades out.",
        );
    Ok(Report::new("An atlas of formulas")
        .subtitle("`dropsonde-atlas` without data")
        .section(maps)
        .section(plots()?))
}

fn plots() -> Result<Section> {
    let hours: Vec<f64> = (0..=20).map(|i| 6.0 * f64::from(i)).collect();
    let curve = |rate: f64| {
        hours
            .iter()
            .map(|h| 1008.0 - 40.0 * (1.0 - (-rate * h).exp()))
            .collect::<Vec<f64>>()
    };
    let (plain, strong) = (curve(0.01), curve(0.03));
    let shifted = |by: f64| plain.iter().map(|p| p + by).collect::<Vec<f64>>();
    let lines = LinePlot::new("Central pressure")
        .x_label("lead time (h)")
        .x_step(24.0)
        .y_label("pressure (hPa)")
        .series(Series::new("unchanged", &hours, &plain).band(&shifted(-3.0), &shifted(3.0)))
        .series(Series::new("feature strengthened", &hours, &strong).dots())
        .to_svg()?;
    let scores = ScorePlot::dots("How well is each thing found?", &["feature", "neuron"])
        .value_label("area under the ROC curve")
        .range(0.4, 1.0)
        .reference(0.5, "chance")
        .row(
            "storm",
            vec![
                Score::with_interval(0.94, 0.91, 0.96),
                Score::with_interval(0.81, 0.77, 0.86),
            ],
        )
        .row(
            "plume",
            vec![
                Score::with_interval(0.88, 0.85, 0.90),
                Score::with_interval(0.83, 0.80, 0.87),
            ],
        )
        .to_svg()?;
    let table = Table::new(&["lead time (h)", "unchanged (hPa)", "strengthened (hPa)"]);
    let table = (0..=20).step_by(4).fold(table, |t, i| {
        t.row(vec![hours[i].into(), plain[i].into(), strong[i].into()])
    });
    Ok(Section::new("Plots and a table")
        .figure(lines, "Two curves, one with a band, named at their ends.")
        .figure(scores, "Scores with intervals.")
        .table(table, "The same curves as numbers."))
}

/// Writes the page into `dir` and returns its path.
fn write_page(dir: &Path) -> Result<PathBuf> {
    let path = dir.join("dropsonde-atlas-example.html");
    report()?.write(&path)?;
    Ok(path)
}

fn main() -> Result<()> {
    let path = write_page(&std::env::temp_dir())?;
    println!("wrote {}: two maps, two plots and a table", path.display());
    Ok(())
}

#[test]
fn the_page_holds_everything_and_loads_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let html = std::fs::read_to_string(write_page(dir.path()).unwrap()).unwrap();
    assert_eq!(html.matches("<svg xmlns").count(), 4);
    assert_eq!(html.matches("data:image/png;base64,").count(), 6);
    assert!(!html.contains("<script") && !html.contains("<link") && !html.contains("src=\"http"));
    assert!(html.len() < 700_000, "{} bytes", html.len());
}
