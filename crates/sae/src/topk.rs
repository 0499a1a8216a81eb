//! The k largest positive values of a row, exactly.
//!
//! The row is folded into lanes (lane = position modulo the number of lanes). The k-th largest lane maximum bounds
//! the k-th largest value from below, so only values at or above it can be chosen; they are few, and are sorted.

use crate::kernels::dispatch;

/// Buffers reused from row to row.
#[derive(Default)]
pub(crate) struct Scratch {
    lanes: Vec<f32>,
    keys: Vec<u64>,
}

const BLOCK: usize = 16;

/// Writes the `k = indices.len()` largest positive values of `row`, descending, ties by lower index;
/// unused slots get index 0 and value 0.
pub(crate) fn top_k(row: &[f32], indices: &mut [u32], values: &mut [f32], scratch: &mut Scratch) {
    let k = indices.len();
    indices.fill(0);
    values.fill(0.0);
    let bound = lower_bound(row, k, &mut scratch.lanes);
    scratch.keys.clear();
    collect(row, bound, &mut scratch.keys);
    let keys = &mut scratch.keys;
    if keys.len() > k {
        keys.select_nth_unstable_by(k, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
    for (slot, key) in keys.iter().enumerate() {
        indices[slot] = !(*key as u32);
        values[slot] = f32::from_bits((key >> 32) as u32);
    }
}

/// A value that at least `k` positive values of the row reach, or the smallest positive number.
fn lower_bound(row: &[f32], k: usize, lanes: &mut Vec<f32>) -> f32 {
    let n_lanes = (2 * k).div_ceil(BLOCK) * BLOCK;
    if row.len() < 4 * n_lanes {
        return f32::from_bits(1);
    }
    lanes.clear();
    lanes.resize(n_lanes, 0.0);
    lane_maxima(row, lanes);
    let (_, kth, _) = lanes.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    kth.max(f32::from_bits(1))
}

#[inline(always)]
fn lane_maxima_body(row: &[f32], lanes: &mut [f32]) {
    for chunk in row.chunks(lanes.len()) {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
}

dispatch! {
    fn lane_maxima(row: &[f32], lanes: &mut [f32]) = lane_maxima_body
}

#[inline(always)]
fn key(x: f32, index: usize) -> u64 {
    // Positive floats order like their bits; a lower index gives a larger key.
    (u64::from(x.to_bits()) << 32) | u64::from(!(index as u32))
}

#[inline(always)]
fn collect_body(row: &[f32], bound: f32, keys: &mut Vec<u64>) {
    for (block, chunk) in row.chunks(BLOCK).enumerate() {
        let mut any = false;
        for &x in chunk {
            any |= x >= bound;
        }
        if any {
            for (i, &x) in chunk.iter().enumerate() {
                if x >= bound {
                    keys.push(key(x, block * BLOCK + i));
                }
            }
        }
    }
}

dispatch! {
    /// Appends the key of every value at or above `bound`, in index order.
    fn collect(row: &[f32], bound: f32, keys: &mut Vec<u64>) = collect_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(row: &[f32], k: usize) -> Vec<(u32, f32)> {
        let mut all: Vec<(u32, f32)> = row
            .iter()
            .enumerate()
            .filter(|(_, x)| **x > 0.0)
            .map(|(i, x)| (i as u32, *x))
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all.resize(k, (0, 0.0));
        all
    }

    proptest! {
        #[test]
        fn equals_a_full_sort(
            row in proptest::collection::vec(prop_oneof![(-3i8..6).prop_map(f32::from), -1.0f32..1.0], 1..700),
            k in 1usize..40,
        ) {
            let k = k.min(row.len());
            let (mut indices, mut values) = (vec![9; k], vec![9.0; k]);
            top_k(&row, &mut indices, &mut values, &mut Scratch::default());
            let found: Vec<(u32, f32)> = indices.into_iter().zip(values).collect();
            prop_assert_eq!(found, reference(&row, k));
        }
    }

    #[test]
    fn non_numbers_are_never_chosen() {
        let mut row = vec![f32::NAN; 400];
        row[7] = 2.0;
        let (mut indices, mut values) = ([0; 2], [0.0; 2]);
        top_k(&row, &mut indices, &mut values, &mut Scratch::default());
        assert_eq!((indices, values), ([7, 0], [2.0, 0.0]));
    }
}
