//! `ScorePlot`: scores of several methods on several tasks, with intervals.

use super::axis::{Axis, AxisSpec};
use super::value::{Score, bar_range};
use super::{AXIS_LINE, GRID_LINE, RULE_LINE, draw_titles, tick_style};
use crate::color::Color;
use crate::error::{Error, Result};
use crate::grid::check_length;
use crate::svg::{Anchor, Canvas, Svg, TextStyle, text_width};
use crate::ticks::fixed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Dot,
    Bar,
}

/// One row per task, one mark per method in each row; values are written beside their marks.
#[derive(Clone, Debug)]
pub struct ScorePlot {
    title: String,
    subtitle: String,
    mark: Mark,
    methods: Vec<String>,
    rows: Vec<(String, Vec<Score>)>,
    axis: AxisSpec,
    reference: Option<(f64, String)>,
    width: f64,
}

/// Height of one mark and of the free space between rows.
const LINE: f64 = 15.0;
const SPACE: f64 = 10.0;
/// Room right of the axis for a written value.
const RIGHT: f64 = 46.0;

/// Where the axis lies in the figure.
struct Area {
    left: f64,
    width: f64,
    axis: Axis,
    /// Decimals of the written values: one more than the ticks have.
    decimals: usize,
}

impl Area {
    fn x(&self, v: f64) -> f64 {
        self.left + self.axis.share(v).clamp(0.0, 1.0) * self.width
    }
}

impl ScorePlot {
    /// A plot of dots on an axis that need not start at zero.
    pub fn dots<S: Into<String>>(title: S, methods: &[&str]) -> Self {
        Self::with_mark(title.into(), methods, Mark::Dot)
    }

    /// A plot of bars from zero (or from the reference value).
    pub fn bars<S: Into<String>>(title: S, methods: &[&str]) -> Self {
        Self::with_mark(title.into(), methods, Mark::Bar)
    }

    fn with_mark(title: String, methods: &[&str], mark: Mark) -> Self {
        Self {
            title,
            subtitle: String::new(),
            mark,
            methods: methods.iter().map(|m| (*m).to_string()).collect(),
            rows: Vec::new(),
            axis: AxisSpec {
                padding: 0.03,
                ..AxisSpec::default()
            },
            reference: None,
            width: 640.0,
        }
    }

    /// A second line below the title.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Name and units of the score.
    pub fn value_label(mut self, label: impl Into<String>) -> Self {
        self.axis.label = label.into();
        self
    }

