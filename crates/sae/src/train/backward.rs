//! The backward half of a step, latent by latent: sparse gradients of the weights.

use rayon::prelude::*;

use super::config::AuxDecoder;
use super::forward::Batch;
use super::slots::Slots;
use crate::kernels::{self, dispatch};

/// Rows or latents per partial sum; the partials are added in order.
const BLOCK: usize = 128;

/// The gradient with respect to the rows `enc` and `dec` of one latent, before the projection.
pub(crate) fn latent_gradient(
    batch: Batch<'_>,
    latent: usize,
    (w_dec, inverse_norm, aux_decoder): (&[f32], f32, AuxDecoder),
    (enc, dec): (&mut [f32], &mut [f32]),
) {
    enc.fill(0.0);
    dec.fill(0.0);
    let input = batch.input;
    accumulate(
        (batch.main, batch.main.of(latent)),
        (input, batch.grad),
        (enc, dec),
    );
    let aux = if batch.aux.k == 0 {
        &[]
    } else {
        batch.aux.of(latent)
    };
    if aux_decoder == AuxDecoder::Normalised {
        accumulate((batch.aux, aux), (input, batch.aux_grad), (enc, dec));
    }
    through_norm(dec, w_dec, inverse_norm);
    if aux_decoder == AuxDecoder::Raw {
        accumulate((batch.aux, aux), (input, batch.aux_grad), (enc, dec));
    }
}

#[inline(always)]
fn accumulate_body(
    (slots, chosen): (&Slots, &[u32]),
    (input, grad): (&[f32], &[f32]),
    (enc, dec): (&mut [f32], &mut [f32]),
) {
    let d = enc.len();
    for &slot in chosen {
        let slot = slot as usize;
        let row = slot / slots.k * d;
        kernels::axpy(enc, slots.grads[slot], &input[row..][..d]);
        kernels::axpy(dec, slots.values[slot], &grad[row..][..d]);
    }
}

dispatch! {
    /// `enc += sum_s grad_s input_row(s)`, `dec += sum_s code_s grad_row(s)` over the chosen slots, in order.
    fn accumulate(slots: (&Slots, &[u32]), rows: (&[f32], &[f32]), out: (&mut [f32], &mut [f32])) = accumulate_body
}

#[inline(always)]
fn through_norm_body(g: &mut [f32], w: &[f32], inverse_norm: f32) {
    let radial = kernels::dot(g, w) * inverse_norm * inverse_norm;
    for (g, w) in g.iter_mut().zip(w) {
        *g = (*g - radial * w) * inverse_norm;
    }
}

dispatch! {
    /// Takes a gradient with respect to `w / |w|` to one with respect to `w`.
    fn through_norm(g: &mut [f32], w: &[f32], inverse_norm: f32) = through_norm_body
}

#[inline(always)]
fn project_body(g: &mut [f32], w: &[f32]) {
    let power = kernels::dot(w, w);
    let radial = kernels::dot(g, w) / if power < 1e-8 { 1e-8 } else { power };
    kernels::axpy(g, -radial, w);
}

dispatch! {
    /// Takes the part along `w` out of `g`, so that the step keeps the norm of the decoder row to first order.
    fn project(g: &mut [f32], w: &[f32]) = project_body
}

/// The gradient with respect to the shared bias, `[d]`: `sum_rows grad - sum_latents (sum_slots grad_s) w_enc`.
pub(crate) fn bias_gradient(batch: Batch<'_>, w_enc: &[f32], d: usize) -> Vec<f32> {
    let mut by_latent = vec![0.0; w_enc.len() / d];
    for slots in [batch.main, batch.aux] {
        for (&index, &grad) in slots.indices.iter().zip(&slots.grads) {
            by_latent[index as usize] -= grad;
        }
    }
    let ones = vec![1.0; batch.rows];
    let mut out = weighted_sum(&ones, batch.grad, d);
    let encoder = weighted_sum(&by_latent, w_enc, d);
    kernels::axpy(&mut out, 1.0, &encoder);
    out
}

/// `sum_i weights_i rows_i` in fixed blocks that are added in order.
fn weighted_sum(weights: &[f32], rows: &[f32], d: usize) -> Vec<f32> {
    let blocks = weights.par_chunks(BLOCK).zip(rows.par_chunks(BLOCK * d));
    let partials: Vec<Vec<f32>> = blocks
        .map(|(weights, rows)| {
            let mut sum = vec![0.0; d];
            weighted_rows(weights, rows, &mut sum);
            sum
        })
        .collect();
    let mut out = vec![0.0; d];
    for partial in &partials {
        kernels::axpy(&mut out, 1.0, partial);
    }
    out
}

#[inline(always)]
fn weighted_rows_body(weights: &[f32], rows: &[f32], out: &mut [f32]) {
    for (&weight, row) in weights.iter().zip(rows.chunks(out.len())) {
        kernels::axpy(out, weight, row);
    }
}

dispatch! {
    /// `out += sum_i weights_i rows_i`.
    fn weighted_rows(weights: &[f32], rows: &[f32], out: &mut [f32]) = weighted_rows_body
}
