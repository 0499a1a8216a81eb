//! From values to positions on a colour map.

use crate::error::{Error, Result};
use crate::grid::GridField;

/// Which values span the colour map of a layer.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Range {
    /// From the smallest to the largest finite value.
    #[default]
    Full,
    /// From the given share of the values to one minus it, for example 0.02: a few extremes do not wash out the rest.
    Quantiles(f64),
    /// The same distance to both sides of zero, for differences and anomalies.
    Symmetric,
    /// Between two chosen values, so that several maps can be compared.
    Between(f64, f64),
    /// One colour between each two of these ascending values, for example for precipitation.
    Levels(Vec<f64>),
}

/// A checked range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Linear from low to high.
    Linear(f64, f64),
    /// Bands between ascending levels.
    Bands(Vec<f64>),
}

impl Scale {
    /// Resolves a range against the values of a field.
    ///
    /// A constant field gets a range around its value, so that it can still be drawn.
    pub(crate) fn new(range: &Range, field: &GridField, label: &str) -> Result<Self> {
        let (low, high) = match range {
            Range::Levels(levels) => return Self::bands(levels, label),
            Range::Between(low, high) => {
                if !(low.is_finite() && high.is_finite() && low < high) {
                    let found = format!("{low} to {high}");
                    let hint = "two finite values, the lower one first";
                    return Err(Error::Range {
                        what: label.into(),
                        found,
                        hint,
                    });
                }
                (*low, *high)
            }
            Range::Full => field.extent().unwrap_or((0.0, 1.0)),
            Range::Symmetric => {
                let (low, high) = field.extent().unwrap_or((-1.0, 1.0));
                let reach = low.abs().max(high.abs());
                (-reach, reach)
            }
            Range::Quantiles(share) => quantiles(field, *share, label)?,
        };
        if low < high {
            return Ok(Self::Linear(low, high));
        }
        let room = if low == 0.0 { 1.0 } else { 0.01 * low.abs() };
        Ok(Self::Linear(low - room, low + room))
    }

    fn bands(levels: &[f64], label: &str) -> Result<Self> {
        let rising = levels.windows(2).all(|w| w[0] < w[1]);
        if levels.len() < 2 || !rising || levels.iter().any(|v| !v.is_finite()) {
            let found = format!("{levels:?}");
            let hint = "at least two finite levels, ascending";
            return Err(Error::Range {
                what: label.into(),
                found,
                hint,
            });
        }
        Ok(Self::Bands(levels.to_vec()))
    }

    /// Position of a finite value on the colour map, 0 to 1.
    pub(crate) fn position(&self, value: f64) -> f64 {
        match self {
            Self::Linear(low, high) => ((value - low) / (high - low)).clamp(0.0, 1.0),
            Self::Bands(levels) => {
                levels.partition_point(|level| *level <= value) as f64 / levels.len() as f64
            }
        }
    }

    /// Lowest and highest value that the scale tells apart.
    pub(crate) fn ends(&self) -> (f64, f64) {
        match self {
            Self::Linear(low, high) => (*low, *high),
            Self::Bands(levels) => (levels[0], levels[levels.len() - 1]),
        }
    }
}

/// Values at `share` and `1 - share` of the finite values in ascending order.
fn quantiles(field: &GridField, share: f64, label: &str) -> Result<(f64, f64)> {
    if !(0.0..0.5).contains(&share) {
        let hint = "a share of at least 0 and below 0.5";
        return Err(Error::Range {
            what: label.into(),
            found: format!("quantile {share}"),
            hint,
        });
    }
    let mut values: Vec<f32> = field
        .values
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    values.sort_by(f32::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return Ok((0.0, 1.0));
    };
    let at = |q: f64| f64::from(values[(q * last as f64).round() as usize]);
    Ok((at(share), at(1.0 - share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(values: [f32; 4]) -> GridField {
        GridField::new(&[0.0, 1.0], &[0.0, 1.0], &values).unwrap()
    }

    #[test]
    fn ranges_span_the_colour_map() {
        let f = field([-1.0, 2.0, f32::NAN, 4.0]);
        let scale = |range| Scale::new(&range, &f, "x").unwrap();
        assert_eq!(scale(Range::Full), Scale::Linear(-1.0, 4.0));
        assert_eq!(scale(Range::Symmetric), Scale::Linear(-4.0, 4.0));
        assert_eq!(scale(Range::Symmetric).position(0.0), 0.5);
        assert_eq!(scale(Range::Between(0.0, 2.0)).position(9.0), 1.0);
        assert_eq!(
            scale(Range::Quantiles(0.4)),
            Scale::Linear(2.0 - 0.02, 2.0 + 0.02)
        );
    }

    #[test]
    fn levels_make_bands() {
        let scale = Scale::new(&Range::Levels(vec![1.0, 2.0, 4.0]), &field([0.0; 4]), "x").unwrap();
        let positions = [0.5, 1.0, 1.9, 3.0, 4.0].map(|v| (scale.position(v) * 3.0).round());
        assert_eq!(positions, [0.0, 1.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn constant_and_empty_fields_still_have_a_scale() {
        assert_eq!(
            Scale::new(&Range::Full, &field([0.0; 4]), "x").unwrap(),
            Scale::Linear(-1.0, 1.0)
        );
        let empty = field([f32::NAN; 4]);
        assert_eq!(
            Scale::new(&Range::Quantiles(0.1), &empty, "x").unwrap(),
            Scale::Linear(0.0, 1.0)
        );
    }

    #[test]
    fn impossible_ranges_are_refused() {
        let f = field([0.0; 4]);
        for range in [
            Range::Between(1.0, 1.0),
            Range::Between(f64::NAN, 1.0),
            Range::Levels(vec![1.0]),
            Range::Levels(vec![2.0, 1.0]),
            Range::Quantiles(0.5),
        ] {
            let error = Scale::new(&range, &f, "rain").unwrap_err();
            assert!(
                error.to_string().starts_with("range of `rain` is "),
                "{error}"
            );
        }
    }
}
