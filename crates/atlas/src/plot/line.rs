//! `LinePlot`: several curves with bands, named at their ends.

use super::axis::{Axis, AxisScale, AxisSpec};
use super::series::Series;
use super::{AXIS_LINE, GRID_LINE, RULE_LINE, draw_titles, tick_style};
use crate::color::Color;
use crate::error::{Error, Result};
use crate::svg::{Anchor, Canvas, Svg, TextStyle, path_data, text_width};

/// Curves over a common axis.
#[derive(Clone, Debug)]
pub struct LinePlot {
    title: String,
    subtitle: String,
    x: AxisSpec,
    y: AxisSpec,
    series: Vec<Series>,
    rules: Vec<(f64, String)>,
    size: (f64, f64),
}

/// Where the data go, in figure units.
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: Axis,
    y: Axis,
}

impl Area {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.left + self.x.share(x) * self.width,
            self.top + (1.0 - self.y.share(y)) * self.height,
        )
    }
}

impl LinePlot {
    /// An empty plot, 600 by 320 units (CSS pixels).
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            x: AxisSpec::default(),
            y: AxisSpec {
                padding: 0.05,
                ..AxisSpec::default()
            },
            series: Vec::new(),
            rules: Vec::new(),
            size: (600.0, 320.0),
        }
    }

    /// A second line below the title.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Quantity and units along the axis below.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x.label = label.into();
        self
    }

    /// Quantity and units of the curves; stands level above the axis.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y.label = label.into();
        self
    }

    /// Distance of the x ticks, for example 24 for lead times in hours.
    pub fn x_step(mut self, step: f64) -> Self {
        self.x.step = (step > 0.0).then_some(step);
        self
    }

    /// Spacing of the x axis.
    pub fn x_scale(mut self, scale: AxisScale) -> Self {
        self.x.scale = scale;
        self
    }

    /// Spacing of the y axis.
    pub fn y_scale(mut self, scale: AxisScale) -> Self {
        self.y.scale = scale;
        self
    }

    /// Ends of the y axis, in place of those of the data.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.range = Some((low, high));
        self
    }

    /// A labelled horizontal reference line.
    pub fn rule(mut self, y: f64, label: impl Into<String>) -> Self {
        self.rules.push((y, label.into()));
        self
    }

    /// Adds a curve.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Size of the figure in units (CSS pixels), at least 240 by 160.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        self.size = (width.max(240.0), height.max(160.0));
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    /// [`Error::Empty`] without any value to show, [`Error::Length`] when arrays of a series differ in length,
    /// [`Error::Range`] for an impossible axis range.
    pub fn to_svg(&self) -> Result<Svg> {
        self.series.iter().try_for_each(Series::check)?;
        let some = self
            .series
            .iter()
            .any(|s| s.x.iter().zip(&s.y).any(|(x, y)| self.shows(*x, *y)));
        if !some {
            return Err(Error::Empty {
                title: self.title.clone(),
                what: "finite value",
            });
        }
        let mut canvas = Canvas::new();
        let top = draw_titles(&mut canvas, &self.title, &self.subtitle);
        let area = self.area(top)?;
        self.draw_axes(&mut canvas, &area);
        for (i, series) in self.series.iter().enumerate() {
            draw_band(self, series, self.color(i), &mut canvas, &area);
        }
        self.draw_rules(&mut canvas, &area);
        for (i, series) in self.series.iter().enumerate() {
            draw_curve(self, series, self.color(i), &mut canvas, &area);
        }
        canvas.close_viewport();
        canvas.rect((area.left, area.top), (area.width, area.height), AXIS_LINE);
        self.draw_names(&mut canvas, &area);
        Ok(canvas.finish(self.size, &self.title))
    }

    fn shows(&self, x: f64, y: f64) -> bool {
        self.x.shows(x) && self.y.shows(y)
    }

    fn color(&self, i: usize) -> Color {
        self.series[i].color.unwrap_or(Color::series(i))
    }

    fn area(&self, titles_end: f64) -> Result<Area> {
        let (width, height) = self.size;
        let top = titles_end + if self.y.label.is_empty() { 4.0 } else { 18.0 };
        let bottom = height - if self.x.label.is_empty() { 24.0 } else { 42.0 };
        let x_values = self.series.iter().flat_map(|s| s.x.iter().copied());
        let y_values = self
            .series
            .iter()
            .flat_map(|s| s.y.iter().copied().chain(s.band_values()));
        let y_values = y_values.chain(self.rules.iter().map(|r| r.0));
        let y = self.y.resolve(y_values, ((bottom - top) / 38.0) as usize)?;
        let widest = y
            .ticks
            .labels
            .iter()
            .map(|l| text_width(l, 11.0))
            .fold(0.0, f64::max);
        let left = 16.0 + widest;
        let names = self
            .series
            .iter()
            .map(|s| text_width(&s.label, 12.0))
            .fold(0.0, f64::max);
        let right = if names > 0.0 {
            (names + 30.0).min(width * 0.42)
        } else {
            16.0
        };
        let x = self
            .x
            .resolve(x_values, ((width - left - right) / 60.0) as usize)?;
        Ok(Area {
            left,
            top,
            width: width - left - right,
            height: bottom - top,
            x,
            y,
        })
    }

    /// Grid lines, tick labels and axis labels; opens the viewport of the data.
    fn draw_axes(&self, canvas: &mut Canvas, area: &Area) {
        let (right, bottom) = (area.left + area.width, area.top + area.height);
        for (v, label) in area.y.ticks.values.iter().zip(&area.y.ticks.labels) {
            let y = area.top + (1.0 - area.y.share(*v)) * area.height;
            canvas.line((area.left, y), (right, y), GRID_LINE);
            canvas.text((area.left - 6.0, y + 4.0), label, &tick_style(Anchor::End));
        }
        for (v, label) in area.x.ticks.values.iter().zip(&area.x.ticks.labels) {
            let x = area.left + area.x.share(*v) * area.width;
            canvas.line((x, area.top), (x, bottom), GRID_LINE);
            canvas.text((x, bottom + 15.0), label, &tick_style(Anchor::Middle));
        }
        let style = TextStyle::new(12.0, Anchor::Middle);
        if !self.x.label.is_empty() {
            canvas.text(
                (area.left + area.width / 2.0, bottom + 33.0),
                &self.x.label,
                &style,
            );
        }
        if !self.y.label.is_empty() {
            let style = TextStyle {
                anchor: Anchor::Start,
                ..style
            };
            canvas.text((8.0, area.top - 8.0), &self.y.label, &style);
        }
        // The whole figure is the coordinate system; only the clipping is that of the data.
        canvas.open_clip((area.left, area.top), (area.width, area.height));
    }

    fn draw_rules(&self, canvas: &mut Canvas, area: &Area) {
        for (value, label) in self.rules.iter().filter(|r| self.y.shows(r.0)) {
            let y = area.top + (1.0 - area.y.share(*value)) * area.height;
            canvas.line((area.left, y), (area.left + area.width, y), RULE_LINE);
            let style = TextStyle::new(11.0, Anchor::End)
                .color(Color::SOFT_INK)
                .halo();
            let above = if y - area.top > 16.0 {
                y - 4.0
            } else {
                y + 13.0
            };
            canvas.text((area.left + area.width - 5.0, above), label, &style);
        }
    }

    /// Names right of the frame, each as near as possible to the end of its curve.
    fn draw_names(&self, canvas: &mut Canvas, area: &Area) {
        let edge = area.left + area.width;
        let mut names: Vec<(f64, usize)> = Vec::new();
        for (i, series) in self
            .series
            .iter()
            .enumerate()
            .filter(|(_, s)| !s.label.is_empty())
        {
            let mut points = series.x.iter().zip(&series.y);
            let last = points.rfind(|(x, y)| self.shows(**x, **y));
            let y = last.map_or(area.top, |(x, y)| area.at(*x, *y).1);
            names.push((y.clamp(area.top, area.top + area.height), i));
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted: Vec<f64> = names.iter().map(|n| n.0).collect();
        let placed = spread(&wanted, 15.0, area.top + 2.0, area.top + area.height - 2.0);
        for ((end, i), y) in names.into_iter().zip(placed) {
            let (series, color) = (&self.series[i], self.color(i));
            let dash = series.dash();
            let line = format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"1.6\"{dash}");
            canvas.path(
                &path_data(
                    &[(edge + 2.0, end), (edge + 9.0, y), (edge + 19.0, y)],
                    false,
                ),
                &line,
            );
            let style = TextStyle::new(12.0, Anchor::Start).color(color);
            canvas.text((edge + 23.0, y + 4.0), &series.label, &style);
        }
    }
}

