//! What lies inside the frame of a map, from the bottom up.

use super::colorbar::Pen;
use super::graticule::draw_graticule;
use super::marks::{draw_contours, draw_hatching, draw_marker, draw_outline, draw_track};
use super::{Layer, Map};
use crate::coast::{Coastlines, Ring};
use crate::color::Color;
use crate::error::Result;
use crate::raster::{Palette, paint};
use crate::scale::Scale;
use crate::svg::{Canvas, path_data};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends() {
        let line: Vec<(f64, f64)> = (0..=10).map(|i| (f64::from(i) * 0.1, 0.0)).collect();
        let kept = thinned(&line);
        assert_eq!((kept[0], kept[kept.len() - 1]), ((0.0, 0.0), (1.0, 0.0)));
        assert!(kept.len() <= 4);
    }
}
