//! The backward half of a step, latent by latent: sparse gradients of the weights.

use rayon::prelude::*;

use super::dense::DenseSecond as _;
use super::errors::{Rows, Second};
use super::network::{Derived, Network};
use super::slots::Slots;
use crate::Activation;
use crate::kernels::{self, dispatch};
use crate::real::Real;

/// Rows or latents per partial sum; the partials are added in order.
const BLOCK: usize = 128;

/// Everything a backward pass reads.
pub(crate) struct Backward<'a, T: Real> {
    pub(crate) network: Network<'a, T>,
    pub(crate) derived: &'a Derived<T>,
    pub(crate) second: Second,
    pub(crate) penalty: f64,
    pub(crate) rows: &'a Rows<T>,
    pub(crate) main: &'a Slots<T>,
    pub(crate) aux: &'a Slots<T>,
    pub(crate) dense: &'a T::Dense,
}

/// Gradients of the numbers that a latent has one of.
#[derive(Clone, Copy, Default)]
pub(crate) struct LatentGradients<T> {
    /// Sum of the gradients with respect to what the encoder's row is multiplied with.
    pub(crate) drive: T,
    pub(crate) b_enc: T,
    /// Of the logarithm of the threshold.
    pub(crate) threshold: T,
    pub(crate) gate: [T; 2],
}

/// Buffers of one thread.
pub(crate) struct Room<T> {
    pub(crate) enc: Vec<T>,
    pub(crate) dec: Vec<T>,
    weights: Vec<T>,
}

impl<T: Real> Backward<'_, T> {
    pub(crate) fn room(&self) -> Room<T> {
        Room {
            enc: vec![T::ZERO; self.network.config.d_in],
            dec: vec![T::ZERO; self.network.config.d_out],
            weights: Vec::new(),
        }
    }

    /// The gradient of the rows of one latent into `room.enc` and `room.dec`, before the projection; `dec` is its decoder row.
    ///
    /// Reads nothing else of the two matrices, so that their other rows may change meanwhile.
    pub(crate) fn rows_of(&self, latent: usize, dec: &[T], room: &mut Room<T>) {
        let groups = &self.derived.groups;
        let group = groups.partition_point(|&end| end <= latent);
        room.enc.fill(T::ZERO);
        room.dec.fill(T::ZERO);
        self.drive((self.main, latent), &mut room.weights);
        self.accumulate(
            (self.main, latent),
            (&self.rows.grad, groups.len(), group),
            true,
            room,
        );
        let raw = matches!(self.second, Second::Dead { raw: true, .. });
        if raw {
            self.through_norm(latent, dec, &mut room.dec);
        }
        if self.aux.rows() > 0 {
            self.drive((self.aux, latent), &mut room.weights);
            let learns = self.second != Second::Gate;
            self.accumulate(
                (self.aux, latent),
                (&self.rows.second_grad, 1, 0),
                learns,
                room,
            );
        }
        if let Some((enc, dec, _)) = self.dense.of(latent) {
            kernels::add(&mut room.enc, enc);
            kernels::add(&mut room.dec, dec);
        }
        if !raw {
            self.through_norm(latent, dec, &mut room.dec);
        }
    }

    fn through_norm(&self, latent: usize, w: &[T], g: &mut [T]) {
        through_norm(g, w, self.derived.inverse_norms[latent]);
    }

    fn accumulate(
        &self,
        (slots, latent): (&Slots<T>, usize),
        (grad, groups, group): (&[T], usize, usize),
        decoder: bool,
        room: &mut Room<T>,
    ) {
        let chosen = slots.of(latent);
        accumulate(
            chosen,
            (&room.weights, 1, 0),
            &self.rows.input,
            &mut room.enc,
        );
        if decoder {
            gather_codes(chosen, &slots.codes, &mut room.weights);
            accumulate(chosen, (&room.weights, groups, group), grad, &mut room.dec);
        }
    }

    /// Gradients with respect to `w_enc . input` in the slots of one latent.
    fn drive(&self, (slots, latent): (&Slots<T>, usize), out: &mut Vec<T>) {
        out.clear();
        let main = std::ptr::eq(slots, self.main);
        let factor = match self.network.config.activation {
            Activation::Gated if main => self.network.gate[0][latent].exp(),
            _ => T::ONE,
        };
        out.extend(slots.of(latent).iter().map(|&(slot, _)| {
            let slot = slot as usize;
            match slots.codes[slot] != T::ZERO {
                true => slots.grads[slot] * factor,
                false => T::ZERO,
            }
        }));
    }

    /// The gradients of a latent's single numbers.
    pub(crate) fn single(&self, latent: usize, weights: &mut Vec<T>) -> LatentGradients<T> {
        let mut out = LatentGradients::default();
        self.drive((self.main, latent), weights);
        let main: T = weights.iter().copied().sum();
        out.drive = main;
        match self.network.config.activation {
            Activation::TopK { .. } | Activation::BatchTopK { .. } | Activation::Relu => {
                out.b_enc = main;
            }
            Activation::JumpRelu { bandwidth } => {
                out.b_enc = main;
                out.threshold = self.threshold_gradient(latent, bandwidth);
            }
            Activation::Gated => {
                let [r, _] = self.network.gate;
                let b_enc = self.network.b_enc[latent];
                for (&(slot, _), weight) in self.main.of(latent).iter().zip(&*weights) {
                    out.gate[0] += *weight * (self.main.pre[slot as usize] - b_enc);
                }
                out.gate[1] = main / r[latent].exp();
            }
        }
        if self.aux.rows() > 0 {
            self.drive((self.aux, latent), weights);
            let aux: T = weights.iter().copied().sum();
            out.drive += aux;
            out.b_enc += aux;
        }
        if let Some((_, _, drive)) = self.dense.of(latent) {
            out.drive += drive;
            out.b_enc += drive;
        }
        out
    }

    /// Straight-through gradient of a threshold's logarithm.
    ///
    /// # Source
    /// Rajamanoharan et al. 2024 (arXiv 2407.14435), equations 11 and 12, with a rectangular kernel.
    fn threshold_gradient(&self, latent: usize, bandwidth: f64) -> T {
        let theta = self.network.threshold[latent];
        let (width, half) = (T::of(bandwidth), T::of(bandwidth / 2.0));
        let share = T::of(self.penalty / self.rows.power.len() as f64);
        let mut sum = T::ZERO;
        for &(slot, _) in self.main.of(latent) {
            let slot = slot as usize;
            if (self.main.pre[slot] - theta).abs() < half {
                sum -= (theta * self.main.grads[slot] + share) / width;
            }
        }
        sum * theta
    }

    /// The gradient with respect to the decoder's bias, `[d_out]`; `drives` as in [`LatentGradients::drive`].
    pub(crate) fn bias(&self, drives: &[T]) -> Vec<T> {
        let config = self.network.config;
        let (d, groups) = (config.d_out, self.derived.groups.len());
        let first: Vec<&[T]> = self
            .rows
            .grad
            .chunks(groups * d)
            .map(|row| &row[..d])
            .collect();
        let mut out = weighted_sum(&vec![T::ONE; first.len()], &first, d);
        if config.bias.is_shared() {
            let minus: Vec<T> = drives.iter().map(|&drive| -drive).collect();
            let rows: Vec<&[T]> = self.network.w_enc.chunks(d).collect();
            kernels::add(&mut out, &weighted_sum(&minus, &rows, d));
        }
        out
    }
}

