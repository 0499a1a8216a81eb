//! The area under the ROC curve against negatives of the same stratum.

use super::tally::Tally;
use crate::column::{Direction, Group, Ranking};

/// Which rows show a phenomenon, with what they may be compared, and what they are resampled with.
///
/// Every row lies in one stratum. A positive lies in one of the positive blocks, a negative in one of the negative
/// ones; where both are the same blocks (`shared`), they are resampled together.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    positive: Vec<bool>,
    stratum: Vec<u16>,
    block: Vec<u16>,
    n_strata: usize,
    n_blocks: [usize; 2],
    shared: bool,
    /// Positives `[stratum, positive block]`.
    pub(super) positives: Vec<u64>,
    /// Negatives `[stratum, negative block]`.
    pub(super) negatives: Vec<u64>,
}

/// The parts of [`Cases`]; every vector has one element per row.
#[derive(Clone, Debug, Default)]
pub struct CasesBuilder {
    /// Whether the row shows the phenomenon.
    pub positive: Vec<bool>,
    /// The stratum of the row.
    pub stratum: Vec<u16>,
    /// The block of the row among those of its class.
    pub block: Vec<u16>,
    /// Whether positives and negatives of one block number are resampled together.
    pub shared: bool,
}

impl CasesBuilder {
    /// Counts rows per stratum and block.
    ///
    /// # Panics
    /// If the vectors have different lengths.
    pub fn build(self) -> Cases {
        let n_rows = self.positive.len();
        assert_eq!(self.stratum.len(), n_rows, "one stratum per row");
        assert_eq!(self.block.len(), n_rows, "one block per row");
        let n_strata = self.stratum.iter().max().map_or(0, |&s| usize::from(s) + 1);
        let mut n_blocks = [0usize; 2];
        for (&positive, &block) in self.positive.iter().zip(&self.block) {
            let n = &mut n_blocks[usize::from(!positive)];
            *n = (*n).max(usize::from(block) + 1);
        }
        if self.shared {
            n_blocks = [n_blocks[0].max(n_blocks[1]); 2];
        }
        let mut cases = Cases {
            positive: self.positive,
            stratum: self.stratum,
            block: self.block,
            n_strata,
            n_blocks,
            shared: self.shared,
            positives: vec![0; n_strata * n_blocks[0]],
            negatives: vec![0; n_strata * n_blocks[1]],
        };
        for row in 0..n_rows {
            let cell = cases.cell(row);
            match cases.positive[row] {
                true => cases.positives[cell] += 1,
                false => cases.negatives[cell] += 1,
            }
        }
        cases
    }
}

impl Cases {
    /// Rows without blocks: one block for all.
    pub fn unblocked(positive: Vec<bool>, stratum: Vec<u16>) -> Self {
        let block = vec![0; positive.len()];
        let parts = CasesBuilder {
            positive,
            stratum,
            block,
            shared: true,
        };
        parts.build()
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.positive.len()
    }

    /// Whether a row is positive.
    pub fn is_positive(&self, row: usize) -> bool {
        self.positive[row]
    }

    /// The stratum of a row.
    pub fn stratum(&self, row: usize) -> usize {
        usize::from(self.stratum[row])
    }

    /// Number of strata.
    pub fn n_strata(&self) -> usize {
        self.n_strata
    }

