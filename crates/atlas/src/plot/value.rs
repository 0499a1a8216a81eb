//! A score, and the range that bars of scores need.

/// A number with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The score; a value that is not finite is not drawn.
    pub value: f64,
    /// Lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
}

impl Score {
    /// A score without an interval.
    pub fn new(value: f64) -> Self {
        Self {
            value,
            interval: None,
        }
    }

    /// A score with an interval.
    pub fn with_interval(value: f64, low: f64, high: f64) -> Self {
        Self {
            value,
            interval: Some((low, high)),
        }
    }
}

impl From<f64> for Score {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

/// From the origin of the bars as far as they reach, with a little room at the far ends only.
pub(super) fn bar_range(origin: f64, ends: &[f64]) -> (f64, f64) {
    let low = ends.iter().copied().fold(origin, f64::min);
    let high = ends.iter().copied().fold(origin, f64::max);
    if low == high {
        return (origin, origin + 1.0);
    }
    let room = 0.05 * (high - low);
    let below = if low < origin { low - room } else { origin };
    let above = if high > origin { high + room } else { origin };
    (below, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_room_at_their_far_ends_only() {
        assert_eq!(bar_range(0.0, &[-1.0]), (-1.05, 0.0));
        assert_eq!(bar_range(0.0, &[2.0, 1.0]), (0.0, 2.1));
        assert_eq!(bar_range(0.5, &[]), (0.5, 1.5));
    }
}
