//! Contours, outlines, tracks and markers inside the frame of a map.

use super::features::{Contours, MarkShape, Marker, Outline, Track};
use crate::color::Color;
use crate::contour::contour_lines;
use crate::svg::{Anchor, Canvas, TextStyle, number, path_data, text_width};
use crate::ticks::significant;
use crate::window::Frame;

pub(super) fn draw_contours(contours: &Contours, canvas: &mut Canvas, frame: &Frame) {
    let mut labels: Vec<(f64, f64, String)> = Vec::new();
    let mut data = String::new();
    for level in &contours.levels {
        for line in contour_lines(&contours.field, *level) {
            let mut points = line.points;
            if line.closed {
                let [lon, lat] = points[0];
                let last = points[points.len() - 1][0];
                points.push([lon + ((last - lon) / 360.0).round() * 360.0, lat]);
            }
            for piece in frame
                .visible(&points)
                .into_iter()
                .filter(|p| length(p) >= SPECK)
            {
                data.push_str(&path_data(&piece, false));
                place_label(&piece, &significant_or_whole(*level), frame, &mut labels);
            }
        }
    }
    canvas.path(&data, &contours.stroke());
    let style = TextStyle::new(9.5, Anchor::Middle)
        .color(contours.color)
        .halo();
    for (x, y, text) in labels {
        canvas.text((x, y + 3.3), &text, &style);
    }
}

/// Contours shorter than this, in figure units, are specks around a single grid point and are not drawn.
const SPECK: f64 = 8.0;

fn length(line: &[(f64, f64)]) -> f64 {
    line.windows(2)
        .map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1))
        .sum()
}

/// Whole numbers in full, others with three digits.
fn significant_or_whole(level: f64) -> String {
    if level.fract() == 0.0 && level.abs() < 1e6 {
        number(level)
    } else {
        significant(level)
    }
}

/// Puts a label on the middle of a long piece, unless another label or the frame is too near.
fn place_label(
    piece: &[(f64, f64)],
    text: &str,
    frame: &Frame,
    labels: &mut Vec<(f64, f64, String)>,
) {
    let length: f64 = piece
        .windows(2)
        .map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1))
        .sum();
    if length < 70.0 {
        return;
    }
    let n = piece.len();
    let order = (0..n).map(|k| (n / 2 + k * 7) % n);
    let free = order.map(|k| piece[k]).find(|(x, y)| {
        let inside = *x > 14.0 && *x < frame.width - 14.0 && *y > 8.0 && *y < frame.height - 8.0;
        inside
            && labels
                .iter()
                .all(|(lx, ly, _)| (lx - x).abs() > 46.0 || (ly - y).abs() > 18.0)
    });
    if let Some((x, y)) = free {
        labels.push((x, y, text.into()));
    }
}

pub(super) fn draw_outline(outline: &Outline, canvas: &mut Canvas, frame: &Frame) {
    let mut data = String::new();
    for edge in outline.edges() {
        for piece in frame.visible(&edge) {
            data.push_str(&path_data(&piece, false));
        }
    }
    canvas.path(
        &data,
        &format!("{} stroke-linecap=\"square\"", outline.stroke()),
    );
}

/// Diagonal lines at a fixed distance through every run of cells, in line from cell to cell.
pub(super) fn draw_hatching(outline: &Outline, canvas: &mut Canvas, frame: &Frame) {
    let spacing = 6.0;
    let mut data = String::new();
    for [west, east, lat_a, lat_b] in outline.runs() {
        for turn in frame.turns(west, east) {
            let (x0, y0) = frame.project([west + turn, lat_a.max(lat_b)]);
            let (x1, y1) = frame.project([east + turn, lat_a.min(lat_b)]);
            let (x0, x1) = (x0.max(0.0), x1.min(frame.width));
            // Lines x + y = c.
            let first = ((x0 + y0) / spacing).ceil() as i64;
            let last = ((x1 + y1) / spacing).floor() as i64;
            for c in (first..=last).map(|k| k as f64 * spacing) {
                let (xa, xb) = (x0.max(c - y1), x1.min(c - y0));
                if xa < xb {
                    data.push_str(&path_data(&[(xa, c - xa), (xb, c - xb)], false));
                }
            }
        }
    }
    canvas.path(
        &data,
        &format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"0.6\"",
            outline.color
        ),
    );
}

