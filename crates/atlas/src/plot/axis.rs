//! One axis: its range, its ticks, and the position of a value along it.

use crate::error::{Error, Result};
use crate::ticks::Ticks;

/// How values are spaced along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AxisScale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm; values that are not positive count as missing.
    Log10,
}

/// What the caller wants of an axis.
#[derive(Clone, Debug, Default)]
pub(super) struct AxisSpec {
    pub(super) label: String,
    pub(super) scale: AxisScale,
    /// Chosen ends instead of those of the data.
    pub(super) range: Option<(f64, f64)>,
    /// Chosen distance of ticks, for example 24 hours.
    pub(super) step: Option<f64>,
    /// Share of the range left free at both ends.
    pub(super) padding: f64,
}

/// A resolved axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: AxisScale,
    low: f64,
    high: f64,
    pub(super) ticks: Ticks,
}

impl AxisSpec {
    /// Whether a value has a place on the axis.
    pub(super) fn shows(&self, v: f64) -> bool {
        v.is_finite() && (self.scale == AxisScale::Linear || v > 0.0)
    }

    /// Fits the axis to values, with at most `max_ticks` ticks.
    pub(super) fn resolve(
        &self,
        values: impl Iterator<Item = f64>,
        max_ticks: usize,
    ) -> Result<Axis> {
        let shown = values.filter(|v| self.shows(*v));
        let (mut low, mut high) =
            shown.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            (low, high) = (1.0, 2.0);
        }
        (low, high) = match self.range {
            Some(range) => self.checked(range)?,
            None => self.padded(low, high),
        };
        let ticks = match (self.scale, self.step) {
            (AxisScale::Log10, _) => Ticks::log10(low, high),
            (AxisScale::Linear, Some(step)) if (high - low) / step <= max_ticks as f64 * 2.0 => {
                Ticks::every(low, high, step)
            }
            (AxisScale::Linear, _) => Ticks::linear(low, high, max_ticks),
        };
        Ok(Axis {
            scale: self.scale,
            low,
            high,
            ticks,
        })
    }

    fn checked(&self, (low, high): (f64, f64)) -> Result<(f64, f64)> {
        if self.shows(low) && self.shows(high) && low < high {
            return Ok((low, high));
        }
        let hint = "two finite values, the lower one first, both positive on a logarithmic axis";
        Err(Error::Range {
            what: self.label.clone(),
            found: format!("{low} to {high}"),
            hint,
        })
    }

    fn padded(&self, low: f64, high: f64) -> (f64, f64) {
        if self.scale == AxisScale::Log10 {
            let room = (high / low)
                .powf(self.padding)
                .max(if low == high { 2.0 } else { 1.0 });
            return (low / room, high * room);
        }
        if low == high {
            let room = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            return (low - room, high + room);
        }
        let room = (high - low) * self.padding;
        (low - room, high + room)
    }
}

impl Axis {
    /// Position of a value: 0 at the low end, 1 at the high end.
    pub(super) fn share(&self, v: f64) -> f64 {
        match self.scale {
            AxisScale::Linear => (v - self.low) / (self.high - self.low),
            AxisScale::Log10 => (v / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_spaces_decades_evenly() {
        let spec = AxisSpec {
            scale: AxisScale::Log10,
            ..AxisSpec::default()
        };
        let axis = spec.resolve([0.0, 0.01, 1.0, -3.0].into_iter(), 6).unwrap();
        assert!((axis.share(0.1) - 0.5).abs() < 1e-12);
        assert_eq!((axis.share(0.01), axis.share(1.0)), (0.0, 1.0));
    }

    #[test]
    fn a_chosen_step_and_range_are_kept() {
        let spec = AxisSpec {
            step: Some(24.0),
            range: Some((0.0, 120.0)),
            ..AxisSpec::default()
        };
        let axis = spec.resolve([3.0].into_iter(), 8).unwrap();
        assert_eq!(axis.ticks.values, [0.0, 24.0, 48.0, 72.0, 96.0, 120.0]);
        let spec = AxisSpec {
            range: Some((2.0, 1.0)),
            ..AxisSpec::default()
        };
        assert!(spec.resolve([3.0].into_iter(), 8).is_err());
    }

    #[test]
    fn no_data_or_one_value_still_gives_an_axis() {
        let spec = AxisSpec::default();
        for values in [vec![], vec![0.0], vec![-7.0], vec![f64::NAN]] {
            let axis = spec.resolve(values.into_iter(), 6).unwrap();
            assert!(axis.low < axis.high && axis.ticks.values.len() >= 2);
        }
    }
}
