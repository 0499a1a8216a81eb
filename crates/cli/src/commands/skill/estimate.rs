//! Numbers with intervals from resampled blocks.

use dropsonde_attribution::score::{Interval, Resampler};
use dropsonde_fields::ScoreSums;
use serde::{Deserialize, Serialize};

/// Share of the resamples that an interval holds.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// A number and the interval that holds 95 % of its resamples; no interval from a single block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) interval: Option<Interval>,
}

/// Estimates from a list of blocks that are drawn together: the same draws for everything that is estimated, so that
/// numerator and denominator of a ratio always come from the same blocks.
pub(crate) struct Blocks {
    n: usize,
    resampler: Resampler,
}

impl Blocks {
    pub(crate) fn new(n: usize, resampler: Resampler) -> Self {
        Self { n, resampler }
    }

    /// A statistic of the weights of the blocks; none if it has no value for all blocks as they are.
    pub(crate) fn estimate(&self, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Estimate> {
        let value = statistic(&vec![1.0; self.n])?;
        let drawn = |weights: &[Vec<f64>]| statistic(&weights[0]);
        let interval = self.resampler.interval(&[self.n], drawn);
        Some(Estimate { value, interval })
    }

    /// The RMSE of sums per block.
    pub(crate) fn rmse(&self, blocks: &[ScoreSums]) -> Option<Estimate> {
        self.estimate(|weights| ScoreSums::weighted(blocks, weights).rmse())
    }

    /// The RMSE over that of a baseline, both from the same blocks.
    pub(crate) fn ratio(&self, blocks: &[ScoreSums], baseline: &[ScoreSums]) -> Option<Estimate> {
        self.estimate(|weights| {
            let of = |blocks: &[ScoreSums]| ScoreSums::weighted(blocks, weights);
            of(blocks).ratio(&of(baseline))
        })
    }

    /// The mean of values that each belong to a block.
    pub(crate) fn mean(&self, values: &[(usize, f64)]) -> Option<Estimate> {
        self.estimate(|weights| weighted_mean(values, weights))
    }

    /// The mean of values over the mean of others.
    pub(crate) fn ratio_of_means(
        &self,
        values: &[(usize, f64)],
        baseline: &[(usize, f64)],
    ) -> Option<Estimate> {
        self.estimate(|weights| {
            let below = weighted_mean(baseline, weights)?;
            (below > 0.0).then(|| Some(weighted_mean(values, weights)? / below))?
        })
    }
}

/// The mean of values, each as often as its block is drawn.
fn weighted_mean(values: &[(usize, f64)], weights: &[f64]) -> Option<f64> {
    let n: f64 = values.iter().map(|&(block, _)| weights[block]).sum();
    let sum: f64 = values.iter().map(|&(block, x)| weights[block] * x).sum();
    (n > 0.0).then(|| sum / n)
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::PairScore;

    use super::*;

    fn sums(squares: &[f64]) -> ScoreSums {
        let mut sums = ScoreSums::default();
        for &square in squares {
            sums.add(&PairScore {
                square: Some(square),
                ..PairScore::default()
            });
        }
        sums
    }

    fn blocks(n: usize) -> Blocks {
        Blocks::new(n, Resampler::new(1, 500, CONFIDENCE))
    }

    #[test]
    fn identical_blocks_have_an_interval_without_width() {
        let same = vec![sums(&[1.0, 7.0]); 6];
        let found = blocks(6).rmse(&same).unwrap();
        let interval = found.interval.unwrap();
        assert_eq!((found.value, interval.low, interval.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn a_ratio_draws_both_sides_from_the_same_blocks() {
        // Errors differ tenfold between blocks, but are half those of the baseline in every one.
        let scales = [1.0, 2.0, 5.0, 10.0];
        let forecast: Vec<_> = scales.iter().map(|s| sums(&[s * s])).collect();
        let baseline: Vec<_> = scales.iter().map(|s| sums(&[4.0 * s * s])).collect();
        let ratio = blocks(4).ratio(&forecast, &baseline).unwrap();
        let interval = ratio.interval.unwrap();
        assert!((interval.high - interval.low).abs() < 1e-12, "{interval:?}");
        assert!((ratio.value - 0.5).abs() < 1e-12);
        let alone = blocks(4).rmse(&forecast).unwrap().interval.unwrap();
        assert!(alone.high > 1.5 * alone.low, "{alone:?}");
    }

    #[test]
    fn means_weigh_blocks_by_what_they_hold() {
        let values = [(0, 1.0), (0, 3.0), (1, 8.0)];
        let found = blocks(2).mean(&values).unwrap();
        assert_eq!(found.value, 4.0);
        let interval = found.interval.unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 8.0));
        let same: Vec<_> = values.iter().map(|&(block, x)| (block, 2.0 * x)).collect();
        let ratio = blocks(2).ratio_of_means(&values, &same).unwrap();
        let interval = ratio.interval.unwrap();
        assert_eq!((ratio.value, interval.low, interval.high), (0.5, 0.5, 0.5));
    }

    #[test]
    fn one_block_has_a_value_and_no_interval() {
        let found = blocks(1).rmse(&[sums(&[4.0])]).unwrap();
        assert_eq!((found.value, found.interval), (2.0, None));
        assert_eq!(blocks(1).mean(&[]), None);
    }
}
