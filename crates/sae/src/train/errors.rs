//! From slots to residuals, losses and gradients of the codes, row by row.

use rayon::prelude::*;

use super::network::{Derived, Network};
use super::slots::{RowSlots, Slots};
use crate::Activation;
use crate::kernels;
use crate::real::Real;

/// The second reconstruction of a step.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Second {
    /// There is none.
    No,
    /// `AuxK`: of the residual, by dead latents.
    Dead {
        /// With the decoder as it is instead of unit rows.
        raw: bool,
        weight: f64,
    },
    /// Gated: of the row, by what opens the gates, with a decoder that does not learn from it.
    Gate,
}

/// What the loss of a row consists of, before weights.
#[derive(Clone, Copy, Default)]
pub(crate) struct RowLosses<T> {
    pub(crate) main: T,
    pub(crate) second: T,
    pub(crate) penalty: T,
}

/// What a step needs of its rows, reused from step to step.
#[derive(Default)]
pub(crate) struct Rows<T> {
    /// Preprocessed rows as the encoder sees them, `[rows, d_in]`.
    pub(crate) input: Vec<T>,
    /// Preprocessed target rows minus the decoder's bias, `[rows, d_out]`; empty where they are the input.
    pub(crate) target: Vec<T>,
    /// Squared norm of each preprocessed target row.
    pub(crate) power: Vec<T>,
    /// Gradients with respect to the reconstructions. For each row and nested dictionary, that of all dictionaries which hold
    /// its latents: `[rows, groups, d_out]`.
    pub(crate) grad: Vec<T>,
    /// Gradient with respect to the second reconstruction, `[rows, d_out]`.
    pub(crate) second_grad: Vec<T>,
    pub(crate) losses: Vec<RowLosses<T>>,
}

/// Constants of a step.
pub(crate) struct Errors<'a, T> {
    pub(crate) network: Network<'a, T>,
    pub(crate) derived: &'a Derived<T>,
    pub(crate) second: Second,
    /// Weight of the penalty on codes.
    pub(crate) penalty: f64,
    /// Rows of the batch.
    pub(crate) rows: usize,
}

impl<T: Real> Rows<T> {
    /// The target rows minus the decoder's bias.
    fn target(&self) -> &[T] {
        match self.target.is_empty() {
            true => &self.input,
            false => &self.target,
        }
    }

    /// Means over the rows, in the order of the rows.
    pub(crate) fn mean_losses(&self) -> RowLosses<f64> {
        let mut sums = RowLosses::<f64>::default();
        for row in &self.losses {
            sums.main += row.main.wide();
            sums.second += row.second.wide();
            sums.penalty += row.penalty.wide();
        }
        let n = self.losses.len() as f64;
        RowLosses {
            main: sums.main / n,
            second: sums.second / n,
            penalty: sums.penalty / n,
        }
    }

    /// Residuals, losses and gradients of all rows.
    pub(crate) fn errors(&mut self, step: &Errors<'_, T>, main: &mut Slots<T>, aux: &mut Slots<T>) {
        let d = step.network.config.d_out;
        let groups = step.derived.groups.len();
        self.grad.resize(step.rows * groups * d, T::ZERO);
        self.losses.resize(step.rows, RowLosses::default());
        let second_rows = match aux.rows() {
            0 => 0,
            rows => rows * d,
        };
        self.second_grad.resize(second_rows, T::ZERO);
        let (mut grad, mut second_grad, mut losses) = (
            std::mem::take(&mut self.grad),
            std::mem::take(&mut self.second_grad),
            std::mem::take(&mut self.losses),
        );
        let rows = self
            .target()
            .par_chunks(d)
            .zip(&self.power)
            .zip(grad.par_chunks_mut(groups * d))
            .zip(&mut losses)
            .zip(main.par_rows())
            .map(|((((target, &power), grad), losses), slots)| Row {
                target,
                power,
                grad,
                losses,
                slots,
            });
        match second_rows {
            0 => rows.for_each_init(|| vec![T::ZERO; d], |sum, row| step.row(row, None, sum)),
            _ => {
                let second = second_grad.par_chunks_mut(d).zip(aux.par_rows());
                rows.zip(second).for_each_init(
                    || vec![T::ZERO; d],
                    |sum, (row, second)| step.row(row, Some(second), sum),
                );
            }
        }
        (self.grad, self.second_grad, self.losses) = (grad, second_grad, losses);
    }
}

/// One row of a batch.
struct Row<'a, T> {
    target: &'a [T],
    power: T,
    grad: &'a mut [T],
    losses: &'a mut RowLosses<T>,
    slots: RowSlots<'a, T>,
}

/// 1 / power, and 0 for an all-zero target, whose loss is 0 then.
pub(crate) fn inverse<T: Real>(power: T) -> T {
    match power > T::ZERO {
        true => T::ONE / power,
        false => T::ZERO,
    }
}