    /// Positives and negatives that a score uses: those of strata that hold both.
    pub fn used(&self) -> (u64, u64) {
        self.usable_strata()
            .iter()
            .enumerate()
            .filter(|(_, used)| **used)
            .map(|(s, _)| (self.positives_of(s), self.negatives_of(s)))
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// All positives.
    pub fn n_positives(&self) -> u64 {
        self.positives.iter().sum()
    }

    /// Number of blocks that hold a positive: the independent cases of the phenomenon.
    pub fn n_positive_blocks(&self) -> usize {
        let n = self.n_blocks[0];
        let holds = |b: usize| (0..self.n_strata).any(|s| self.positives[s * n + b] > 0);
        (0..n).filter(|&b| holds(b)).count()
    }

    /// Positive and negative blocks.
    pub fn n_blocks(&self) -> [usize; 2] {
        self.n_blocks
    }

    /// Whether positives and negatives are resampled together.
    pub fn shares_blocks(&self) -> bool {
        self.shared
    }

    /// For every stratum whether it holds positives and negatives.
    pub fn usable_strata(&self) -> Vec<bool> {
        (0..self.n_strata)
            .map(|s| self.positives_of(s) > 0 && self.negatives_of(s) > 0)
            .collect()
    }

    fn positives_of(&self, stratum: usize) -> u64 {
        let n = self.n_blocks[0];
        self.positives[stratum * n..(stratum + 1) * n].iter().sum()
    }

    fn negatives_of(&self, stratum: usize) -> u64 {
        let n = self.n_blocks[1];
        self.negatives[stratum * n..(stratum + 1) * n].iter().sum()
    }

    /// Index of a row's cell in the counts of its class.
    pub(super) fn cell(&self, row: usize) -> usize {
        let n_blocks = self.n_blocks[usize::from(!self.positive[row])];
        self.stratum(row) * n_blocks + usize::from(self.block[row])
    }
}

/// Pairs (positive, negative) of one stratum in which the positive has the higher value, by blocks; exact.
///
/// A tie counts half. With `W[s, p, n]` the pairs won, `P[s, p]` positives and `N[s, n]` negatives of stratum `s`,
/// ```text
/// AUC = sum_s (W_s / N_s) / sum_s P_s          over the strata that hold both
/// ```
/// which is the mean of the strata's AUC weighted by their positives.
///
/// # Source
/// Hanley & McNeil 1982, <https://doi.org/10.1148/radiology.143.1.7063747>, for the count of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct StratifiedAuc {
    n_strata: usize,
    n_blocks: [usize; 2],
    shared: bool,
    /// Twice the pairs won, `[stratum, positive block, negative block]`.
    wins: Vec<u64>,
    positives: Vec<u64>,
    negatives: Vec<u64>,
}

impl StratifiedAuc {
    /// Counts the pairs that a ranking wins, high values first.
    ///
    /// # Panics
    /// If `ranking` and `cases` have different numbers of rows.
    pub fn count(ranking: &Ranking, cases: &Cases) -> Self {
        assert_eq!(ranking.n_rows(), cases.n_rows(), "one value per row");
        let mut out = Self {
            n_strata: cases.n_strata,
            n_blocks: cases.n_blocks,
            shared: cases.shared,
            wins: vec![0; cases.n_strata * cases.n_blocks[0] * cases.n_blocks[1]],
            positives: cases.positives.clone(),
            negatives: cases.negatives.clone(),
        };
        let unlisted = Tally::unlisted(ranking, cases);
        let mut below = cases.negatives.clone();
        let mut ties = Tally::new(cases);
        for group in ranking.groups(Direction::Descending) {
            out.add_group(cases, group, &unlisted, &mut below, &mut ties);
        }
        out
    }

    /// Positives of the group win against all negatives below it and half against those in it.
    fn add_group(
        &mut self,
        cases: &Cases,
        group: Group<'_>,
        unlisted: &Tally,
        below: &mut [u64],
        ties: &mut Tally,
    ) {
        if let ([row], false) = (group.rows, group.implicit) {
            let (row, cell) = (*row as usize, cases.cell(*row as usize));
            match cases.positive[row] {
                true => self.add_wins(cell, 1, below),
                false => below[cell] -= 1,
            }
            return;
        }
        ties.clear();
        for &row in group.rows {
            ties.add(cases, row as usize, 1);
        }
        if group.implicit {
            ties.merge(unlisted);
        }
        // Twice the negatives that count: 2 * below - 2 * tied + tied.
        for (below, tied) in below.iter_mut().zip(&ties.negatives) {
            *below -= tied;
        }
        for cell in 0..ties.positives.len() {
            if ties.positives[cell] > 0 {
                self.add_wins(cell, ties.positives[cell], below);
                self.add_ties(cell, ties.positives[cell], &ties.negatives);
            }
        }
    }

    fn add_wins(&mut self, cell: usize, n: u64, below: &[u64]) {
        let (wins, below) = self.rows_of(cell, below);
        for (wins, below) in wins.iter_mut().zip(below) {
            *wins += 2 * n * below;
        }
    }

