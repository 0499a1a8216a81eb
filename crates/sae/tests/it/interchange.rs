//! Checkpoints of other tools: the same codes and reconstructions, round trips, and files that are not what they seem.

mod damaged;
mod equivalence;
mod round_trip;

use std::path::PathBuf;

use dropsonde_sae::{RowContext, Sae};
use tch::Tensor;

use crate::common::to_vec;

/// A checkpoint of the fixtures.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/interchange"
    ))
    .join(name)
}

/// Dense codes `[rows, n_latents]`, and what decoding needs.
fn dense(sae: &Sae, x: &Tensor) -> (Vec<f32>, dropsonde_sae::Codes, RowContext) {
    let (codes, context) = sae.encode(x).unwrap();
    let n = sae.config.n_latents;
    let mut dense = vec![0.0; codes.n_rows * n];
    for row in 0..codes.n_rows {
        for (index, value) in codes.row(row) {
            dense[row * n + index as usize] = value;
        }
    }
    (dense, codes, context)
}

/// Codes and reconstructions of rows.
fn outputs(sae: &Sae, x: &Tensor) -> [Vec<f32>; 2] {
    let (dense, codes, context) = dense(sae, x);
    [dense, to_vec(&sae.decode(&codes, &context).unwrap())]
}

/// Largest difference over the largest expected value.
fn relative(found: &[f32], expected: &[f32]) -> f32 {
    let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    assert!(largest > 0.0, "the expected values are all zero");
    crate::common::max_diff(found, expected) / largest
}
