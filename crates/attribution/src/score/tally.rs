//! Counts of rows by class, stratum and block.

use super::Cases;
use crate::column::Ranking;

/// Rows of some set by class, stratum and block.
pub(super) struct Tally {
    pub(super) positives: Vec<u64>,
    pub(super) negatives: Vec<u64>,
}

impl Tally {
    pub(super) fn new(cases: &Cases) -> Self {
        Self {
            positives: vec![0; cases.positives.len()],
            negatives: vec![0; cases.negatives.len()],
        }
    }

    /// All rows that a ranking does not list.
    pub(super) fn unlisted(ranking: &Ranking, cases: &Cases) -> Self {
        let mut tally = Self {
            positives: cases.positives.clone(),
            negatives: cases.negatives.clone(),
        };
        for &row in ranking.listed() {
            let cell = cases.cell(row as usize);
            match cases.is_positive(row as usize) {
                true => tally.positives[cell] -= 1,
                false => tally.negatives[cell] -= 1,
            }
        }
        tally
    }

    pub(super) fn clear(&mut self) {
        self.positives.fill(0);
        self.negatives.fill(0);
    }

    pub(super) fn add(&mut self, cases: &Cases, row: usize, n: u64) {
        let cell = cases.cell(row);
        match cases.is_positive(row) {
            true => self.positives[cell] += n,
            false => self.negatives[cell] += n,
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let add = |to: &mut [u64], from: &[u64]| {
            to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        };
        add(&mut self.positives, &other.positives);
        add(&mut self.negatives, &other.negatives);
    }
}
