//! Adam on one row of parameters.

use crate::kernels::dispatch;
use crate::real::Real;

/// The numbers of one step.
///
/// # Source
/// Kingma & Ba 2015, algorithm 1, with the bias corrections applied as PyTorch does.
#[derive(Clone, Copy)]
pub(crate) struct Adam<T> {
    beta1: T,
    beta2: T,
    epsilon: T,
    step_size: T,
    root_correction: T,
    /// Factor of the gradients.
    clip: T,
}

impl<T: Real> Adam<T> {
    /// `step` counts from 1; gradients are multiplied by `clip`.
    pub(crate) fn new(config: &super::TrainConfig, step: u64, clip: f64) -> Self {
        let correction1 = 1.0 - config.beta1.powf(step as f64);
        let correction2 = 1.0 - config.beta2.powf(step as f64);
        Self {
            beta1: T::of(config.beta1),
            beta2: T::of(config.beta2),
            epsilon: T::of(config.epsilon),
            step_size: T::of(config.learning_rate_at(step - 1) / correction1),
            root_correction: T::of(correction2.sqrt()),
            clip: T::of(clip),
        }
    }
}

/// Parameters with their first and second moments.
pub(crate) struct Row<'a, T> {
    pub(crate) w: &'a mut [T],
    pub(crate) m: &'a mut [T],
    pub(crate) v: &'a mut [T],
}

#[inline(always)]
fn update_body<T: Real>(adam: Adam<T>, row: Row<'_, T>, g: &[T]) {
    let Adam {
        beta1,
        beta2,
        epsilon,
        step_size,
        root_correction,
        clip,
    } = adam;
    let moments = row.m.iter_mut().zip(row.v.iter_mut());
    for ((w, (m, v)), g) in row.w.iter_mut().zip(moments).zip(g) {
        let g = *g * clip;
        *m += (T::ONE - beta1) * (g - *m);
        *v = beta2 * *v + (T::ONE - beta2) * g * g;
        *w -= step_size * *m / (v.sqrt() / root_correction + epsilon);
    }
}

dispatch! {
    /// One update of a row with gradient `g`.
    pub(crate) fn update<T>(adam: Adam<T>, row: Row<'_, T>, g: &[T]) = update_body
}
