//! Whether precipitation was accumulated over 6 hours.

use super::summary::{Plane, Sample};
use super::{Check, Finding, Severity};
use crate::Variable;

/// A wrong window: its name and the amount relative to that of 6 hours.
struct Window {
    name: &'static str,
    ratio: f64,
    severity: Severity,
    /// Largest distance of the logarithm of the ratio of means.
    tolerance: f64,
}

/// The global mean of 6 hours varies by a tenth from state to state, so that factors of 4 and 6 are certain and
/// factors of 2 are not, if the statistics are those of another data set.
const WINDOWS: [Window; 4] = [
    Window {
        name: "1 hour",
        ratio: 1.0 / 6.0,
        severity: Severity::Refuse,
        tolerance: 0.25,
    },
    Window {
        name: "24 hours",
        ratio: 4.0,
        severity: Severity::Refuse,
        tolerance: 0.25,
    },
    Window {
        name: "3 hours",
        ratio: 0.5,
        severity: Severity::Warn,
        tolerance: 0.2,
    },
    Window {
        name: "12 hours",
        ratio: 2.0,
        severity: Severity::Warn,
        tolerance: 0.2,
    },
];

/// Judges the area mean of 6-hour precipitation against the statistics; only meaningful on the whole globe.
pub(super) fn check(variable: &Variable, planes: &[Plane], samples: &[Sample]) -> Option<Finding> {
    let ([plane], [sample]) = (planes, samples) else {
        return None;
    };
    if !variable.name().ends_with("precipitation_6hr") {
        return None;
    }
    let ratio = sample.mean / sample.expected_mean;
    let finding = |severity, found: String, hint: &str| Finding {
        severity,
        check: Check::Accumulation,
        variable: Some(variable.clone()),
        frame: None,
        expected: format!("the amount of 6 hours, mean {:.3e} m", sample.expected_mean),
        found,
        hint: hint.to_owned(),
    };
    if sample.mean == 0.0 && sample.stddev == 0.0 {
        return Some(finding(
            Severity::Warn,
            "zero everywhere".to_owned(),
            "the model was trained on real precipitation; a forecast model's hour 0 has none: take it from an earlier run",
        ));
    }
    // Amounts of water are not negative, beyond the rounding of packed data; random numbers are.
    if plane.min < -0.01 * sample.stddev {
        return None;
    }
    let matches = |window: &&Window| {
        let distance = (ratio / window.ratio).ln().abs();
        // Sums over a longer window vary more, but less than in proportion. A field whose mean alone is off
        // (random numbers) is no wrong window.
        let spread = sample.spread().ln() / window.ratio.ln();
        distance < window.tolerance && (0.4..1.3).contains(&spread)
    };
    let window = WINDOWS.iter().find(matches)?;
    let found = format!(
        "mean {:.3e} m, {ratio:.2} times as much, as in {}",
        sample.mean, window.name
    );
    let hint = "add up, or take differences of, the amounts until each is that of the 6 hours before its time";
    Some(finding(window.severity, found, hint))
}