impl<T: Real> Errors<'_, T> {
    /// What turns minus the residual of a row into the gradient with respect to one of its reconstructions.
    pub(crate) fn scale_of(&self, power: T) -> T {
        T::of(2.0 / (self.rows * self.derived.groups.len()) as f64) * inverse(power)
    }

    fn row(&self, row: Row<'_, T>, second: Option<(&mut [T], RowSlots<'_, T>)>, sum: &mut [T]) {
        let Row {
            target,
            power,
            grad,
            losses,
            mut slots,
        } = row;
        let d = target.len();
        let last = self.residuals(target, &slots, grad, sum);
        let groups = self.derived.groups.len();
        let mean = T::ONE / T::of(groups as f64);
        losses.main = last.0 * mean * inverse(power);
        losses.second = T::ZERO;
        losses.penalty = self.penalty_of(&slots);
        if let Some((second_grad, second_slots)) = second {
            let residual = &grad[(groups - 1) * d..];
            let (target, power) = match self.second {
                Second::Gate => (target, power),
                _ => (residual, last.1),
            };
            let (loss, open) = self.second_row((target, power), second_slots, second_grad);
            losses.second = loss;
            losses.penalty += open;
        }
        self.gradients(&mut slots, grad, self.scale_of(power));
    }

    /// Leaves the residual of each nested dictionary in `grad`; the sum of their squared norms, and that of the last.
    fn residuals(
        &self,
        target: &[T],
        slots: &RowSlots<'_, T>,
        grad: &mut [T],
        sum: &mut [T],
    ) -> (T, T) {
        let Derived {
            inverse_norms,
            groups,
            ..
        } = self.derived;
        sum.fill(T::ZERO);
        let (mut total, mut last, mut first) = (T::ZERO, T::ZERO, 0);
        for (&end, residual) in groups.iter().zip(grad.chunks_mut(target.len())) {
            let mut add = |latents: &[u32], codes: &[T]| {
                kernels::combine((latents, codes), inverse_norms, self.network.w_dec, sum);
            };
            match groups.len() {
                1 => add(slots.latents, slots.codes),
                _ => {
                    for (latent, code) in slots.latents.iter().zip(slots.codes) {
                        if (first..end).contains(&(*latent as usize)) {
                            add(&[*latent], &[*code]);
                        }
                    }
                }
            }
            last = kernels::residual(target, sum, residual);
            total += last;
            first = end;
        }
        (total, last)
    }

    /// Turns residuals into gradients and takes them to the codes.
    fn gradients(&self, slots: &mut RowSlots<'_, T>, grad: &mut [T], scale: T) {
        let d = self.network.config.d_out;
        let Derived {
            inverse_norms,
            groups,
            ..
        } = self.derived;
        kernels::scale(grad, -scale);
        for group in (1..groups.len()).rev() {
            let (before, behind) = grad.split_at_mut(group * d);
            kernels::add(&mut before[(group - 1) * d..], &behind[..d]);
        }
        let w = self.network.w_dec;
        match groups.len() {
            1 => kernels::project_codes(slots.latents, inverse_norms, (w, grad), slots.grads),
            _ => {
                for (latent, out) in slots.latents.iter().zip(slots.grads.iter_mut()) {
                    let group = groups.partition_point(|&end| end <= *latent as usize);
                    let grad = &grad[group * d..][..d];
                    let out = std::slice::from_mut(out);
                    kernels::project_codes(&[*latent], inverse_norms, (w, grad), out);
                }
            }
        }
        if self.network.config.activation == Activation::Relu {
            self.add_penalty(slots.grads);
        }
    }

    /// The second reconstruction of a row: its loss, and what its codes add to the penalty.
    fn second_row(
        &self,
        (target, power): (&[T], T),
        slots: RowSlots<'_, T>,
        grad: &mut [T],
    ) -> (T, T) {
        let w = self.network.w_dec;
        let (raw, weight) = match self.second {
            Second::Dead { raw, weight } => (raw, weight),
            _ => (false, 1.0),
        };
        let norms = match raw {
            true => &self.derived.ones,
            false => &self.derived.inverse_norms,
        };
        grad.fill(T::ZERO);
        kernels::combine((slots.latents, slots.codes), norms, w, grad);
        kernels::subtract(grad, target);
        let loss = kernels::square(grad) * inverse(power);
        let scale = T::of(2.0 * weight / self.rows as f64) * inverse(power);
        kernels::scale(grad, scale);
        kernels::project_codes(slots.latents, norms, (w, grad), slots.grads);
        match self.second {
            Second::Gate => {
                self.add_penalty(slots.grads);
                (loss, slots.codes.iter().copied().sum())
            }
            _ => (loss, T::ZERO),
        }
    }

    fn add_penalty(&self, grads: &mut [T]) {
        let share = T::of(self.penalty / self.rows as f64);
        for grad in grads {
            *grad += share;
        }
    }

    /// What the main codes of a row add to the penalty, before its weight.
    fn penalty_of(&self, slots: &RowSlots<'_, T>) -> T {
        match self.network.config.activation {
            Activation::Relu => slots.codes.iter().copied().sum(),
            Activation::JumpRelu { .. } => {
                let active = slots.codes.iter().filter(|code| **code != T::ZERO);
                T::of(active.count() as f64)
            }
            Activation::TopK { .. } | Activation::BatchTopK { .. } | Activation::Gated => T::ZERO,
        }
    }
}
