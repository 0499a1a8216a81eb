//! Lines of equal latitude and longitude, their labels, and the frame line.

use crate::color::Color;
use crate::svg::{Anchor, Canvas, TextStyle, number, path_data};
use crate::ticks::Ticks;
use crate::window::Frame;

/// Step of the graticule in degrees that leaves room for its labels.
fn graticule_step(frame: &Frame) -> f64 {
    let wanted = frame.window.width() / (frame.width / 52.0).floor().clamp(1.0, 12.0);
    let wanted = wanted.max(frame.window.height() / 8.0);
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0];
    steps
        .into_iter()
        .find(|s| *s >= wanted * 0.999)
        .unwrap_or(if wanted > 45.0 { 60.0 } else { 30.0 })
}

/// Thin lines of equal latitude and longitude.
pub(super) fn draw_graticule(canvas: &mut Canvas, frame: &Frame) {
    let [west, east, south, north] = frame.window.bounds();
    let step = graticule_step(frame).min(30.0);
    let mut data = String::new();
    for lon in Ticks::every(west, east, step).values {
        data.push_str(&path_data(
            &[frame.project([lon, south]), frame.project([lon, north])],
            false,
        ));
    }
    for lat in Ticks::every(south, north, step).values {
        data.push_str(&path_data(
            &[frame.project([west, lat]), frame.project([east, lat])],
            false,
        ));
    }
    canvas.path(
        &data,
        "fill=\"none\" stroke=\"#3a4048\" stroke-width=\"0.5\" stroke-opacity=\"0.28\"",
    );
}

/// The frame line and the labels of the graticule.
pub(super) fn border_and_labels(canvas: &mut Canvas, frame: &Frame, (left, top): (f64, f64)) {
    let line = format!(
        "fill=\"none\" stroke=\"{}\" stroke-width=\"0.8\"",
        Color::INK
    );
    canvas.rect((left, top), (frame.width, frame.height), &line);
    let [west, east, south, north] = frame.window.bounds();
    let step = graticule_step(frame);
    let style = TextStyle::new(11.0, Anchor::Middle).color(Color::SOFT_INK);
    for lon in Ticks::every(west, east, step).values {
        let (x, y) = frame.project([lon, south]);
        canvas.text((left + x, top + y + 14.0), &longitude_label(lon), &style);
    }
    let style = TextStyle {
        anchor: Anchor::End,
        ..style
    };
    for lat in Ticks::every(south, north, step.min(30.0)).values {
        let (_, y) = frame.project([west, lat]);
        canvas.text((left - 5.0, top + y + 4.0), &latitude_label(lat), &style);
    }
}

/// `60°W`, `0°`, `180°`.
fn longitude_label(lon: f64) -> String {
    let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
    match lon {
        0.0 => "0°".into(),
        -180.0 => "180°".into(),
        x if x < 0.0 => format!("{}°W", number(-x)),
        x => format!("{}°E", number(x)),
    }
}

/// `30°N`, `0°`, `90°S`.
fn latitude_label(lat: f64) -> String {
    match lat {
        0.0 => "0°".into(),
        y if y < 0.0 => format!("{}°S", number(-y)),
        y => format!("{}°N", number(y)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    #[test]
    fn places_have_hemispheres() {
        assert_eq!(
            [-180.0, -90.0, 0.0, 45.0, 180.0, 240.0].map(longitude_label),
            ["180°", "90°W", "0°", "45°E", "180°", "120°W"]
        );
        assert_eq!(
            [-30.0, 0.0, 22.5].map(latitude_label),
            ["30°S", "0°", "22.5°N"]
        );
    }

    #[test]
    fn a_wide_global_map_has_lines_every_30_degrees() {
        let step = |window, width| graticule_step(&Frame::fit(window, width, 1000.0));
        assert_eq!(step(Window::global(0.0), 700.0), 30.0);
        assert_eq!(step(Window::global(0.0), 330.0), 60.0);
        assert_eq!(
            step(Window::region(-90.0, -60.0, 10.0, 40.0).unwrap(), 600.0),
            5.0
        );
    }
}
