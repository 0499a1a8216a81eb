//! Plots with axes: lines and scores.

mod axis;
mod line;
mod score;
mod series;
mod value;

pub use axis::AxisScale;
pub use line::LinePlot;
pub use score::ScorePlot;
pub use series::Series;
pub use value::Score;

use crate::color::Color;
use crate::svg::{Anchor, Canvas, TextStyle};

/// Stroke of axis frames.
const AXIS_LINE: &str = "fill=\"none\" stroke=\"#22262b\" stroke-width=\"0.8\"";
/// Stroke of the lines behind the data.
const GRID_LINE: &str = "stroke=\"#d9dde2\" stroke-width=\"0.8\"";
/// Stroke of reference lines.
const RULE_LINE: &str = "stroke=\"#5b636e\" stroke-width=\"1\" stroke-dasharray=\"2 3\"";

/// Title and subtitle at the top left; returns the y below them.
fn draw_titles(canvas: &mut Canvas, title: &str, subtitle: &str) -> f64 {
    canvas.text(
        (8.0, 18.0),
        title,
        &TextStyle::new(15.0, Anchor::Start).bold(),
    );
    if subtitle.is_empty() {
        return 28.0;
    }
    let style = TextStyle::new(12.0, Anchor::Start).color(Color::SOFT_INK);
    canvas.text((8.0, 35.0), subtitle, &style);
    45.0
}

/// Text of tick labels.
fn tick_style(anchor: Anchor) -> TextStyle {
    TextStyle::new(11.0, anchor).color(Color::SOFT_INK)
}
