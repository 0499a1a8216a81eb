//! Round axis values and their labels.

/// Round values inside a range, and how to print them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticks {
    /// Ascending values, in the units of the axis.
    pub values: Vec<f64>,
    /// One label per value; all different.
    pub labels: Vec<String>,
}

impl Ticks {
    /// At most `max_count` (at least 2) multiples of 1, 2, 2.5 or 5 times a power of ten inside `low..=high`.
    ///
    /// An empty, reversed or not finite range gives no tick.
    pub fn linear(low: f64, high: f64, max_count: usize) -> Self {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Self {
                values: Vec::new(),
                labels: Vec::new(),
            };
        }
        let max_count = max_count.max(2);
        let mut step = round_step((high - low) / max_count as f64);
        // Counting the multiples inside decides; the estimate above may be one step too fine.
        let mut indices = multiples(low, high, step);
        while indices.1 - indices.0 + 1 > max_count as i64 {
            step = round_step(step * 1.01);
            indices = multiples(low, high, step);
        }
        Self::of_indices(indices, step)
    }

    /// Every multiple of `step` (positive) inside `low..=high`.
    pub fn every(low: f64, high: f64, step: f64) -> Self {
        if !(low.is_finite() && high.is_finite() && low <= high && step > 0.0 && step.is_finite()) {
            return Self {
                values: Vec::new(),
                labels: Vec::new(),
            };
        }
        Self::of_indices(multiples(low, high, step), step)
    }

    /// Powers of ten inside `low..=high` (both positive), with 2 and 5 between them when there are at most two.
    pub fn log10(low: f64, high: f64) -> Self {
        let empty = Self {
            values: Vec::new(),
            labels: Vec::new(),
        };
        if !(low > 0.0 && low < high && high.is_finite()) {
            return empty;
        }
        let decades = (low.log10() - 1e-9).ceil() as i32..=(high.log10() + 1e-9).floor() as i32;
        let factors: &[f64] = if decades.clone().count() <= 2 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let every = (decades.clone().count() / 8 + 1) as i32;
        let exponents = (low.log10().floor() as i32..=high.log10().floor() as i32)
            .filter(|e| every == 1 || e.rem_euclid(every) == 0);
        let values: Vec<f64> = exponents
            .flat_map(|e| factors.iter().map(move |f| f * 10f64.powi(e)))
            .filter(|v| *v >= low * (1.0 - 1e-9) && *v <= high * (1.0 + 1e-9))
            .collect();
        let labels = values.iter().map(|v| significant(*v)).collect();
        Self { values, labels }
    }

    fn of_indices((first, last): (i64, i64), step: f64) -> Self {
        let values: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let labels = values.iter().map(|v| label(*v, step, largest)).collect();
        Self { values, labels }
    }
}

/// First and last multiple of `step` inside the range, with a tolerance of a billionth of a step.
fn multiples(low: f64, high: f64, step: f64) -> (i64, i64) {
    (
        (low / step - 1e-9).ceil() as i64,
        (high / step + 1e-9).floor() as i64,
    )
}

/// The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below `raw`.
pub(crate) fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .find(|f| f * power >= raw * (1.0 - 1e-12));
    factor.unwrap_or(10.0) * power
}

/// `value` with as many decimals as `step` needs, in powers of ten where plain digits get long.
fn label(value: f64, step: f64, largest: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e6).contains(&largest) {
        let exponent = largest.log10().floor() as i32;
        let scale = 10f64.powi(exponent);
        let digits = fixed(value / scale, decimals(step / scale));
        return format!("{digits}×10{}", superscript(exponent));
    }
    fixed(value, decimals(step))
}

/// Decimals that print every multiple of `step` exactly (to a thousandth of a step).
fn decimals(step: f64) -> usize {
    (0..12)
        .find(|d| {
            let scaled = step * 10f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-3 * scaled
        })
        .unwrap_or(12) as usize
}