/// Moves ascending positions apart to at least `gap`, inside `low..=high` where there is room, as little as one pass each way does.
fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut placed = wanted.to_vec();
    let mut floor = low;
    for y in &mut placed {
        *y = y.max(floor);
        floor = *y + gap;
    }
    let mut ceiling = high;
    for y in placed.iter_mut().rev() {
        *y = y.min(ceiling);
        ceiling = *y - gap;
    }
    placed
}

/// Stretches of points that are all present, in figure units.
fn runs<const K: usize>(
    n: usize,
    at: impl Fn(usize) -> Option<[(f64, f64); K]>,
) -> Vec<Vec<[(f64, f64); K]>> {
    let mut runs = vec![Vec::new()];
    for i in 0..n {
        match (at(i), runs.last_mut()) {
            (Some(p), Some(run)) => run.push(p),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn draw_band(plot: &LinePlot, series: &Series, color: Color, canvas: &mut Canvas, area: &Area) {
    let Some((low, high)) = &series.band else {
        return;
    };
    let edge = |i: usize| {
        let x = series.x[i];
        let shown = plot.shows(x, low[i]) && plot.shows(x, high[i]);
        shown.then(|| [area.at(x, low[i]), area.at(x, high[i])])
    };
    for run in runs(series.x.len(), edge) {
        let there = run.iter().map(|p| p[0]);
        let back = run.iter().rev().map(|p| p[1]);
        let data = path_data(&there.chain(back).collect::<Vec<_>>(), true);
        canvas.path(&data, &format!("fill=\"{color}\" fill-opacity=\"0.16\""));
    }
}

fn draw_curve(plot: &LinePlot, series: &Series, color: Color, canvas: &mut Canvas, area: &Area) {
    let line = format!(
        "fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-linejoin=\"round\"{}",
        series.dash()
    );
    let point = |i: usize| {
        let (x, y) = (series.x[i], series.y[i]);
        plot.shows(x, y).then(|| [area.at(x, y)])
    };
    for run in runs(series.x.len(), point) {
        let points: Vec<(f64, f64)> = run.iter().map(|p| p[0]).collect();
        canvas.path(&path_data(&points, false), &line);
        // A lone point would be invisible as a line.
        if series.dots || points.len() == 1 {
            points
                .iter()
                .for_each(|p| canvas.circle(*p, 2.8, &format!("fill=\"{color}\"")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_distance_and_order() {
        let placed = spread(&[10.0, 11.0, 12.0, 90.0, 99.0], 15.0, 0.0, 100.0);
        assert_eq!(placed, [10.0, 25.0, 40.0, 85.0, 100.0]);
        assert_eq!(spread(&[50.0], 15.0, 0.0, 100.0), [50.0]);
    }

    #[test]
    fn gaps_interrupt_a_curve() {
        let y = [1.0, 2.0, f64::NAN, 4.0];
        let found = runs(4, |i| y[i].is_finite().then_some([(i as f64, y[i])]));
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_plot_without_values_or_with_uneven_arrays_is_refused() {
        let plot = LinePlot::new("loss");
        assert_eq!(
            plot.to_svg().unwrap_err().to_string(),
            "figure `loss` has no finite value"
        );
        let nan = plot.clone().series(Series::new("a", &[0.0], &[f64::NAN]));
        assert!(matches!(nan.to_svg(), Err(Error::Empty { .. })));
        let uneven = plot.clone().series(Series::new("a", &[0.0, 1.0], &[1.0]));
        assert!(matches!(
            uneven.to_svg(),
            Err(Error::Length {
                expected: 2,
                found: 1,
                ..
            })
        ));
        let band = Series::new("a", &[0.0, 1.0], &[1.0, 2.0]).band(&[0.0], &[3.0, 3.0]);
        assert!(plot.series(band).to_svg().is_err());
    }
}
