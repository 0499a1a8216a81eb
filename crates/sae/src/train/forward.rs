//! The forward half of a step, row by row: codes, residual, losses, gradients with respect to codes and outputs.

use rayon::prelude::*;
use tch::Tensor;

use super::slots::Slots;
use crate::kernels::{self, dispatch};
use crate::matrix::Matrix;
use crate::topk::{self, Scratch};
use crate::{Preprocessing, Result, preprocess};

/// Rows per GEMM: the pre-activations of a chunk stay in the outer caches until they are selected from.
const CHUNK_ROWS: usize = 1024;

/// What the forward pass reads.
pub(crate) struct Model<'a> {
    pub(crate) preprocessing: Preprocessing,
    pub(crate) k: usize,
    pub(crate) k_aux: usize,
    pub(crate) aux_weight: f32,
    pub(crate) w_dec: &'a [f32],
    pub(crate) b_pre: &'a [f32],
    /// 1 / norm of each decoder row.
    pub(crate) inverse_norms: &'a [f32],
    /// Factor of each decoder row in the auxiliary reconstruction.
    pub(crate) aux_scale: &'a [f32],
    /// The dead latents, ascending.
    pub(crate) dead: &'a [u32],
}

/// Everything a step keeps about its batch; reused from step to step.
pub(crate) struct Workspace {
    pub(crate) rows: usize,
    /// Preprocessed rows minus the bias, `[rows, d]`.
    pub(crate) input: Matrix,
    /// Gradient with respect to the reconstruction, `[rows, d]`.
    pub(crate) grad: Vec<f32>,
    /// Gradient with respect to the auxiliary reconstruction, `[rows, d]`.
    pub(crate) aux_grad: Vec<f32>,
    pub(crate) main: Slots,
    pub(crate) aux: Slots,
    /// |u|^2 of each row, then its main and auxiliary loss.
    power: Vec<f32>,
    losses: Vec<[f32; 2]>,
    pre: Matrix,
    context: (Vec<f32>, Vec<f32>),
}

/// What the backward pass reads of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(crate) rows: usize,
    pub(crate) input: &'a [f32],
    pub(crate) grad: &'a [f32],
    pub(crate) aux_grad: &'a [f32],
    pub(crate) main: &'a Slots,
    pub(crate) aux: &'a Slots,
}