/// Fixed decimals with a true minus sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| c == '0' || c == '.') => digits.into(),
        Some(digits) => format!("\u{2212}{digits}"),
        None => text,
    }
}

/// About three significant digits, for a value without neighbours.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".into()
        } else {
            "n/a".into()
        };
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&exponent) {
        let mantissa = value / 10f64.powi(exponent);
        let digits = trim(&fixed(mantissa, 2));
        return match digits.as_str() {
            "1" => format!("10{}", superscript(exponent)),
            _ => format!("{digits}×10{}", superscript(exponent)),
        };
    }
    trim(&fixed(value, (2 - exponent).clamp(0, 8) as usize))
}

/// Drops zeros at the end of a decimal fraction.
fn trim(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        text.into()
    }
}

/// A whole number in superscript digits.
fn superscript(n: i32) -> String {
    n.to_string()
        .chars()
        .map(|c| match c {
            '-' => '\u{207b}',
            '1' => '\u{b9}',
            '2' => '\u{b2}',
            '3' => '\u{b3}',
            digit => char::from_u32(0x2070 + digit as u32 - '0' as u32).unwrap_or(digit),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            Ticks::linear(0.0, 1.0, 6).labels,
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"].map(|s| if s == "0.0" { "0" } else { s })
        );
        assert_eq!(
            Ticks::linear(213.4, 309.0, 6).labels,
            ["220", "240", "260", "280", "300"]
        );
        assert_eq!(Ticks::linear(-3.0, 3.0, 4).labels, ["\u{2212}2", "0", "2"]);
        assert_eq!(
            Ticks::linear(0.0, 2e-5, 3).labels,
            ["0", "1×10\u{207b}\u{2075}", "2×10\u{207b}\u{2075}"]
        );
        assert_eq!(Ticks::every(0.0, 60.0, 24.0).labels, ["0", "24", "48"]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        assert_eq!(Ticks::log10(0.01, 100.0).values.len(), 5);
        assert_eq!(
            Ticks::log10(0.02, 0.3).labels,
            ["0.02", "0.05", "0.1", "0.2"]
        );
        assert!(Ticks::log10(0.0, 1.0).values.is_empty());
    }

    #[test]
    fn an_impossible_range_has_no_tick() {
        assert!(Ticks::linear(1.0, 1.0, 5).values.is_empty());
        assert!(Ticks::linear(f64::NAN, 1.0, 5).values.is_empty());
        assert!(Ticks::every(0.0, 1.0, -1.0).values.is_empty());
    }

    #[test]
    fn lone_values_have_three_digits() {
        assert_eq!(significant(0.123_45), "0.123");
        assert_eq!(significant(1000.0), "1000");
        assert_eq!(significant(-2.5e-7), "\u{2212}2.5×10\u{207b}\u{2077}");
        assert_eq!(significant(f64::NAN), "n/a");
    }

    proptest! {
        #[test]
        fn linear_ticks_lie_inside_evenly_and_read_differently(
            low in -1e6f64..1e6, exponent in -6f64..7.0, count in 2usize..12,
        ) {
            let high = low + 10f64.powf(exponent);
            prop_assume!(high - low > low.abs() * 1e-6);
            let ticks = Ticks::linear(low, high, count);
            let n = ticks.values.len();
            prop_assert!(n <= count);
            prop_assert!(n * 4 + 4 >= count, "{n} of {count}");
            prop_assert_eq!(n, ticks.labels.len());
            let slack = (high - low) * 1e-6;
            prop_assert!(ticks.values.iter().all(|v| *v >= low - slack && *v <= high + slack));
            let steps: Vec<f64> = ticks.values.windows(2).map(|w| w[1] - w[0]).collect();
            prop_assert!(steps.iter().all(|s| *s > 0.0 && (s - steps[0]).abs() < 1e-6 * steps[0].max(low.abs() * 1e-6)));
            prop_assert!(ticks.labels.windows(2).all(|w| w[0] != w[1]));
        }
    }
}
