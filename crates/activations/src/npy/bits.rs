//! What 16-bit elements without a type mean.

use half::f16;
use serde::{Deserialize, Serialize};

/// The meaning of 16-bit elements that NumPy has no type for (`|V2`): a choice that only their owner can make.
///
/// NumPy knows no bfloat16, so an array of it is saved as `|V2`, two bytes of anything. Some published tools read such
/// files as float16. That turns 0.001, 1 and 100 into 0.81, 1.88 and 3.39: monotone, hence unnoticed, and wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NpyDtype {
    /// bfloat16, which is what JAX saves as `|V2`.
    Bf16,
    /// The bits read as float16: the values that those published tools saw.
    F16View,
}

/// Evidence from a sample of 16-bit elements.
#[derive(Debug, PartialEq)]
pub(super) struct Histogram {
    /// Non-zero elements looked at.
    pub(super) n: usize,
    /// Share of them between 0.8 and 3.4 in magnitude when read as float16.
    pub(super) clustered: f64,
    /// Share of them below 0.1 in magnitude when read as float16.
    pub(super) near_zero: f64,
    /// Standard deviation of the binary logarithm of the magnitude when read as float16.
    pub(super) spread: f64,
}

impl Histogram {
    pub(super) fn of(bits: impl Iterator<Item = u16>) -> Self {
        let magnitudes = bits.map(|bits| f16::from_bits(bits & 0x7fff).to_f64());
        let magnitudes: Vec<f64> = magnitudes.filter(|m| *m > 0.0 && m.is_finite()).collect();
        let n = magnitudes.len();
        let share = |count: usize| count as f64 / n.max(1) as f64;
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n.max(1) as f64;
        let centre = mean(&mut magnitudes.iter().map(|m| m.log2()));
        let variance = mean(&mut magnitudes.iter().map(|m| (m.log2() - centre).powi(2)));
        let count = |low, high| {
            magnitudes
                .iter()
                .filter(|m| (low..high).contains(*m))
                .count()
        };
        Self {
            n,
            clustered: share(count(0.8, 3.4)),
            near_zero: share(count(0.0, 0.1)),
            spread: variance.sqrt(),
        }
    }

    /// What the elements look like, if they look like anything.
    ///
    /// Activations spread over some powers of two: the logarithm of a Gaussian's magnitude has a standard deviation of
    /// 1.6 at any scale. Reading bfloat16 as float16 divides it by 8, because three bits of the exponent are taken for
    /// bits of the fraction.
    pub(super) fn guess(&self) -> Option<NpyDtype> {
        match self {
            _ if self.n < 64 => None,
            _ if self.spread < 0.5 && self.near_zero < 0.01 => Some(NpyDtype::Bf16),
            _ if self.spread > 1.0 && self.clustered < 0.9 => Some(NpyDtype::F16View),
            _ => None,
        }
    }

    /// The evidence in words.
    pub(super) fn hint(&self) -> String {
        let evidence = format!(
            "read as float16, {:.1} % of {} values lie between 0.8 and 3.4 in magnitude and {:.1} % below 0.1",
            100.0 * self.clustered,
            self.n,
            100.0 * self.near_zero
        );
        let conclusion = match self.guess() {
            Some(NpyDtype::Bf16) => "so bfloat16 looks like: `bf16` is most likely right",
            Some(NpyDtype::F16View) => "they look like float16: `f16-view` is most likely right",
            None => "this does not tell; ask who wrote the file",
        };
        format!("{evidence}; {conclusion}")
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;
    use crate::Rng;

    fn sample(scale: f32) -> Vec<f32> {
        let mut rng = Rng::new(4);
        (0..5000).map(|_| scale * rng.normal()).collect()
    }

    #[test]
    fn activations_of_any_scale_are_recognised() {
        for scale in [0.01, 1.0, 22.0, 300.0] {
            let values = sample(scale);
            let brain = Histogram::of(values.iter().map(|&v| bf16::from_f32(v).to_bits()));
            assert_eq!(brain.guess(), Some(NpyDtype::Bf16), "{scale}: {brain:?}");
            let half = Histogram::of(values.iter().map(|&v| f16::from_f32(v).to_bits()));
            assert_eq!(half.guess(), Some(NpyDtype::F16View), "{scale}: {half:?}");
        }
        let brain = Histogram::of(sample(1.0).iter().map(|&v| bf16::from_f32(v).to_bits()));
        assert!(brain.clustered > 0.99 && brain.near_zero == 0.0);
        assert!(brain.hint().contains("`bf16` is most likely right"));
    }

    #[test]
    fn nothing_is_concluded_from_nothing() {
        for bits in [vec![0u16; 500], vec![0x3f80; 10], Vec::new()] {
            let histogram = Histogram::of(bits.into_iter());
            assert_eq!(histogram.guess(), None);
            assert!(histogram.hint().contains("does not tell"));
        }
    }
}