fn gather_codes<T: Real>(chosen: &[(u32, u32)], codes: &[T], out: &mut Vec<T>) {
    out.clear();
    out.extend(chosen.iter().map(|&(slot, _)| codes[slot as usize]));
}

#[inline(always)]
fn accumulate_body<T: Real>(
    chosen: &[(u32, u32)],
    (weights, groups, group): (&[T], usize, usize),
    rows: &[T],
    out: &mut [T],
) {
    let d = out.len();
    for (&(_, row), &weight) in chosen.iter().zip(weights) {
        if weight != T::ZERO {
            kernels::axpy(
                out,
                weight,
                &rows[(row as usize * groups + group) * d..][..d],
            );
        }
    }
}

dispatch! {
    /// `out += sum_s weight_s row_s` over (slot, row) pairs in order; `rows` are `[rows, groups, d]`.
    fn accumulate<T>(chosen: &[(u32, u32)], weights: (&[T], usize, usize), rows: &[T], out: &mut [T]) = accumulate_body
}

#[inline(always)]
fn through_norm_body<T: Real>(g: &mut [T], w: &[T], inverse_norm: T) {
    let radial = kernels::dot(g, w) * inverse_norm * inverse_norm;
    for (g, w) in g.iter_mut().zip(w) {
        *g = (*g - radial * *w) * inverse_norm;
    }
}

dispatch! {
    /// Takes a gradient with respect to `w / |w|` to one with respect to `w`.
    fn through_norm<T>(g: &mut [T], w: &[T], inverse_norm: T) = through_norm_body
}

#[inline(always)]
fn project_body<T: Real>(g: &mut [T], w: &[T]) {
    let (power, least) = (kernels::dot(w, w), T::of(1e-8));
    let radial = kernels::dot(g, w) / if power < least { least } else { power };
    kernels::axpy(g, -radial, w);
}

dispatch! {
    /// Takes the part along `w` out of `g`, so that the step keeps the norm of the decoder row to first order.
    pub(crate) fn project<T>(g: &mut [T], w: &[T]) = project_body
}

/// `sum_i weights_i rows_i` in fixed blocks that are added in order.
fn weighted_sum<T: Real>(weights: &[T], rows: &[&[T]], d: usize) -> Vec<T> {
    let blocks = weights.par_chunks(BLOCK).zip(rows.par_chunks(BLOCK));
    let partials: Vec<Vec<T>> = blocks
        .map(|(weights, rows)| {
            let mut sum = vec![T::ZERO; d];
            weighted_rows(weights, rows, &mut sum);
            sum
        })
        .collect();
    let mut out = vec![T::ZERO; d];
    for partial in &partials {
        kernels::add(&mut out, partial);
    }
    out
}

#[inline(always)]
fn weighted_rows_body<T: Real>(weights: &[T], rows: &[&[T]], out: &mut [T]) {
    for (&weight, row) in weights.iter().zip(rows) {
        kernels::axpy(out, weight, row);
    }
}

dispatch! {
    /// `out += sum_i weights_i rows_i`.
    fn weighted_rows<T>(weights: &[T], rows: &[&[T]], out: &mut [T]) = weighted_rows_body
}
