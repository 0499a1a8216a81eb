//! Colour bars below a map.

use crate::color::Color;
use crate::error::Result;
use crate::raster::Palette;
use crate::scale::Scale;
use crate::svg::{Anchor, Canvas, TextStyle, path_data};
use crate::ticks::{Ticks, significant};

/// What one colour bar needs to know of its layer.
pub(super) struct Pen<'a> {
    pub(super) label: &'a str,
    /// Smallest and largest value of the field.
    pub(super) extent: Option<(f64, f64)>,
    pub(super) scale: Scale,
    pub(super) palette: Palette,
}

/// Height of a bar, and of the whole row with its tick labels and caption.
const BAR: f64 = 10.0;
const ROW: f64 = 50.0;
/// Gap between two bars in a row.
const GAP: f64 = 36.0;

/// Draws the bars, two in a row; returns the y below them.
pub(super) fn draw_all(
    canvas: &mut Canvas,
    pens: &[Pen<'_>],
    (left, top): (f64, f64),
    width: f64,
) -> Result<f64> {
    let mut y = top;
    for row in pens.chunks(2) {
        let share = if row.len() == 2 {
            (width - GAP) / 2.0
        } else {
            width.min(420.0).max(width * 0.62)
        };
        for (i, pen) in row.iter().enumerate() {
            let x = if row.len() == 1 {
                left + (width - share) / 2.0
            } else {
                left + i as f64 * (share + GAP)
            };
            draw(canvas, pen, (x, y), share)?;
        }
        y += ROW;
    }
    Ok(y)
}

fn draw(canvas: &mut Canvas, pen: &Pen<'_>, (left, top): (f64, f64), width: f64) -> Result<()> {
    // The pointed ends for values beyond the scale take room from both sides.
    let tip = 10.0;
    let (x0, x1) = (left + tip, left + width - tip);
    canvas.rect((x0, top), (x1 - x0, BAR), "fill=\"#ffffff\"");
    match &pen.scale {
        Scale::Linear(..) => canvas.image((x0, top), (x1 - x0, BAR), &pen.palette.strip_uri()?),
        Scale::Bands(levels) => fill_bands(canvas, pen, levels.len() - 1, (x0, top), x1 - x0),
    }
    draw_tips(canvas, pen, (x0, x1, top), tip);
    canvas.rect(
        (x0, top),
        (x1 - x0, BAR),
        "fill=\"none\" stroke=\"#22262b\" stroke-width=\"0.6\"",
    );
    let style = TextStyle::new(11.0, Anchor::Middle);
    for (share, text) in ticks(&pen.scale, width) {
        let x = x0 + share * (x1 - x0);
        canvas.line(
            (x, top + BAR),
            (x, top + BAR + 3.5),
            "stroke=\"#22262b\" stroke-width=\"0.6\"",
        );
        canvas.text((x, top + BAR + 15.0), &text, &style);
    }
    let middle = (left + width / 2.0, top + BAR + 30.0);
    canvas.text(middle, pen.label, &TextStyle::new(11.5, Anchor::Middle));
    Ok(())
}

fn fill_bands(canvas: &mut Canvas, pen: &Pen<'_>, n: usize, (x, y): (f64, f64), width: f64) {
    let step = width / n as f64;
    for i in 0..n {
        let fill = fill_of(pen, (i + 1) as f64 / (n + 1) as f64);
        canvas.rect((x + i as f64 * step, y), (step, BAR), &fill);
    }
}

/// Triangles at the ends where the field goes beyond the scale.
fn draw_tips(canvas: &mut Canvas, pen: &Pen<'_>, (x0, x1, y): (f64, f64, f64), tip: f64) {
    let Some((low, high)) = pen.extent else {
        return;
    };
    let (from, to) = pen.scale.ends();
    let slack = (to - from) * 1e-6;
    let mut draw = |data: String, position: f64| {
        let fill = fill_of(pen, position);
        canvas.path(
            &data,
            &format!("{fill} stroke=\"#22262b\" stroke-width=\"0.6\" stroke-linejoin=\"round\""),
        );
    };
    if low < from - slack {
        draw(
            path_data(&[(x0, y), (x0 - tip, y + BAR / 2.0), (x0, y + BAR)], true),
            0.0,
        );
    }
    if high > to + slack {
        draw(
            path_data(&[(x1, y), (x1 + tip, y + BAR / 2.0), (x1, y + BAR)], true),
            1.0,
        );
    }
}

fn fill_of(pen: &Pen<'_>, position: f64) -> String {
    let (color, alpha): (Color, f64) = pen.palette.at(position);
    if alpha >= 1.0 {
        return format!("fill=\"{color}\"");
    }
    format!("fill=\"{color}\" fill-opacity=\"{alpha:.3}\"")
}

/// Share of the bar's length and text of each tick.
fn ticks(scale: &Scale, width: f64) -> Vec<(f64, String)> {
    match scale {
        Scale::Linear(low, high) => {
            let ticks = Ticks::linear(*low, *high, (width / 55.0) as usize);
            let share = |v: &f64| (v - low) / (high - low);
            ticks.values.iter().map(share).zip(ticks.labels).collect()
        }
        Scale::Bands(levels) => {
            let last = (levels.len() - 1) as f64;
            let every = (levels.len() as f64 * 30.0 / width).ceil().max(1.0) as usize;
            let marks = levels.iter().enumerate().step_by(every);
            marks
                .map(|(i, v)| (i as f64 / last, significant(*v)))
                .collect()
        }
    }
}
