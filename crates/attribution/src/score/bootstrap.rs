//! Intervals from resampling blocks with replacement.

use dropsonde_activations::Rng;
use serde::{Deserialize, Serialize};

/// Two-sided interval of a score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Draws how often each block occurs in a resample.
///
/// # Source
/// Block bootstrap: Künsch 1989, <https://doi.org/10.1214/aos/1176347265>; here with disjoint blocks.
#[derive(Clone, Debug)]
pub struct Resampler {
    seed: u64,
    n_resamples: usize,
    confidence: f64,
}

impl Resampler {
    /// `n_resamples` draws for an interval that holds the share `confidence` of them.
    pub fn new(seed: u64, n_resamples: usize, confidence: f64) -> Self {
        Self {
            seed,
            n_resamples,
            confidence,
        }
    }

    /// The interval of a statistic of block weights; `None` with fewer than two blocks on any side.
    ///
    /// `statistic` gets one weight vector per element of `n_blocks`, drawn independently of each other.
    /// Resamples for which it gives `None` are left out; if more than half are, there is no interval.
    pub fn interval(
        &self,
        n_blocks: &[usize],
        statistic: impl Fn(&[Vec<f64>]) -> Option<f64>,
    ) -> Option<Interval> {
        if n_blocks.iter().any(|&n| n < 2) {
            return None;
        }
        let mut values = Vec::with_capacity(self.n_resamples);
        for resample in 0..self.n_resamples {
            let mut rng = Rng::from_stream(self.seed, &[resample as u64]);
            let weights: Vec<_> = n_blocks.iter().map(|&n| draw(&mut rng, n)).collect();
            values.extend(statistic(&weights));
        }
        if values.len() * 2 < self.n_resamples.max(1) {
            return None;
        }
        quantile_interval(values, self.confidence)
    }
}

/// How often each of `n` blocks occurs in `n` draws.
fn draw(rng: &mut Rng, n: usize) -> Vec<f64> {
    let mut weights = vec![0.0; n];
    for _ in 0..n {
        weights[rng.below(n as u64) as usize] += 1.0;
    }
    weights
}

/// The central interval that holds the share `confidence` of the values, ends interpolated linearly.
pub fn quantile_interval(mut values: Vec<f64>, confidence: f64) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval {
        low: quantile(&values, tail),
        high: quantile(&values, 1.0 - tail),
    })
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_ramp() {
        let ramp = (0..=100).map(f64::from).collect();
        let interval = quantile_interval(ramp, 0.9).unwrap();
        assert!((interval.low - 5.0).abs() < 1e-12 && (interval.high - 95.0).abs() < 1e-12);
    }

    #[test]
    fn interval_of_a_mean_has_the_textbook_width() {
        // Mean of 100 blocks with variance 1: standard error 0.1, so the 95 % interval is about 0.392 wide.
        let mut rng = Rng::new(3);
        let values: Vec<f64> = (0..100).map(|_| f64::from(rng.normal())).collect();
        let mean = |w: &[Vec<f64>]| {
            let sum: f64 = w[0].iter().zip(&values).map(|(w, v)| w * v).sum();
            Some(sum / w[0].iter().sum::<f64>())
        };
        let interval = Resampler::new(1, 4000, 0.95)
            .interval(&[100], mean)
            .unwrap();
        let deviation = {
            let mean = values.iter().sum::<f64>() / 100.0;
            (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 100.0).sqrt()
        };
        let expected = 2.0 * 1.96 * deviation / 10.0;
        let width = interval.high - interval.low;
        assert!((width / expected - 1.0).abs() < 0.06, "{width} {expected}");
        let again = Resampler::new(1, 4000, 0.95).interval(&[100], mean);
        assert_eq!(again, Some(interval));
    }

    #[test]
    fn one_block_has_no_interval() {
        let resampler = Resampler::new(0, 10, 0.95);
        assert_eq!(resampler.interval(&[1], |_| Some(0.0)), None);
        assert_eq!(resampler.interval(&[2], |_| None), None);
    }
}
