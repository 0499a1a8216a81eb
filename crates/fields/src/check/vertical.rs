//! Whether the levels of a field are in the order that its coordinate says.

use super::summary::{Plane, Sample, mean};
use super::{Check, Finding, Severity};
use crate::{LevelTable, Statistics, Variable};

/// Mean square of z above which a field does not fit its levels.
const BAD: f64 = 10.0;

/// How much better the reversed order must fit.
const MUCH_BETTER: f64 = 10.0;

/// Compares the level means with the statistics in the given order and with the store's level axis reversed.
///
/// `stored` are all levels of the store: reversing it gives the data of level `stored[i]` the place of the
/// i-th level from the end, which need not be a level of the task, so statistics are interpolated in the
/// logarithm of pressure.
pub(super) fn check(
    variable: &Variable,
    planes: &[Plane],
    samples: &[Sample],
    statistics: &Statistics,
    stored: &[u32],
) -> Option<Finding> {
    if planes.len() < 3 {
        return None;
    }
    if samples.len() < 3 {
        return falls_with_pressure(variable, planes);
    }
    let entry = statistics.variables.get(variable)?;
    let (means, stddevs) = (entry.mean.as_ref()?, entry.stddev.as_ref()?);
    let given = mean(samples.iter().map(|s| s.z().powi(2)))?;
    let reversed = mean(samples.iter().filter_map(|sample| {
        let position = stored.iter().position(|&l| Some(l) == sample.level)?;
        let mirrored = *stored.get(stored.len().checked_sub(1 + position)?)?;
        let expected = interpolate(means, mirrored)?;
        Some(((sample.mean - expected) / interpolate(stddevs, mirrored)?).powi(2))
    }))?;
    let upside_down = given > BAD && reversed * MUCH_BETTER < given;
    upside_down.then(|| {
        finding(
            variable,
            "level means as in the statistics".to_owned(),
            format!(
                "the reversed order fits: {:.1} standard deviations off as given, {:.1} reversed",
                given.sqrt(),
                reversed.sqrt()
            ),
        )
    })
}

/// Without statistics: geopotential falls as pressure rises in any atmosphere.
fn falls_with_pressure(variable: &Variable, planes: &[Plane]) -> Option<Finding> {
    if *variable != Variable::GEOPOTENTIAL {
        return None;
    }
    let mut by_pressure: Vec<(u32, f64)> = planes
        .iter()
        .filter(|plane| plane.mean.is_finite())
        .filter_map(|plane| Some((plane.level?, plane.mean)))
        .collect();
    by_pressure.sort_unstable_by_key(|&(level, _)| level);
    let rises = by_pressure.len() > 2 && by_pressure.windows(2).all(|pair| pair[1].1 > pair[0].1);
    rises.then(|| {
        finding(
            variable,
            "geopotential that falls as pressure rises".to_owned(),
            "it rises".to_owned(),
        )
    })
}

fn finding(variable: &Variable, expected: String, found: String) -> Finding {
    Finding {
        severity: Severity::Refuse,
        check: Check::Levels,
        variable: Some(variable.clone()),
        frame: None,
        expected,
        found,
        hint: "the level coordinate is upside down: reverse it or the data".to_owned(),
    }
}

/// A table at any level, linear in the logarithm of pressure, constant outside.
fn interpolate(table: &LevelTable, level: u32) -> Option<f64> {
    if let Some(value) = table.get(Some(level)) {
        return Some(value);
    }
    let mut points: Vec<(u32, f64)> = table
        .levels
        .iter()
        .copied()
        .zip(table.values.iter().copied())
        .collect();
    points.sort_unstable_by_key(|&(level, _)| level);
    let above = points.partition_point(|&(l, _)| l < level);
    match (above.checked_sub(1).map(|i| points[i]), points.get(above)) {
        (Some((low, a)), Some(&(high, b))) => {
            let log = |l: u32| f64::from(l.max(1)).ln();
            let weight = (log(level) - log(low)) / (log(high) - log(low));
            Some(a + (b - a) * weight)
        }
        (Some((_, only)), None) | (None, Some(&(_, only))) => Some(only),
        (None, None) => None,
    }
}