pub(super) fn draw_track(track: &Track, canvas: &mut Canvas, frame: &Frame) {
    let data: String = frame
        .visible(&track.points)
        .iter()
        .map(|p| path_data(p, false))
        .collect();
    if track.is_thin {
        return draw_thin(track, &data, canvas);
    }
    canvas.path(&data, "fill=\"none\" stroke=\"#ffffff\" stroke-width=\"4\" stroke-opacity=\"0.75\" stroke-linejoin=\"round\"");
    let line = format!(
        "fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-linejoin=\"round\"",
        track.color
    );
    canvas.path(&data, &line);
    let shown: Vec<_> = track
        .points
        .iter()
        .filter_map(|p| frame.locate(p[1], p[0]))
        .collect();
    for (i, point) in shown.iter().enumerate() {
        let fill = if i == 0 {
            Color::hex(0xffffff)
        } else {
            track.color
        };
        let dot = format!(
            "fill=\"{fill}\" stroke=\"{}\" stroke-width=\"1.2\"",
            track.color
        );
        canvas.circle(*point, if i == 0 { 3.0 } else { 2.0 }, &dot);
    }
    if let Some(end) = shown.last() {
        label_beside(canvas, frame, *end, 7.0, (&track.label, track.color));
    }
}

fn draw_thin(track: &Track, data: &str, canvas: &mut Canvas) {
    let line = format!(
        "fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
        track.color
    );
    canvas.path(data, &line);
}

pub(super) fn draw_marker(marker: &Marker, canvas: &mut Canvas, frame: &Frame) {
    let Some(at @ (x, y)) = frame.locate(marker.lat, marker.lon) else {
        return;
    };
    let line = format!(
        "fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linecap=\"round\"",
        marker.color
    );
    let halo = "fill=\"none\" stroke=\"#ffffff\" stroke-width=\"4.5\" stroke-opacity=\"0.85\" stroke-linecap=\"round\"";
    match marker.shape {
        MarkShape::Circle => [halo, &line]
            .into_iter()
            .for_each(|l| canvas.circle(at, 7.0, l)),
        MarkShape::Dot => {
            let fill = format!(
                "fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"1\"",
                marker.color
            );
            canvas.circle(at, 3.5, &fill);
        }
        MarkShape::Cross => {
            let arms = [
                [(x - 5.0, y - 5.0), (x + 5.0, y + 5.0)],
                [(x - 5.0, y + 5.0), (x + 5.0, y - 5.0)],
            ];
            let data: String = arms.iter().map(|a| path_data(a, false)).collect();
            [halo, &line]
                .into_iter()
                .for_each(|l| canvas.path(&data, l));
        }
    }
    label_beside(canvas, frame, at, 11.0, (&marker.label, marker.color));
}

/// Text right of a point, or left of it where the frame ends.
fn label_beside(
    canvas: &mut Canvas,
    frame: &Frame,
    (x, y): (f64, f64),
    gap: f64,
    (text, color): (&str, Color),
) {
    if text.is_empty() {
        return;
    }
    let fits = x + gap + text_width(text, 12.0) < frame.width;
    let (anchor, x) = if fits {
        (Anchor::Start, x + gap)
    } else {
        (Anchor::End, x - gap)
    };
    let y = y.clamp(8.0, frame.height - 6.0);
    canvas.text(
        (x, y + 4.0),
        text,
        &TextStyle::new(12.0, anchor).bold().color(color).halo(),
    );
}