impl Workspace {
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            rows: self.rows,
            input: self.input.as_slice(),
            grad: &self.grad,
            aux_grad: &self.aux_grad,
            main: &self.main,
            aux: &self.aux,
        }
    }

    pub(crate) fn new(d: usize, n_latents: usize) -> Self {
        Self {
            rows: 0,
            input: Matrix::zeros(0, d),
            grad: Vec::new(),
            aux_grad: Vec::new(),
            main: Slots::default(),
            aux: Slots::default(),
            power: Vec::new(),
            losses: Vec::new(),
            pre: Matrix::zeros(0, n_latents),
            context: (Vec::new(), Vec::new()),
        }
    }

    fn resize(&mut self, rows: usize, d: usize, model: &Model<'_>) {
        self.rows = rows;
        self.input.reserve_rows(rows);
        self.pre.reserve_rows(rows.min(CHUNK_ROWS));
        self.grad.resize(rows * d, 0.0);
        self.main.resize(rows, model.k);
        self.power.resize(rows, 0.0);
        self.losses.resize(rows, [0.0; 2]);
        self.context.0.resize(rows, 0.0);
        self.context.1.resize(rows, 0.0);
        let aux = if model.dead.is_empty() { 0 } else { rows };
        self.aux_grad.resize(aux * d, 0.0);
        self.aux.resize(aux, model.k_aux.min(model.dead.len()));
    }

    /// Mean main and auxiliary loss over the rows, unweighted.
    pub(crate) fn mean_losses(&self) -> [f64; 2] {
        let mut sums = [0.0; 2];
        for row in &self.losses[..self.rows] {
            sums[0] += f64::from(row[0]);
            sums[1] += f64::from(row[1]);
        }
        sums.map(|sum| sum / self.rows as f64)
    }

    /// Runs the forward pass over `x`, `[rows, d]`.
    pub(crate) fn forward(&mut self, model: &Model<'_>, w_enc: &Tensor, x: &[f32]) -> Result<()> {
        let d = model.b_pre.len();
        let rows = x.len() / d;
        self.resize(rows, d, model);
        self.preprocess(model, x, d)?;
        let w_enc_t = w_enc.tr();
        for start in (0..rows).step_by(CHUNK_ROWS) {
            let n = CHUNK_ROWS.min(rows - start);
            let input = self.input.head(rows).narrow(0, start as i64, n as i64);
            let _ = input.f_matmul_out(&self.pre.head(n), &w_enc_t)?;
            self.select(model, start, n);
            self.errors(model, start, n);
        }
        Ok(())
    }

    fn preprocess(&mut self, model: &Model<'_>, x: &[f32], d: usize) -> Result<()> {
        let input = &mut self.input.as_mut_slice()[..x.len()];
        let context = (&mut self.context.0[..], &mut self.context.1[..]);
        preprocess::rows(model.preprocessing, (x, d, 0), input, context)?;
        input
            .par_chunks_mut(d)
            .zip(&mut self.power)
            .for_each(|(row, power)| {
                *power = kernels::dot(row, row);
                kernels::subtract(row, model.b_pre);
            });
        Ok(())
    }

    /// Chooses the active codes of rows `start..start + n`, and the auxiliary ones among the dead latents.
    fn select(&mut self, model: &Model<'_>, start: usize, n: usize) {
        let n_latents = model.inverse_norms.len();
        let pre = &self.pre.as_slice()[..n * n_latents];
        let k = model.k;
        let (indices, values) = (
            &mut self.main.indices[start * k..],
            &mut self.main.values[start * k..],
        );
        pre.par_chunks(n_latents)
            .zip(indices.par_chunks_mut(k).zip(values.par_chunks_mut(k)))
            .for_each_init(Scratch::default, |scratch, (row, (indices, values))| {
                topk::top_k(row, indices, values, scratch);
            });
        let k = self.aux.k;
        if k == 0 {
            return;
        }
        let (indices, values) = (
            &mut self.aux.indices[start * k..],
            &mut self.aux.values[start * k..],
        );
        pre.par_chunks(n_latents)
            .zip(indices.par_chunks_mut(k).zip(values.par_chunks_mut(k)))
            .for_each_init(
                || (Scratch::default(), Vec::new()),
                |(scratch, dead_pre), (row, (indices, values))| {
                    dead_pre.clear();
                    dead_pre.extend(model.dead.iter().map(|&i| row[i as usize]));
                    topk::top_k(dead_pre, indices, values, scratch);
                    for index in indices {
                        *index = model.dead[*index as usize];
                    }
                },
            );
    }

    /// Residual, losses and gradients of rows `start..start + n`.
    fn errors(&mut self, model: &Model<'_>, start: usize, n: usize) {
        let d = model.b_pre.len();
        let scale = 2.0 / self.rows as f32;
        let (k, k_aux) = (model.k, self.aux.k);
        let input = &self.input.as_slice()[start * d..(start + n) * d];
        let main = RowSlots::split(&mut self.main, start, n);
        let work = input
            .par_chunks(d)
            .zip(self.grad[start * d..].par_chunks_mut(d))
            .zip(main.par(k));
        let losses = self.losses[start..]
            .par_iter_mut()
            .zip(&self.power[start..]);
        if k_aux == 0 {
            work.zip(losses)
                .for_each(|(((input, grad), slots), (losses, &power))| {
                    *losses = [main_row(model, input, &slots, grad) / positive(power), 0.0];
                    finish_row(model, (slots, grad), scale / positive(power));
                });
            return;
        }
        let aux = RowSlots::split(&mut self.aux, start, n);
        let aux = aux
            .par(k_aux)
            .zip(self.aux_grad[start * d..].par_chunks_mut(d));
        work.zip(losses).zip(aux).for_each(
            |((((input, grad), slots), (losses, &power)), (aux_slots, aux_grad))| {
                let error = main_row(model, input, &slots, grad);
                let aux_error = aux_row(model, grad, &aux_slots, aux_grad);
                *losses = [error / positive(power), aux_error / positive(error)];
                finish_aux_row(
                    model,
                    (aux_slots, aux_grad),
                    scale * model.aux_weight / positive(error),
                );
                finish_row(model, (slots, grad), scale / positive(power));
            },
        );
    }
}

/// Makes the loss of an all-zero target 0 instead of a division by 0.
fn positive(power: f32) -> f32 {
    if power > 0.0 { power } else { f32::INFINITY }
}

