//! Average precision.

use super::Cases;
use crate::column::{Direction, Group, Ranking};

/// Average precision over the rows of all strata that hold positives and negatives, pooled.
///
/// ```text
/// AP = sum over distinct values, best first, of (positives of that value / all positives) * precision down to it
/// ```
/// Rows of equal value enter together. `None` if no stratum holds both classes.
///
/// # Source
/// The step-wise sum without interpolation,
/// <https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html>.
pub fn average_precision(ranking: &Ranking, cases: &Cases, direction: Direction) -> Option<f64> {
    let used = cases.usable_strata();
    let (n_positives, n_negatives) = cases.used();
    if n_positives == 0 {
        return None;
    }
    let count = |group: &Group<'_>| {
        let rows = group.rows.iter().map(|&row| row as usize);
        rows.filter(|&row| used[cases.stratum(row)])
            .fold((0, 0), |(p, n), row| match cases.is_positive(row) {
                true => (p + 1, n),
                false => (p, n + 1),
            })
    };
    let listed = Group {
        rows: ranking.listed(),
        implicit: false,
    };
    let (listed_positives, listed_negatives) = count(&listed);
    let (mut above, mut positives_above, mut sum) = (0u64, 0u64, 0.0);
    for group in ranking.groups(direction) {
        let (mut positives, mut negatives) = count(&group);
        if group.implicit {
            positives += n_positives - listed_positives;
            negatives += n_negatives - listed_negatives;
        }
        above += positives + negatives;
        positives_above += positives;
        if positives > 0 {
            sum += positives as f64 * positives_above as f64 / above as f64;
        }
    }
    Some(sum / n_positives as f64)
}
