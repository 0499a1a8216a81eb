//! Whether the numbers of a field are in the expected unit, judged by the statistics.
//!
//! How far a field is from the statistics of its variable is measured by
//! `misfit = mean over levels of z^2 + (2 ln spread)^2`, with `z` the deviation of its area mean in standard
//! deviations and `spread` its standard deviation relative to theirs. One real atmosphere against the
//! statistics of decades gives 0.1 to 1, random fields with random statistics up to 30; a wrong unit gives 20 to 10^5,
//! and then a hypothesis about the unit brings it down again, which chance does not.

use super::summary::{Sample, mean};
use super::units::{Verdict, compare};
use super::{Check, Finding, Severity};
use crate::Variable;

/// Above this misfit, another unit that fits [`MUCH_BETTER`] is certain.
const CERTAIN: f64 = 12.0;

const MUCH_BETTER: f64 = 10.0;

/// Above this misfit, another unit that fits [`BETTER`] is worth a warning (winds in knots: 1.8 against 0.1).
const DOUBTFUL: f64 = 1.0;

const BETTER: f64 = 5.0;

/// Below this misfit the numbers are in the expected unit whatever an attribute says.
const FITS: f64 = 2.0;

/// Mean |z| beyond which no state of any atmosphere lies, whatever the unit.
const IMPOSSIBLE_Z: f64 = 20.0;

/// |z| of one level that deserves a look; the stratospheric humidity of GFS has 3 against ERA5.
const UNUSUAL_Z: f64 = 5.0;

/// A unit that the numbers may be in: `stored = factor * si + offset`.
struct Hypothesis {
    unit: &'static str,
    factor: f64,
    offset: f64,
}

const fn scaled(unit: &'static str, factor: f64) -> Hypothesis {
    Hypothesis {
        unit,
        factor,
        offset: 0.0,
    }
}

const CELSIUS: Hypothesis = Hypothesis {
    unit: "degC",
    factor: 1.0,
    offset: -273.15,
};

const FAHRENHEIT: Hypothesis = Hypothesis {
    unit: "degF",
    factor: 1.8,
    offset: -459.67,
};

/// Units other than `expected` in which such fields are found in the wild.
fn hypotheses(expected: &str) -> &'static [Hypothesis] {
    match expected {
        "K" => &[CELSIUS, FAHRENHEIT],
        "Pa" => &const { [scaled("hPa", 0.01), scaled("kPa", 0.001)] },
        "m2 s-2" => &const { [scaled("m", 1.0 / 9.80665), scaled("dam", 0.1 / 9.80665)] },
        "m s-1" => &const { [scaled("knots", 1.943_844), scaled("km h-1", 3.6)] },
        "Pa s-1" => {
            &const {
                [
                    scaled("hPa s-1", 0.01),
                    scaled("hPa h-1", 36.0),
                    scaled("Pa h-1", 3600.0),
                ]
            }
        }
        "kg kg-1" => &const { [scaled("g kg-1", 1000.0)] },
        "m" => &const { [scaled("mm", 1000.0), scaled("cm", 100.0)] },
        "1" => &const { [scaled("%", 100.0)] },
        _ => &[],
    }
}

/// Distance of a field from the statistics if its numbers are `factor * si + offset`.
fn misfit(samples: &[Sample], factor: f64, offset: f64) -> f64 {
    let distance = |sample: &Sample| {
        let z = (sample.mean - offset) / factor - sample.expected_mean;
        let spread = (sample.spread() / factor.abs()).clamp(1e-3, 1e9);
        (z / sample.expected_stddev).powi(2) + (2.0 * spread.ln()).powi(2)
    };
    mean(samples.iter().map(distance)).unwrap_or(0.0)
}

