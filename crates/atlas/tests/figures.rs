//! Figures and reports are well-formed XML, hostile text included, and say what they show.

#![allow(clippy::unwrap_used)] // helpers of tests, too

use dropsonde_atlas::{
    Cell, Color, ColorMap, Contours, GridField, GridMask, Layer, LinePlot, Map, MarkShape, Marker,
    Opacity, Outline, Range, Report, Sampling, Score, ScorePlot, Section, Series, Svg, Table,
    Track, Window,
};
use roxmltree::{Document, ParsingOptions};

const NASTY: &str = "a<b>&\"c\" 'd' ]]> \u{1} é ∂";
const NASTY_SHOWN: &str = "a<b>&\"c\" 'd' ]]> \u{fffd} é ∂";

fn field(f: impl Fn(f32, f32) -> f32) -> GridField {
    let lat: Vec<f32> = (0..18).map(|i| 85.0 - 10.0 * i as f32).collect();
    let lon: Vec<f32> = (0..36).map(|j| 10.0 * j as f32).collect();
    let values: Vec<f32> = lat
        .iter()
        .flat_map(|y| lon.iter().map(|x| f(*y, *x)).collect::<Vec<_>>())
        .collect();
    GridField::new(&lat, &lon, &values).unwrap()
}

/// Checks what holds for every figure and returns its text elements.
fn texts(svg: &Svg) -> Vec<String> {
    let document = Document::parse(svg.as_str()).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    assert_eq!(root.attribute("role"), Some("img"));
    assert!(
        root.attribute("font-family")
            .unwrap()
            .contains("sans-serif")
    );
    let size: Vec<f64> = root
        .attribute("viewBox")
        .unwrap()
        .split(' ')
        .map(|v| v.parse().unwrap())
        .collect();
    assert!(size.len() == 4 && size[2] > 100.0 && size[3] > 100.0);
    assert_eq!(
        root.first_element_child().unwrap().tag_name().name(),
        "title"
    );
    assert!(!svg.as_str().contains("NaN") && !svg.as_str().contains("inf"));
    let words = document
        .descendants()
        .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    words.filter_map(|n| n.text().map(str::to_string)).collect()
}

fn full_map(window: Window) -> Svg {
    let waves = field(|y, x| y + 20.0 * (x.to_radians() * 2.0).sin());
    let inside: Vec<bool> = (0..18 * 36).map(|n| n % 7 == 0).collect();
    let lat: Vec<f32> = (0..18).map(|i| 85.0 - 10.0 * i as f32).collect();
    let lon: Vec<f32> = (0..36).map(|j| 10.0 * j as f32).collect();
    Map::new(NASTY)
        .subtitle(NASTY)
        .window(window)
        .layer(
            Layer::new(field(|y, x| if x > 300.0 { f32::NAN } else { y }), NASTY)
                .sampling(Sampling::Nearest),
        )
        .layer(
            Layer::new(waves.clone(), "waves")
                .colors(ColorMap::Balance)
                .range(Range::Symmetric)
                .opacity(Opacity::Rising(1.0)),
        )
        .contours(Contours::every(waves.clone(), 20.0).unwrap().label(NASTY))
        .outline(
            Outline::new(GridMask::new(&lat, &lon, &inside).unwrap())
                .hatched()
                .label(NASTY),
        )
        .outline(Outline::above(&waves, 50.0))
        .track(
            Track::new(&[(10.0, 170.0), (20.0, -170.0)])
                .unwrap()
                .label(NASTY),
        )
        .marker(Marker::new(26.8, -70.7, MarkShape::Circle).label(NASTY))
        .marker(Marker::new(0.0, 500.0, MarkShape::Cross))
        .marker(Marker::new(80.0, 0.0, MarkShape::Dot).label("far north"))
        .to_svg()
        .unwrap()
}

#[test]
fn maps_of_every_kind_of_window_are_well_formed() {
    for window in [
        Window::global(0.0),
        Window::global(180.0),
        Window::global(-97.5),
        Window::region(160.0, -120.0, -30.0, 30.0).unwrap(),
        Window::region(-100.0, -40.0, 0.0, 45.0).unwrap(),
        Window::around(-88.0, 10.0, 360.0, 20.0).unwrap(),
        Window::around(26.8, -70.7, 0.5, 0.5).unwrap(),
    ] {
        let found = texts(&full_map(window));
        assert!(
            found.iter().filter(|t| *t == NASTY_SHOWN).count() >= 4,
            "{found:?}"
        );
    }
}