    fn add_ties(&mut self, cell: usize, n: u64, tied: &[u64]) {
        let (wins, tied) = self.rows_of(cell, tied);
        for (wins, tied) in wins.iter_mut().zip(tied) {
            *wins += n * tied;
        }
    }

    /// The wins of one (stratum, positive block) and the negatives of its stratum, both by negative block.
    fn rows_of<'a>(&mut self, cell: usize, negatives: &'a [u64]) -> (&mut [u64], &'a [u64]) {
        let [n_positive, n_negative] = self.n_blocks;
        let stratum = cell / n_positive;
        (
            &mut self.wins[cell * n_negative..(cell + 1) * n_negative],
            &negatives[stratum * n_negative..(stratum + 1) * n_negative],
        )
    }

    /// The AUC, or `None` if no stratum holds both classes.
    pub fn value(&self) -> Option<f64> {
        let ones = self.n_blocks.map(|n| vec![1.0; n]);
        self.resampled(&ones[0], &ones[1])
    }

    /// The AUC when every block occurs as often as its weight says.
    ///
    /// # Shapes
    /// `positive`: `[positive blocks]`, `negative`: `[negative blocks]`.
    pub fn resampled(&self, positive: &[f64], negative: &[f64]) -> Option<f64> {
        let [n_positive, n_negative] = self.n_blocks;
        let (mut won, mut total) = (0.0, 0.0);
        for stratum in 0..self.n_strata {
            let at = stratum * n_positive;
            let n_p = weighted(&self.positives[at..at + n_positive], positive);
            let from = stratum * n_negative;
            let n_n = weighted(&self.negatives[from..from + n_negative], negative);
            if n_p <= 0.0 || n_n <= 0.0 {
                continue;
            }
            let wins: f64 = (0..n_positive)
                .filter(|&p| positive[p] != 0.0)
                .map(|p| {
                    let row = &self.wins[(at + p) * n_negative..(at + p + 1) * n_negative];
                    positive[p] * weighted(row, negative)
                })
                .sum();
            won += wins / 2.0 / n_n;
            total += n_p;
        }
        (total > 0.0).then(|| won / total)
    }

    /// Standard error of the AUC from leaving out one block at a time, with the degrees of freedom.
    ///
    /// Where positives and negatives have blocks of their own, the two variances add. `None` with fewer than two
    /// blocks that hold positives.
    pub fn jackknife(&self) -> Option<(f64, f64)> {
        let ones = self.n_blocks.map(|n| vec![1.0; n]);
        let mut without = ones.clone();
        let mut variance = 0.0;
        let mut freedom = f64::INFINITY;
        let sides: &[usize] = if self.shared { &[0] } else { &[0, 1] };
        for &side in sides {
            let mut values = Vec::new();
            for block in 0..self.n_blocks[side] {
                if !self.holds(side, block) {
                    continue;
                }
                without[side][block] = 0.0;
                if self.shared {
                    without[1][block] = 0.0;
                }
                values.extend(self.resampled(&without[0], &without[1]));
                without = ones.clone();
            }
            let n = values.len() as f64;
            if side == 0 && values.len() < 2 {
                return None;
            }
            let mean = values.iter().sum::<f64>() / n.max(1.0);
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            variance += squares * (n - 1.0).max(0.0) / n.max(1.0);
            freedom = freedom.min(if values.len() > 1 { n - 1.0 } else { freedom });
        }
        Some((variance.sqrt(), freedom))
    }

    /// Whether a block holds rows of its class (of any class where blocks are shared).
    fn holds(&self, side: usize, block: usize) -> bool {
        let any = |counts: &[u64], n: usize| {
            block < n && (0..self.n_strata).any(|s| counts[s * n + block] > 0)
        };
        match side {
            0 if self.shared => {
                any(&self.positives, self.n_blocks[0]) || any(&self.negatives, self.n_blocks[1])
            }
            0 => any(&self.positives, self.n_blocks[0]),
            _ => any(&self.negatives, self.n_blocks[1]),
        }
    }
}

fn weighted(counts: &[u64], weights: &[f64]) -> f64 {
    counts
        .iter()
        .zip(weights)
        .map(|(&count, weight)| count as f64 * weight)
        .sum()
}
