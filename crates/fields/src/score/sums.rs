//! Sums over pairs of forecast and truth.

use serde::{Deserialize, Serialize};

use super::PairScore;

/// Sums over the pairs of one target and lead time, from which its scores follow.
///
/// Counts are `f64` so that sums of blocks of pairs can be added with the weights that a bootstrap draws
/// ([`ScoreSums::add_scaled`]).
///
/// ```
/// use dropsonde_fields::{PairScore, ScoreSums};
///
/// let pair = |square| PairScore { square: Some(square), ..PairScore::default() };
/// let mut sums = ScoreSums::default();
/// sums.add(&pair(1.0));
/// sums.add(&pair(7.0));
/// assert_eq!(sums.rmse(), Some(2.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreSums {
    /// Number of pairs with any truth.
    pub n: f64,
    /// Sum of mean square errors.
    pub square: f64,
    /// Number of pairs with a mean error: none of a vector has one.
    pub n_bias: f64,
    /// Sum of mean errors.
    pub bias: f64,
    /// Number of pairs with an anomaly correlation.
    pub n_acc: f64,
    /// Sum of anomaly correlations.
    pub acc: f64,
    /// Grid points without truth, over all pairs added one by one.
    pub n_missing: u64,
}

impl ScoreSums {
    /// Adds one pair; one without any truth only counts as missing points.
    pub fn add(&mut self, pair: &PairScore) {
        self.n_missing += pair.n_missing;
        let Some(square) = pair.square else { return };
        self.n += 1.0;
        self.square += square;
        if let Some(bias) = pair.bias {
            self.n_bias += 1.0;
            self.bias += bias;
        }
        if let Some(acc) = pair.acc {
            self.n_acc += 1.0;
            self.acc += acc;
        }
    }

    /// Adds the sums of a block of pairs `weight` times; missing points are not counted again.
    pub fn add_scaled(&mut self, block: &Self, weight: f64) {
        self.n += weight * block.n;
        self.square += weight * block.square;
        self.n_bias += weight * block.n_bias;
        self.bias += weight * block.bias;
        self.n_acc += weight * block.n_acc;
        self.acc += weight * block.acc;
    }

    /// The sums of blocks, each as often as its weight says.
    pub fn weighted(blocks: &[Self], weights: &[f64]) -> Self {
        let mut sums = Self::default();
        let pairs = blocks.iter().zip(weights);
        pairs.for_each(|(block, &weight)| sums.add_scaled(block, weight));
        sums
    }

    /// Root mean square error; none without pairs.
    pub fn rmse(&self) -> Option<f64> {
        (self.n > 0.0).then(|| (self.square / self.n).sqrt())
    }

    /// Mean error; none for a vector.
    pub fn mean_bias(&self) -> Option<f64> {
        (self.n_bias > 0.0).then(|| self.bias / self.n_bias)
    }

    /// Mean anomaly correlation; none where no pair has one.
    pub fn mean_acc(&self) -> Option<f64> {
        (self.n_acc > 0.0).then(|| self.acc / self.n_acc)
    }

    /// RMSE over that of a baseline on the same pairs; none without pairs and where the baseline has no error.
    pub fn ratio(&self, baseline: &Self) -> Option<f64> {
        let (own, other) = (self.rmse()?, baseline.rmse()?);
        (other > 0.0).then(|| own / other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(square: f64, bias: Option<f64>, acc: Option<f64>) -> PairScore {
        PairScore {
            square: Some(square),
            bias,
            acc,
            n_missing: 1,
            n_not_finite: 0,
        }
    }

    #[test]
    fn scores_are_means_over_the_pairs_that_have_them() {
        let mut sums = ScoreSums::default();
        assert_eq!((sums.rmse(), sums.mean_bias()), (None, None));
        sums.add(&pair(9.0, Some(1.0), Some(0.5)));
        sums.add(&pair(41.0, Some(-4.0), None));
        sums.add(&PairScore {
            n_missing: 5,
            ..PairScore::default()
        });
        assert_eq!(sums.rmse(), Some(5.0));
        assert_eq!(sums.mean_bias(), Some(-1.5));
        assert_eq!(sums.mean_acc(), Some(0.5));
        assert_eq!(sums.n_missing, 7);
    }

    #[test]
    fn weights_repeat_blocks() {
        let block = |squares: &[f64]| {
            let mut sums = ScoreSums::default();
            squares.iter().for_each(|&s| sums.add(&pair(s, None, None)));
            sums
        };
        let blocks = [block(&[1.0, 2.0]), block(&[5.0]), block(&[100.0])];
        let repeated = ScoreSums::weighted(&blocks, &[2.0, 1.0, 0.0]);
        let mut expected = block(&[1.0, 2.0, 1.0, 2.0, 5.0]);
        expected.n_missing = 0;
        assert_eq!(repeated, expected);
        assert_eq!(repeated.mean_bias(), None);
    }

    #[test]
    fn ratios_need_a_baseline_that_errs() {
        let sums = |square| {
            let mut sums = ScoreSums::default();
            sums.add(&pair(square, None, None));
            sums
        };
        assert_eq!(sums(1.0).ratio(&sums(16.0)), Some(0.25));
        assert_eq!(sums(1.0).ratio(&sums(0.0)), None);
        assert_eq!(sums(1.0).ratio(&ScoreSums::default()), None);
    }
}