#[test]
fn thin_tracks_have_no_dots_and_keys_are_named() {
    let track = Track::new(&[(10.0, 170.0), (20.0, -170.0)]).unwrap();
    let color = Color::hex(0x7a0026);
    let thick = Map::new("m").track(track.clone()).to_svg().unwrap();
    let thin = Map::new("m")
        .track(track.thin().color(color))
        .key("a < b", color)
        .to_svg()
        .unwrap();
    assert!(texts(&thin).iter().any(|text| text == "a < b"));
    let circles = |svg: &Svg| svg.as_str().matches("<circle").count();
    assert_eq!((circles(&thin), circles(&thick) > 0), (0, true));
    // the line itself, and its sample in the key
    assert_eq!(thin.as_str().matches("stroke=\"#7a0026\"").count(), 2);
}

#[test]
fn a_map_without_layers_shows_land_and_labels() {
    let svg = Map::new("plain").to_svg().unwrap();
    let found = texts(&svg);
    for label in ["180°", "0°", "120°W", "150°E", "60°N", "90°S"] {
        assert!(found.iter().any(|t| t == label), "{label} in {found:?}");
    }
    assert!(svg.as_str().contains("#d8d6d1"));
    assert!(svg.as_str().len() < 80_000, "{} bytes", svg.as_str().len());
}

#[test]
fn the_same_map_is_drawn_twice_alike() {
    assert_eq!(full_map(Window::global(0.0)), full_map(Window::global(0.0)));
}

#[test]
fn a_global_map_stays_light() {
    let svg = Map::new("t")
        .layer(Layer::new(field(|y, x| y + x), "K"))
        .to_svg()
        .unwrap();
    assert!(svg.as_str().len() < 150_000, "{} bytes", svg.as_str().len());
}

#[test]
fn line_plots_show_names_labels_and_ticks() {
    let x = [0.0, 24.0, 48.0, 72.0];
    let svg = LinePlot::new(NASTY)
        .x_label("lead time (h)")
        .x_step(24.0)
        .y_label(NASTY)
        .series(Series::new(NASTY, &x, &[1.0, 3.0, f64::NAN, 2.0]).band(&[0.0; 4], &[4.0; 4]))
        .series(
            Series::new("control", &x, &[1.0, 1.0, 1.0, 1.0])
                .dashed()
                .dots(),
        )
        .rule(2.0, "climatology")
        .to_svg()
        .unwrap();
    let found = texts(&svg);
    for text in [
        NASTY_SHOWN,
        "control",
        "climatology",
        "lead time (h)",
        "48",
        "72",
    ] {
        assert!(found.iter().any(|t| t == text), "{text} in {found:?}");
    }
}

#[test]
fn score_plots_write_their_values() {
    let row = || {
        vec![
            Score::with_interval(0.9, 0.85, 0.95),
            Score::new(0.61),
            Score::new(f64::NAN),
        ]
    };
    let methods = ["feature", NASTY, "component"];
    for plot in [
        ScorePlot::dots(NASTY, &methods),
        ScorePlot::bars(NASTY, &methods),
    ] {
        let svg = plot
            .row("storms", row())
            .row(NASTY, row())
            .reference(0.5, "chance")
            .to_svg()
            .unwrap();
        let found = texts(&svg);
        assert_eq!(found.iter().filter(|t| t.starts_with("0.61")).count(), 2);
        assert!(found.iter().any(|t| t == "chance"));
    }
}

#[test]
fn a_report_is_well_formed_and_escapes_everything() {
    let table = Table::new(&[NASTY, "n"]).row(vec![NASTY.into(), Cell::Fixed(1.5, 1).strong()]);
    let section = Section::new(NASTY)
        .paragraph(NASTY)
        .note(NASTY)
        .list([NASTY])
        .facts([(NASTY, NASTY)])
        .figure(full_map(Window::global(0.0)), NASTY)
        .table(table, NASTY);
    let html = Report::new(NASTY)
        .subtitle(NASTY)
        .section(section)
        .to_html()
        .unwrap();
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&html, options).unwrap();
    let text: Vec<&str> = document
        .descendants()
        .filter(|n| n.is_text())
        .filter_map(|n| n.text())
        .collect();
    assert!(text.iter().filter(|t| **t == NASTY_SHOWN).count() >= 12);
    assert!(
        document
            .descendants()
            .all(|n| n.tag_name().name() != "b" || n.text() == Some("1.5"))
    );
}

#[test]
fn a_report_is_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.html");
    let report = Report::new("t").section(Section::new("s").paragraph("p"));
    report.write(&path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        report.to_html().unwrap()
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
