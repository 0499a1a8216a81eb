//! One curve of a line plot.

use crate::color::Color;
use crate::error::Result;
use crate::grid::check_length;

/// One curve.
#[derive(Clone, Debug)]
pub struct Series {
    pub(super) label: String,
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) band: Option<(Vec<f64>, Vec<f64>)>,
    pub(super) color: Option<Color>,
    pub(super) dashed: bool,
    pub(super) dots: bool,
}

impl Series {
    /// A curve through `(x, y)` in order; a missing (not finite) value interrupts it.
    pub fn new(label: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        let (x, y) = (x.to_vec(), y.to_vec());
        Self {
            label: label.into(),
            x,
            y,
            band: None,
            color: None,
            dashed: false,
            dots: false,
        }
    }

    /// A shaded band, for example a confidence interval, with its lower and upper value at every x.
    pub fn band(mut self, low: &[f64], high: &[f64]) -> Self {
        self.band = Some((low.to_vec(), high.to_vec()));
        self
    }

    /// The colour; without it, the next of [`Color::series`].
    pub fn color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    /// Dashes the line: for baselines and controls.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// Marks every point.
    pub fn dots(mut self) -> Self {
        self.dots = true;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        check_length(&format!("y of {}", self.label), self.x.len(), self.y.len())?;
        if let Some((low, high)) = &self.band {
            check_length(
                &format!("lower band of {}", self.label),
                self.x.len(),
                low.len(),
            )?;
            check_length(
                &format!("upper band of {}", self.label),
                self.x.len(),
                high.len(),
            )?;
        }
        Ok(())
    }

    pub(super) fn band_values(&self) -> impl Iterator<Item = f64> + '_ {
        self.band
            .iter()
            .flat_map(|(low, high)| low.iter().chain(high).copied())
    }

    /// Stroke attribute of a dashed line.
    pub(super) fn dash(&self) -> &'static str {
        if self.dashed {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        }
    }
}
