//! Choosing the largest pre-activations of a row, exactly.
//!
//! The row is folded into lanes. The k-th largest lane maximum bounds the k-th largest value from below, so only values at or
//! above it can be chosen; they are few, and are sorted.

use crate::kernels::dispatch;
use crate::real::Real;

/// Buffers reused from row to row.
pub(crate) struct Scratch<T: Real> {
    lanes: Vec<T>,
    keys: Vec<T::Key>,
}

impl<T: Real> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            lanes: Vec::new(),
            keys: Vec::new(),
        }
    }
}

const BLOCK: usize = 16;

/// The keys of the `k` largest positive values of a row given in pieces, descending, ties by lower index; fewer if fewer are
/// positive.
pub(crate) fn top_k<'a, 's, T: Real>(
    pieces: impl Iterator<Item = &'a [T]> + Clone,
    k: usize,
    scratch: &'s mut Scratch<T>,
) -> &'s [T::Key] {
    let keys = largest(pieces, k, scratch);
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys
}

/// As [`top_k`], in no particular (but always the same) order.
pub(crate) fn largest<'a, 's, T: Real>(
    pieces: impl Iterator<Item = &'a [T]> + Clone,
    k: usize,
    scratch: &'s mut Scratch<T>,
) -> &'s mut [T::Key] {
    let Scratch { lanes, keys } = scratch;
    let bound = lower_bound(pieces.clone(), k, lanes);
    keys.clear();
    let mut first = 0;
    for piece in pieces {
        collect(piece, bound, first, keys);
        first += piece.len();
    }
    if keys.len() > k {
        keys.select_nth_unstable_by(k, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys
}

/// A value that at least `k` positive values of the row reach, or 0.
fn lower_bound<'a, T: Real>(
    pieces: impl Iterator<Item = &'a [T]> + Clone,
    k: usize,
    lanes: &mut Vec<T>,
) -> T {
    let n_lanes = (2 * k).next_multiple_of(BLOCK);
    let len: usize = pieces.clone().map(<[T]>::len).sum();
    if len < 4 * n_lanes {
        return T::ZERO;
    }
    lanes.clear();
    lanes.resize(n_lanes, T::ZERO);
    for piece in pieces {
        lane_maxima(piece, lanes);
    }
    // No lane is NaN: a NaN is not larger than anything.
    let descending = |a: &T, b: &T| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal);
    *lanes.select_nth_unstable_by(k - 1, descending).1
}

#[inline(always)]
fn lane_maxima_body<T: Real>(row: &[T], lanes: &mut [T]) {
    for chunk in row.chunks(lanes.len()) {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
}

dispatch! {
    fn lane_maxima<T>(row: &[T], lanes: &mut [T]) = lane_maxima_body
}

#[inline(always)]
fn collect_body<T: Real>(row: &[T], bound: T, first: usize, keys: &mut Vec<T::Key>) {
    for (block, chunk) in row.chunks(BLOCK).enumerate() {
        let mut any = false;
        for &x in chunk {
            any |= x >= bound;
        }
        if any {
            for (i, &x) in chunk.iter().enumerate() {
                if x >= bound && x > T::ZERO {
                    keys.push(x.key((first + block * BLOCK + i) as u32));
                }
            }
        }
    }
}

dispatch! {
    /// Appends the key of every positive value at or above `bound`, in index order; `first` is the index of the first value.
    pub(crate) fn collect<T>(row: &[T], bound: T, first: usize, keys: &mut Vec<T::Key>) = collect_body
}

#[inline(always)]
fn collect_over_body<T: Real>(
    row: &[T],
    theta: &[T],
    margin: T,
    first: usize,
    keys: &mut Vec<T::Key>,
) {
    let blocks = row.chunks(BLOCK).zip(theta.chunks(BLOCK));
    for (block, (chunk, theta)) in blocks.enumerate() {
        let mut any = false;
        for (&x, &theta) in chunk.iter().zip(theta) {
            any |= x > theta - margin;
        }
        if any {
            for (i, (&x, &theta)) in chunk.iter().zip(theta).enumerate() {
                if x > theta - margin && x > T::ZERO {
                    keys.push(x.key((first + block * BLOCK + i) as u32));
                }
            }
        }
    }
}

dispatch! {
    /// Appends the key of every positive value above its own `theta - margin`, in index order.
    pub(crate) fn collect_over<T>(row: &[T], theta: &[T], margin: T, first: usize, keys: &mut Vec<T::Key>) = collect_over_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(row: &[f32], k: usize) -> Vec<(f32, u32)> {
        let positive = row.iter().enumerate().filter(|(_, x)| **x > 0.0);
        let mut all: Vec<(f32, u32)> = positive.map(|(i, x)| (*x, i as u32)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all
    }

    fn found(row: &[f32], piece: usize, k: usize) -> Vec<(f32, u32)> {
        let mut scratch = Scratch::default();
        let keys = top_k(row.chunks(piece), k, &mut scratch);
        keys.iter().map(|&key| f32::of_key(key)).collect()
    }

    proptest! {
        #[test]
        fn equals_a_full_sort(
            row in proptest::collection::vec(prop_oneof![(-3i8..6).prop_map(f32::from), -1.0f32..1.0], 1..700),
            k in 1usize..40,
            piece in 1usize..300,
        ) {
            let k = k.min(row.len());
            prop_assert_eq!(found(&row, piece, k), reference(&row, k));
        }

        #[test]
        fn what_is_above_its_own_threshold_is_found(
            rows in proptest::collection::vec((-1.0f32..1.0, -0.5f32..0.5), 1..100),
        ) {
            let (row, theta): (Vec<f32>, Vec<f32>) = rows.iter().copied().unzip();
            let mut keys = Vec::new();
            collect_over(&row, &theta, 0.1, 7, &mut keys);
            let expected: Vec<(f32, u32)> = rows
                .iter()
                .enumerate()
                .filter(|(_, (x, theta))| *x > theta - 0.1 && *x > 0.0)
                .map(|(i, (x, _))| (*x, 7 + i as u32))
                .collect();
            prop_assert_eq!(keys.iter().map(|&key| f32::of_key(key)).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn non_numbers_are_never_chosen() {
        let mut row = vec![f32::NAN; 400];
        row[7] = 2.0;
        assert_eq!(found(&row, 400, 2), [(2.0, 7)]);
    }
}
