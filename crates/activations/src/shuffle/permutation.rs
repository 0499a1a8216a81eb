//! A seeded permutation of any number of rows that takes no memory.

use crate::Rng;

/// Rounds for each half; four in all already make random functions into a pseudo-random permutation.
const ROUNDS: usize = 4;

/// A keyed bijection of `0..n` and its inverse.
///
/// A row is written as a pair (l, r) with l < a, r < b and a·b just above n. Each round adds a hash of one half to the
/// other, modulo a or b, which can be undone; where the result is not below n, the rounds are applied again.
///
/// # Source
/// Black & Rogaway 2002, "Ciphers with arbitrary finite domains" (generalized Feistel network, cycle walking),
/// <https://doi.org/10.1007/3-540-45760-7_9>.
#[derive(Clone, Debug)]
pub(super) struct Permutation {
    n: u64,
    a: u64,
    b: u64,
    keys: [[u64; 2]; ROUNDS],
}

/// A hash of `value` in `0..range`.
fn hash(key: u64, value: u64, range: u64) -> u64 {
    let mut z = value.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key;
    z = (z ^ (z >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 32;
    ((u128::from(z) * u128::from(range)) >> 64) as u64
}

fn add(x: u64, y: u64, modulus: u64) -> u64 {
    let sum = x + y;
    if sum >= modulus { sum - modulus } else { sum }
}

fn subtract(x: u64, y: u64, modulus: u64) -> u64 {
    if x >= y { x - y } else { x + modulus - y }
}

impl Permutation {
    /// The order of `n` rows (below 2^62) in one epoch.
    pub(super) fn new(n: u64, seed: u64, epoch: u64) -> Self {
        let root = n.isqrt();
        let a = if root * root < n { root + 1 } else { root }.max(1);
        let b = n.div_ceil(a).max(1);
        let mut rng = Rng::from_stream(seed, &[epoch, 0]);
        let keys = std::array::from_fn(|_| [rng.next_u64(), rng.next_u64()]);
        Self { n, a, b, keys }
    }

    /// Where in the epoch a row comes, both below `n`.
    pub(super) fn position(&self, row: u64) -> u64 {
        let mut x = row;
        loop {
            x = self.forward(x);
            if x < self.n {
                return x;
            }
        }
    }

    /// The row at a place in the epoch, both below `n`.
    pub(super) fn row(&self, position: u64) -> u64 {
        let mut x = position;
        loop {
            x = self.backward(x);
            if x < self.n {
                return x;
            }
        }
    }

    fn forward(&self, x: u64) -> u64 {
        let (mut l, mut r) = (x / self.b, x % self.b);
        for [left, right] in self.keys {
            l = add(l, hash(left, r, self.a), self.a);
            r = add(r, hash(right, l, self.b), self.b);
        }
        l * self.b + r
    }

    fn backward(&self, x: u64) -> u64 {
        let (mut l, mut r) = (x / self.b, x % self.b);
        for [left, right] in self.keys.into_iter().rev() {
            r = subtract(r, hash(right, l, self.b), self.b);
            l = subtract(l, hash(left, r, self.a), self.a);
        }
        l * self.b + r
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bijection_of_any_size_with_its_inverse() {
        for n in (1..200).chain([1024, 1025, 4095, 10_007, 65_536, 99_999]) {
            let permutation = Permutation::new(n, 3, n % 7);
            let mut seen = vec![false; n as usize];
            for row in 0..n {
                let position = permutation.position(row);
                assert_eq!(permutation.row(position), row);
                assert!(!std::mem::replace(&mut seen[position as usize], true));
            }
        }
        let huge = Permutation::new(1 << 61, 1, 0);
        assert_eq!(huge.row(huge.position(12_345)), 12_345);
    }

    /// Chi-square per degree of freedom of equally likely cells.
    fn unevenness(counts: &[u32]) -> f64 {
        let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        let squares = counts
            .iter()
            .map(|&c| (f64::from(c) - expected).powi(2) / expected);
        squares.sum::<f64>() / (counts.len() - 1) as f64
    }

    #[test]
    fn pairs_of_neighbours_go_to_all_pairs_of_places_alike() {
        for n in [7u64, 30] {
            let mut counts = vec![0; (n * n) as usize];
            for seed in 0..40_000 {
                let permutation = Permutation::new(n, seed, 0);
                let pair = permutation.position(0) * n + permutation.position(1);
                counts[pair as usize] += 1;
            }
            let possible: Vec<u32> = (0..n * n)
                .filter(|pair| pair / n != pair % n)
                .map(|pair| counts[pair as usize])
                .collect();
            let chi = unevenness(&possible);
            assert!((0.5..1.6).contains(&chi), "{n}: {chi}");
        }
    }

    #[test]
    fn consecutive_rows_do_not_stay_together() {
        let n = 100_000;
        let permutation = Permutation::new(n, 5, 2);
        let mut cells = vec![0; 100];
        for row in 0..n - 1 {
            let step = permutation.position(row + 1) + n - permutation.position(row);
            cells[(step % n * 100 / n) as usize] += 1;
        }
        let chi = unevenness(&cells);
        assert!((0.5..1.6).contains(&chi), "{chi}");
    }
}
