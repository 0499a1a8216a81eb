//! Numbers that describe a field, level by level.

use ndarray::ArrayView2;

use crate::{Field, Statistics, Variable};

/// One level of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    /// The level in hPa; `None` for a single-level field.
    pub(super) level: Option<u32>,
    pub(super) n_missing: usize,
    pub(super) min: f64,
    pub(super) max: f64,
    /// Area-weighted; NaN if every value is missing.
    pub(super) mean: f64,
    /// Area-weighted; NaN if every value is missing.
    pub(super) stddev: f64,
}

/// A level beside its statistics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) level: Option<u32>,
    /// Of the field.
    pub(super) mean: f64,
    /// Of the field.
    pub(super) stddev: f64,
    /// The statistics' mean.
    pub(super) expected_mean: f64,
    /// The statistics' standard deviation, positive.
    pub(super) expected_stddev: f64,
}

impl Sample {
    /// How many standard deviations the mean of the field is away.
    pub(super) fn z(&self) -> f64 {
        (self.mean - self.expected_mean) / self.expected_stddev
    }

    /// Standard deviation of the field relative to the expected one.
    pub(super) fn spread(&self) -> f64 {
        self.stddev / self.expected_stddev
    }
}

/// Describes every level; `row_weights` is one weight per latitude.
pub(super) fn planes(row_weights: &[f64], field: &Field) -> Vec<Plane> {
    let describe = |(k, plane): (usize, ArrayView2<'_, f32>)| {
        let level = field.levels.get(k).copied();
        describe(row_weights, level, plane)
    };
    field.data.outer_iter().enumerate().map(describe).collect()
}

fn describe(row_weights: &[f64], level: Option<u32>, plane: ArrayView2<'_, f32>) -> Plane {
    let values = || {
        let rows = plane.rows().into_iter().zip(row_weights);
        rows.flat_map(|(row, &weight)| {
            row.to_vec()
                .into_iter()
                .filter(|x| x.is_finite())
                .map(move |x| (f64::from(x), weight))
        })
    };
    let (mut n, mut sum, mut total) = (0, 0.0, 0.0);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for (x, weight) in values() {
        n += 1;
        sum += weight * x;
        total += weight;
        (min, max) = (min.min(x), max.max(x));
    }
    let mean = sum / total;
    let squares: f64 = values()
        .map(|(x, weight)| weight * (x - mean).powi(2))
        .sum();
    Plane {
        level,
        n_missing: plane.len() - n,
        min,
        max,
        mean,
        stddev: (squares / total).sqrt(),
    }
}

/// The levels that have both values and statistics.
pub(super) fn samples(
    statistics: &Statistics,
    variable: &Variable,
    planes: &[Plane],
) -> Vec<Sample> {
    let Some(entry) = statistics.variables.get(variable) else {
        return Vec::new();
    };
    let sample = |plane: &Plane| {
        let expected_mean = entry.value("mean", plane.level)?;
        let expected_stddev = entry.value("stddev", plane.level)?;
        let usable = plane.mean.is_finite() && expected_mean.is_finite() && expected_stddev > 0.0;
        usable.then_some(Sample {
            level: plane.level,
            mean: plane.mean,
            stddev: plane.stddev,
            expected_mean,
            expected_stddev,
        })
    };
    planes.iter().filter_map(sample).collect()
}

/// Mean of some numbers, if there are any.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = values.fold((0_usize, 0.0), |(n, sum), x| (n + 1, sum + x));
    (n > 0).then(|| sum / n as f64)
}
