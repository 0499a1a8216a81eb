//! A small seeded generator whose state can be stored.

use serde::{Deserialize, Serialize};

/// The complete state of an [`Rng`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RngState {
    words: [u64; 4],
    spare: Option<u32>,
}

/// xoshiro256++ seeded through SplitMix64.
///
/// # Source
/// Blackman & Vigna, <https://prng.di.unimi.it/xoshiro256plusplus.c>.
#[derive(Clone, Debug, PartialEq)]
pub struct Rng {
    words: [u64; 4],
    spare: Option<f32>,
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// A generator for `seed`.
    pub fn new(seed: u64) -> Self {
        Self::from_stream(seed, &[])
    }

    /// An independent generator for each `(seed, stream)`, for example `(seed, [epoch, part])`.
    pub fn from_stream(seed: u64, stream: &[u64]) -> Self {
        let mut state = seed;
        for &part in stream {
            state = split_mix(&mut state) ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03);
        }
        let words = std::array::from_fn(|_| split_mix(&mut state));
        Self { words, spare: None }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let w = &mut self.words;
        let result = w[0].wrapping_add(w[3]).rotate_left(23).wrapping_add(w[0]);
        let t = w[1] << 17;
        w[2] ^= w[0];
        w[3] ^= w[1];
        w[1] ^= w[2];
        w[0] ^= w[3];
        w[2] ^= t;
        w[3] = w[3].rotate_left(45);
        result
    }

    /// Uniform in `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box-Muller; the second value of each pair is kept for the next call).
    pub fn normal(&mut self) -> f32 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.uniform();
        self.spare = Some((radius * angle.sin()) as f32);
        (radius * angle.cos()) as f32
    }

    /// Uniform in `0..n` without bias (Lemire's method); 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let reject = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(n);
            if wide as u64 >= reject {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Puts `items` in a uniformly random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }

    /// The state, to be stored.
    pub fn state(&self) -> RngState {
        RngState {
            words: self.words,
            spare: self.spare.map(f32::to_bits),
        }
    }

    /// A generator that goes on from a stored state.
    pub fn from_state(state: &RngState) -> Self {
        Self {
            words: state.words,
            spare: state.spare.map(f32::from_bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_match_the_published_algorithm() {
        // SplitMix64 of seed 0 gives these words (its published test vector).
        let mut state = 0;
        assert_eq!(split_mix(&mut state), 0xe220_a839_7b1d_cdaf);
        // xoshiro256++ from the state 1, 2, 3, 4 gives 41943041, 58720359, ... (vector of the rand_xoshiro crate).
        let mut rng = Rng {
            words: [1, 2, 3, 4],
            spare: None,
        };
        let first: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        assert_eq!(
            first,
            [
                41_943_041,
                58_720_359,
                3_588_806_011_781_223,
                3_591_011_842_654_386
            ]
        );
    }

    #[test]
    fn state_restores_the_sequence() {
        let mut rng = Rng::new(7);
        rng.normal();
        let mut copy = Rng::from_state(&rng.state());
        for _ in 0..5 {
            assert_eq!(rng.normal().to_bits(), copy.normal().to_bits());
        }
    }

    #[test]
    fn moments_and_permutation() {
        let mut rng = Rng::new(1);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(rng.normal())).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let var = draws.iter().map(|x| x * x).sum::<f64>() / 1e5 - mean * mean;
        assert!(
            mean.abs() < 0.02 && (var - 1.0).abs() < 0.03,
            "mean {mean}, variance {var}"
        );
        let mut order: Vec<usize> = (0..1000).collect();
        rng.shuffle(&mut order);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
        assert!((0..1000).all(|_| rng.below(3) < 3));
    }
}