    /// Ends of the axis, in place of those of the data.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.axis.range = Some((low, high));
        self
    }

    /// A labelled reference value, for example chance; bars start there.
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.reference = Some((value, label.into()));
        self
    }

    /// Adds a row: a task, and one score per method in the order of the methods.
    pub fn row(mut self, label: impl Into<String>, scores: Vec<Score>) -> Self {
        self.rows.push((label.into(), scores));
        self
    }

    /// Width of the figure in units (CSS pixels), at least 320; the height follows from the rows.
    pub fn width(mut self, width: f64) -> Self {
        self.width = width.max(320.0);
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    /// [`Error::Empty`] without rows or methods, [`Error::Length`] for a row without one score per method,
    /// [`Error::Range`] for an impossible axis range.
    pub fn to_svg(&self) -> Result<Svg> {
        self.check()?;
        let mut canvas = Canvas::new();
        let mut top = draw_titles(&mut canvas, &self.title, &self.subtitle);
        if self.methods.len() > 1 {
            top = self.draw_key(&mut canvas, top);
        }
        top += if self.reference.is_some() { 16.0 } else { 2.0 };
        let area = self.area()?;
        let height = self.rows.len() as f64 * self.row_height();
        self.draw_axis(&mut canvas, &area, (top, height));
        for (i, (label, scores)) in self.rows.iter().enumerate() {
            self.draw_row(
                &mut canvas,
                &area,
                top + i as f64 * self.row_height(),
                (label, scores),
            );
        }
        let bottom = top
            + height
            + if self.axis.label.is_empty() {
                24.0
            } else {
                42.0
            };
        Ok(canvas.finish((self.width, bottom), &self.title))
    }

    fn check(&self) -> Result<()> {
        if self.rows.is_empty() || self.methods.is_empty() {
            let what = if self.rows.is_empty() {
                "row"
            } else {
                "method"
            };
            return Err(Error::Empty {
                title: self.title.clone(),
                what,
            });
        }
        for (label, scores) in &self.rows {
            check_length(
                &format!("scores of {label}"),
                self.methods.len(),
                scores.len(),
            )?;
        }
        Ok(())
    }

    fn row_height(&self) -> f64 {
        self.methods.len() as f64 * LINE + SPACE
    }

    fn color(&self, method: usize) -> Color {
        Color::series(method)
    }

    /// Where bars start.
    fn origin(&self) -> f64 {
        self.reference.as_ref().map_or(0.0, |r| r.0)
    }

    fn area(&self) -> Result<Area> {
        let widest = self
            .rows
            .iter()
            .map(|r| text_width(&r.0, 12.0))
            .fold(0.0, f64::max);
        let left = (widest + 18.0).min(self.width * 0.4);
        let width = self.width - left - RIGHT;
        let scores = self.rows.iter().flat_map(|r| &r.1);
        let ends = scores.flat_map(|s| {
            let (low, high) = s.interval.unwrap_or((s.value, s.value));
            [s.value, low, high]
        });
        let ends: Vec<f64> = ends
            .chain(self.fixed_point())
            .filter(|v| v.is_finite())
            .collect();
        let mut spec = self.axis.clone();
        if self.mark == Mark::Bar && spec.range.is_none() {
            spec.range = Some(bar_range(self.origin(), &ends));
        }
        let axis = spec.resolve(ends.into_iter(), (width / 60.0) as usize)?;
        let tick_decimals = axis
            .ticks
            .labels
            .iter()
            .map(|l| l.split('.').nth(1).map_or(0, str::len));
        let decimals = tick_decimals.max().unwrap_or(1) + 1;
        Ok(Area {
            left,
            width,
            axis,
            decimals,
        })
    }

    /// A value that the axis must show besides the scores.
    fn fixed_point(&self) -> Option<f64> {
        match self.mark {
            Mark::Bar => Some(self.origin()),
            Mark::Dot => self.reference.as_ref().map(|r| r.0),
        }
    }

    /// Method names with their colours, in rows; returns the y below.
    fn draw_key(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let (mut x, mut y) = (8.0, top + 10.0);
        for (i, method) in self.methods.iter().enumerate() {
            let needed = 34.0 + text_width(method, 12.0);
            if x > 8.0 && x + needed > self.width {
                (x, y) = (8.0, y + 17.0);
            }
            canvas.circle(
                (x + 5.0, y - 4.0),
                4.5,
                &format!("fill=\"{}\"", self.color(i)),
            );
            canvas.text((x + 14.0, y), method, &TextStyle::new(12.0, Anchor::Start));
            x += needed;
        }
        y + 8.0
    }

    fn draw_axis(&self, canvas: &mut Canvas, area: &Area, (top, height): (f64, f64)) {
        for i in (0..self.rows.len()).step_by(2) {
            let y = top + i as f64 * self.row_height();
            canvas.rect(
                (0.0, y),
                (self.width, self.row_height()),
                "fill=\"#f5f6f8\"",
            );
        }
        let bottom = top + height;
        for (v, label) in area.axis.ticks.values.iter().zip(&area.axis.ticks.labels) {
            let x = area.x(*v);
            canvas.line((x, top), (x, bottom), GRID_LINE);
            canvas.text((x, bottom + 15.0), label, &tick_style(Anchor::Middle));
        }
        canvas.line(
            (area.left, bottom),
            (area.left + area.width, bottom),
            AXIS_LINE,
        );
        if !self.axis.label.is_empty() {
            let middle = (area.left + area.width / 2.0, bottom + 33.0);
            canvas.text(
                middle,
                &self.axis.label,
                &TextStyle::new(12.0, Anchor::Middle),
            );
        }
        if let Some((value, label)) = &self.reference {
            let x = area.x(*value);
            canvas.line((x, top), (x, bottom), RULE_LINE);
            canvas.text((x, top - 4.0), label, &tick_style(Anchor::Middle));
        }
    }

    fn draw_row(
        &self,
        canvas: &mut Canvas,
        area: &Area,
        top: f64,
        (label, scores): (&str, &[Score]),
    ) {
        let middle = top + self.row_height() / 2.0 + 4.0;
        canvas.text(
            (area.left - 10.0, middle),
            label,
            &TextStyle::new(12.0, Anchor::End),
        );
        for (i, score) in scores
            .iter()
            .enumerate()
            .filter(|(_, s)| s.value.is_finite())
        {
            let y = top + SPACE / 2.0 + (i as f64 + 0.5) * LINE;
            self.draw_mark(canvas, area, y, (score, self.color(i)));
        }
    }

    fn draw_mark(&self, canvas: &mut Canvas, area: &Area, y: f64, (score, color): (&Score, Color)) {
        let x = area.x(score.value);
        if self.mark == Mark::Bar {
            let start = area.x(self.origin());
            let bar = format!("fill=\"{color}\" fill-opacity=\"0.85\"");
            canvas.rect(
                (x.min(start), y - LINE * 0.36),
                ((x - start).abs(), LINE * 0.72),
                &bar,
            );
        }
        let mut end = x + 5.0;
        let known = score
            .interval
            .filter(|(low, high)| low.is_finite() && high.is_finite());
        if let Some((low, high)) = known {
            let (a, b) = (area.x(low), area.x(high));
            let ink = if self.mark == Mark::Bar {
                Color::INK
            } else {
                color
            };
            let line = format!("stroke=\"{ink}\" stroke-width=\"1.6\"");
            canvas.line((a, y), (b, y), &line);
            [a, b]
                .into_iter()
                .for_each(|x| canvas.line((x, y - 3.0), (x, y + 3.0), &line));
            end = end.max(b);
        }
        if self.mark == Mark::Dot {
            let dot = format!("fill=\"{color}\" stroke=\"#ffffff\" stroke-width=\"0.8\"");
            canvas.circle((x, y), 4.5, &dot);
        }
        let style = TextStyle::new(10.5, Anchor::Start).color(Color::SOFT_INK);
        canvas.text(
            (end + 5.0, y + 3.6),
            &fixed(score.value, area.decimals),
            &style,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_must_match_the_methods() {
        let plot = ScorePlot::dots("AUC", &["feature", "neuron"]);
        assert_eq!(
            plot.to_svg().unwrap_err().to_string(),
            "figure `AUC` has no row"
        );
        let short = plot.clone().row("storms", vec![0.9.into()]);
        let error = short.to_svg().unwrap_err().to_string();
        assert_eq!(error, "`scores of storms` has 1 elements, expected 2");
        assert!(
            ScorePlot::bars("AUC", &[])
                .row("storms", vec![])
                .to_svg()
                .is_err()
        );
        assert!(
            plot.row("storms", vec![0.9.into(), f64::NAN.into()])
                .to_svg()
                .is_ok()
        );
    }

    #[test]
    fn bars_reach_from_zero() {
        let plot = ScorePlot::bars("x", &["a"])
            .row("r", vec![8.0.into()])
            .row("s", vec![9.0.into()]);
        let area = plot.area().unwrap();
        assert_eq!(area.axis.share(0.0), 0.0);
        let dots = ScorePlot::dots("x", &["a"])
            .row("r", vec![8.0.into()])
            .row("s", vec![9.0.into()]);
        assert!(dots.area().unwrap().axis.share(0.0) < 0.0);
    }
}
