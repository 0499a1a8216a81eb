//! What lies inside the frame of a map, and the labels around it.

use super::colorbar::Pen;
use super::features::{Contours, MarkShape, Marker, Outline, Track};
use super::{Layer, Map};
use crate::coast::{Coastlines, Ring};
use crate::color::Color;
use crate::contour::contour_lines;
use crate::error::Result;
use crate::raster::{Palette, paint};
use crate::scale::Scale;
use crate::svg::{Anchor, Canvas, TextStyle, number, path_data, text_width};
use crate::ticks::{Ticks, significant};
use crate::window::Frame;

/// Colours of the plain map, seen where no layer covers it.
const SEA: Color = Color::hex(0xeef1f4);
const LAND: Color = Color::hex(0xd8d6d1);

/// Draws everything inside the frame; returns what the colour bars need.
pub(super) fn frame_content<'a>(
    map: &'a Map,
    canvas: &mut Canvas,
    frame: &Frame,
) -> Result<Vec<Pen<'a>>> {
    canvas.rect(
        (0.0, 0.0),
        (frame.width, frame.height),
        &format!("fill=\"{SEA}\""),
    );
    if map.layers.first().is_none_or(Layer::is_see_through) {
        canvas.path(
            &land_data(frame),
            &format!("fill=\"{LAND}\" fill-rule=\"evenodd\""),
        );
    }
    let mut pens = Vec::new();
    for layer in &map.layers {
        pens.push(draw_layer(layer, canvas, frame)?);
    }
    map.outlines
        .iter()
        .filter(|o| o.hatched)
        .for_each(|o| draw_hatching(o, canvas, frame));
    draw_graticule(canvas, frame);
    draw_coast(canvas, frame);
    map.contours
        .iter()
        .for_each(|c| draw_contours(c, canvas, frame));
    map.outlines
        .iter()
        .for_each(|o| draw_outline(o, canvas, frame));
    map.tracks.iter().for_each(|t| draw_track(t, canvas, frame));
    map.markers
        .iter()
        .for_each(|m| draw_marker(m, canvas, frame));
    Ok(pens)
}

fn draw_layer<'a>(layer: &'a Layer, canvas: &mut Canvas, frame: &Frame) -> Result<Pen<'a>> {
    let scale = Scale::new(&layer.range, &layer.field, &layer.label)?;
    let palette = Palette::new(layer.colors, layer.opacity);
    let (width, height) = (frame.width.ceil() as u32, frame.height.ceil() as u32);
    let entries = paint(
        &layer.field,
        &scale,
        layer.sampling,
        frame,
        (width.max(1), height.max(1)),
    );
    let uri = palette.data_uri(&entries, width.max(1))?;
    canvas.image((0.0, 0.0), (frame.width, frame.height), &uri);
    Ok(Pen {
        label: &layer.label,
        extent: layer.field.extent(),
        scale,
        palette,
    })
}

/// A ring repeated over all turns that show, as closed or, around a pole, endless lines of `[lon, lat]`.
fn ring_line(ring: &Ring) -> Vec<[f64; 2]> {
    let mut line = ring.points.clone();
    let [lon, lat] = ring.points[0];
    line.push([lon + ring.winding, lat]);
    line
}

/// Land as a fill: rings shifted into the window, those around a pole closed along it.
///
/// Points far outside are drawn in to the rim of a wider box, which changes nothing inside the frame.
fn land_data(frame: &Frame) -> String {
    let [west, east, south, north] = frame.window.bounds();
    let margin = 40.0;
    let clamp = |[lon, lat]: [f64; 2]| {
        frame.project([
            lon.clamp(west - margin, east + margin),
            lat.clamp(south - margin, north + margin),
        ])
    };
    let mut data = String::new();
    for ring in Coastlines::natural_earth_110m().rings() {
        let mut line = ring_line(ring);
        if ring.winding != 0.0 {
            let (first, last) = (line[0][0], line[line.len() - 1][0]);
            line.extend((0..=36).map(|k| [last + (first - last) * f64::from(k) / 36.0, -90.0]));
        }
        let lons = line.iter().map(|p| p[0]);
        let (low, high) = lons.fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
        for turn in frame.turns(low, high) {
            let points: Vec<_> = line.iter().map(|p| clamp([p[0] + turn, p[1]])).collect();
            data.push_str(&path_data(&thinned(&points), true));
        }
    }
    data
}

fn draw_coast(canvas: &mut Canvas, frame: &Frame) {
    let mut data = String::new();
    for ring in Coastlines::natural_earth_110m().rings() {
        for piece in frame.visible(&ring_line(ring)) {
            data.push_str(&path_data(&thinned(&piece), false));
        }
    }
    canvas.path(&data, "fill=\"none\" stroke=\"#1d2126\" stroke-width=\"0.7\" stroke-opacity=\"0.65\" stroke-linejoin=\"round\"");
}

/// Leaves out points closer than 0.8 units to the last one kept; the ends stay.
fn thinned(line: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(line.len());
    for (i, p) in line.iter().enumerate() {
        let far = kept
            .last()
            .is_none_or(|q| (p.0 - q.0).hypot(p.1 - q.1) >= 0.5);
        if far || i + 1 == line.len() {
            kept.push(*p);
        }
    }
    kept
}

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

fn draw_graticule(canvas: &mut Canvas, frame: &Frame) {
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
        x if x == 0.0 => "0°".into(),
        x if x == -180.0 => "180°".into(),
        x if x < 0.0 => format!("{}°W", number(-x)),
        x => format!("{}°E", number(x)),
    }
}

/// `30°N`, `0°`, `90°S`.
fn latitude_label(lat: f64) -> String {
    match lat {
        y if y == 0.0 => "0°".into(),
        y if y < 0.0 => format!("{}°S", number(-y)),
        y => format!("{}°N", number(y)),
    }
}

fn draw_contours(contours: &Contours, canvas: &mut Canvas, frame: &Frame) {
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
            for piece in frame.visible(&points).into_iter().filter(|p| length(p) >= SPECK) {
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
    line.windows(2).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).sum()
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

fn draw_outline(outline: &Outline, canvas: &mut Canvas, frame: &Frame) {
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
fn draw_hatching(outline: &Outline, canvas: &mut Canvas, frame: &Frame) {
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

fn draw_track(track: &Track, canvas: &mut Canvas, frame: &Frame) {
    let data: String = frame
        .visible(&track.points)
        .iter()
        .map(|p| path_data(p, false))
        .collect();
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

fn draw_marker(marker: &Marker, canvas: &mut Canvas, frame: &Frame) {
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

    #[test]
    fn thinning_keeps_the_ends() {
        let line: Vec<(f64, f64)> = (0..=10).map(|i| (f64::from(i) * 0.1, 0.0)).collect();
        let kept = thinned(&line);
        assert_eq!((kept[0], kept[kept.len() - 1]), ((0.0, 0.0), (1.0, 0.0)));
        assert!(kept.len() <= 4);
    }
}
