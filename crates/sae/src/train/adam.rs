//! Adam on one row of parameters.

use crate::kernels::dispatch;

/// The numbers of one step.
///
/// # Source
/// Kingma & Ba 2015, algorithm 1, with the bias corrections applied as PyTorch does.
#[derive(Clone, Copy)]
pub(crate) struct Adam {
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    step_size: f32,
    root_correction: f32,
}

impl Adam {
    /// `step` counts from 1.
    pub(crate) fn new(config: &super::TrainConfig, step: u64) -> Self {
        let correction1 = 1.0 - config.beta1.powf(step as f64);
        let correction2 = 1.0 - config.beta2.powf(step as f64);
        Self {
            beta1: config.beta1 as f32,
            beta2: config.beta2 as f32,
            epsilon: config.epsilon as f32,
            step_size: (config.learning_rate_at(step - 1) / correction1) as f32,
            root_correction: correction2.sqrt() as f32,
        }
    }
}

/// Parameters with their first and second moments.
pub(crate) struct Row<'a> {
    pub(crate) w: &'a mut [f32],
    pub(crate) m: &'a mut [f32],
    pub(crate) v: &'a mut [f32],
}

#[inline(always)]
fn update_body(adam: Adam, row: Row<'_>, g: &[f32]) {
    let Adam {
        beta1,
        beta2,
        epsilon,
        step_size,
        root_correction,
    } = adam;
    let moments = row.m.iter_mut().zip(row.v.iter_mut());
    for ((w, (m, v)), g) in row.w.iter_mut().zip(moments).zip(g) {
        *m += (1.0 - beta1) * (g - *m);
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        *w -= step_size * *m / (v.sqrt() / root_correction + epsilon);
    }
}

dispatch! {
    /// One update of a row with gradient `g`.
    fn update(adam: Adam, row: Row<'_>, g: &[f32]) = update_body
}