/// The slots of a range of rows.
struct RowSlots<'a> {
    indices: &'a [u32],
    values: &'a [f32],
    grads: &'a mut [f32],
}

impl<'a> RowSlots<'a> {
    fn split(slots: &'a mut Slots, start: usize, n: usize) -> Self {
        let range = start * slots.k..(start + n) * slots.k;
        Self {
            indices: &slots.indices[range.clone()],
            values: &slots.values[range.clone()],
            grads: &mut slots.grads[range],
        }
    }

    fn par(self, k: usize) -> impl IndexedParallelIterator<Item = RowSlots<'a>> {
        let values = self.values.par_chunks(k).zip(self.grads.par_chunks_mut(k));
        let zipped = self.indices.par_chunks(k).zip(values);
        zipped.map(|(indices, (values, grads))| RowSlots {
            indices,
            values,
            grads,
        })
    }
}

/// Leaves the residual in `grad` and returns its squared norm.
fn main_row(model: &Model<'_>, input: &[f32], slots: &RowSlots<'_>, grad: &mut [f32]) -> f32 {
    combine(
        (slots.indices, slots.values),
        model.inverse_norms,
        model.w_dec,
        grad,
    );
    residual(input, grad)
}

/// Leaves `auxiliary reconstruction - residual` in `aux_grad` and returns its squared norm.
fn aux_row(model: &Model<'_>, residual: &[f32], slots: &RowSlots<'_>, aux_grad: &mut [f32]) -> f32 {
    combine(
        (slots.indices, slots.values),
        model.aux_scale,
        model.w_dec,
        aux_grad,
    );
    kernels::subtract(aux_grad, residual);
    square(aux_grad)
}

/// Turns the residual `u - u'` into the gradient with respect to `u'` and takes it to the codes.
fn finish_row(model: &Model<'_>, (slots, grad): (RowSlots<'_>, &mut [f32]), scale: f32) {
    kernels::scale(grad, -scale);
    code_grads(
        (slots.indices, slots.values),
        model.inverse_norms,
        (model.w_dec, grad),
        slots.grads,
    );
}

fn finish_aux_row(model: &Model<'_>, (slots, grad): (RowSlots<'_>, &mut [f32]), scale: f32) {
    kernels::scale(grad, scale);
    code_grads(
        (slots.indices, slots.values),
        model.aux_scale,
        (model.w_dec, grad),
        slots.grads,
    );
}

#[inline(always)]
fn combine_body((indices, values): (&[u32], &[f32]), scale: &[f32], w: &[f32], out: &mut [f32]) {
    let d = out.len();
    out.fill(0.0);
    for (&index, &value) in indices.iter().zip(values) {
        if value > 0.0 {
            kernels::axpy(
                out,
                value * scale[index as usize],
                &w[index as usize * d..][..d],
            );
        }
    }
}

dispatch! {
    /// `out = sum_s value_s scale_s w_s`.
    fn combine(codes: (&[u32], &[f32]), scale: &[f32], w: &[f32], out: &mut [f32]) = combine_body
}

#[inline(always)]
fn code_grads_body(
    (indices, values): (&[u32], &[f32]),
    scale: &[f32],
    (w, g): (&[f32], &[f32]),
    out: &mut [f32],
) {
    let d = g.len();
    for ((&index, &value), out) in indices.iter().zip(values).zip(out) {
        let i = index as usize;
        *out = if value > 0.0 {
            scale[i] * kernels::dot(&w[i * d..][..d], g)
        } else {
            0.0
        };
    }
}

dispatch! {
    /// `out_s = scale_s (w_s . g)` for the used slots, with `wg = (w, g)`.
    fn code_grads(codes: (&[u32], &[f32]), scale: &[f32], wg: (&[f32], &[f32]), out: &mut [f32]) = code_grads_body
}

#[inline(always)]
fn residual_body(x: &[f32], out: &mut [f32]) -> f32 {
    for (o, x) in out.iter_mut().zip(x) {
        *o = x - *o;
    }
    kernels::dot(out, out)
}

dispatch! {
    /// `out = x - out`; returns its squared norm.
    fn residual(x: &[f32], out: &mut [f32]) -> f32 = residual_body
}

#[inline(always)]
fn square_body(x: &[f32]) -> f32 {
    kernels::dot(x, x)
}

dispatch! {
    /// `|x|^2`.
    fn square(x: &[f32]) -> f32 = square_body
}