/// What attribute and magnitude of a field tell of its unit.
pub(super) fn check(variable: &Variable, units: Option<&str>, samples: &[Sample]) -> Vec<Finding> {
    let Some(expected) = variable.units() else {
        return Vec::new();
    };
    let as_expected = misfit(samples, 1.0, 0.0);
    let fits = !samples.is_empty() && as_expected < FITS;
    if let Some(finding) = units.and_then(|units| attribute(variable, units, expected, fits)) {
        return vec![finding];
    }
    if variable.is_derived_forcing() {
        return Vec::new();
    }
    let other = hypotheses(expected)
        .iter()
        .map(|h| (h, misfit(samples, h.factor, h.offset)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((unit, with_other)) = other {
        let certain = as_expected > CERTAIN && with_other * MUCH_BETTER < as_expected;
        let doubtful = as_expected > DOUBTFUL && with_other * BETTER < as_expected;
        if certain || doubtful {
            return vec![other_unit(variable, expected, unit, certain, samples)];
        }
    }
    off_scale(variable, expected, samples)
}

fn attribute(variable: &Variable, units: &str, expected: &str, fits: bool) -> Option<Finding> {
    let finding = |severity, hint: String| Finding {
        severity,
        check: Check::Units,
        variable: Some(variable.clone()),
        frame: None,
        expected: format!("units `{expected}`"),
        found: format!("units `{units}`"),
        hint,
    };
    match compare(units, expected) {
        Verdict::Same => None,
        Verdict::Differs(_) if fits => Some(finding(
            Severity::Warn,
            "the numbers fit the expected unit: the attribute is probably wrong".to_owned(),
        )),
        Verdict::Differs(cure) => Some(finding(Severity::Refuse, cure)),
        Verdict::Unknown => Some(finding(
            Severity::Note,
            "this spelling is not known; only the numbers were checked".to_owned(),
        )),
    }
}

fn other_unit(
    variable: &Variable,
    expected: &str,
    unit: &Hypothesis,
    certain: bool,
    samples: &[Sample],
) -> Finding {
    let severity = if certain {
        Severity::Refuse
    } else {
        Severity::Warn
    };
    let cure = match unit.offset == 0.0 {
        true => format!("multiply by {:.6}", 1.0 / unit.factor),
        false => format!(
            "subtract {:.2}, then divide by {}",
            unit.offset, unit.factor
        ),
    };
    Finding {
        severity,
        check: Check::Units,
        variable: Some(variable.clone()),
        frame: None,
        expected: format!("{expected}, {}", describe_expected(samples)),
        found: format!("{}, as in {}", describe_found(samples), unit.unit),
        hint: cure,
    }
}

/// Values that no known unit explains.
fn off_scale(variable: &Variable, expected: &str, samples: &[Sample]) -> Vec<Finding> {
    let Some(mean_z) = mean(samples.iter().map(|s| s.z().abs())) else {
        return Vec::new();
    };
    let worst = samples
        .iter()
        .max_by(|a, b| a.z().abs().total_cmp(&b.z().abs()));
    let Some(worst) = worst.filter(|s| s.z().abs() > UNUSUAL_Z) else {
        return Vec::new();
    };
    let impossible = mean_z > IMPOSSIBLE_Z;
    let (severity, hint) = if impossible {
        (
            Severity::Refuse,
            "wrong field, wrong unit or wrong statistics",
        )
    } else {
        (
            Severity::Warn,
            "unusual, but possible: compare with another state",
        )
    };
    let at = worst
        .level
        .map_or(String::new(), |l| format!(" at {l} hPa"));
    let one = std::slice::from_ref(worst);
    vec![Finding {
        severity,
        check: Check::Magnitude,
        variable: Some(variable.clone()),
        frame: None,
        expected: format!("{expected}, {}{at}", describe_expected(one)),
        found: format!(
            "{}, {:+.1} standard deviations",
            describe_found(one),
            worst.z()
        ),
        hint: hint.to_owned(),
    }]
}

fn describe_expected(samples: &[Sample]) -> String {
    let mean_of = |f: fn(&Sample) -> f64| mean(samples.iter().map(f)).unwrap_or(f64::NAN);
    let (mean, stddev) = (mean_of(|s| s.expected_mean), mean_of(|s| s.expected_stddev));
    format!("mean {mean:.4} and deviation {stddev:.4}")
}

fn describe_found(samples: &[Sample]) -> String {
    let mean_of = |f: fn(&Sample) -> f64| mean(samples.iter().map(f)).unwrap_or(f64::NAN);
    let (mean, stddev) = (mean_of(|s| s.mean), mean_of(|s| s.stddev));
    format!("mean {mean:.4} and deviation {stddev:.4}")
}
