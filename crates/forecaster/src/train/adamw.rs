use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use crate::{Parameters, Result};

/// AdamW (Loshchilov & Hutter 2019, <https://arxiv.org/abs/1711.05101>) with decay on weight matrices only.
#[derive(Debug)]
pub(super) struct AdamW {
    betas: [f64; 2],
    weight_decay: f64,
    pub(super) first: BTreeMap<String, Tensor>,
    pub(super) second: BTreeMap<String, Tensor>,
}

const EPSILON: f64 = 1e-8;

impl AdamW {
    pub(super) fn new(parameters: &Parameters, betas: [f64; 2], weight_decay: f64) -> Self {
        let zeros = || {
            parameters
                .iter()
                .map(|(name, p)| (name.to_owned(), p.zeros_like()))
                .collect()
        };
        Self {
            betas,
            weight_decay,
            first: zeros(),
            second: zeros(),
        }
    }

    /// Cuts the gradients to a global norm, moves the weights, clears the gradients; the norm before the cut.
    ///
    /// `step` counts from 1.
    pub(super) fn step(
        &mut self,
        parameters: &Parameters,
        step: u64,
        rate: f64,
        clip_norm: f64,
    ) -> Result<f64> {
        let norm = gradient_norm(parameters);
        let shrink = (clip_norm / norm.max(1e-30)).min(1.0);
        let [beta1, beta2] = self.betas;
        let correction1 = 1.0 - beta1.powf(step as f64);
        let correction2 = 1.0 - beta2.powf(step as f64);
        for (name, parameter) in parameters.iter() {
            let mut gradient = parameter.grad();
            if !gradient.defined() {
                continue;
            }
            let (Some(m), Some(v)) = (self.first.get_mut(name), self.second.get_mut(name)) else {
                continue;
            };
            let mut parameter = parameter.detach();
            let scaled = &gradient * shrink;
            *m = &*m * beta1 + &scaled * (1.0 - beta1);
            *v = &*v * beta2 + &scaled * &scaled * (1.0 - beta2);
            let update = (&*m / correction1) / ((&*v / correction2).sqrt() + EPSILON);
            if name.ends_with(":w") {
                parameter *= 1.0 - rate * self.weight_decay;
            }
            parameter -= update * rate;
            let _ = gradient.zero_();
        }
        Ok(norm)
    }
}

/// Euclidean norm over all gradients, summed in f64 in the order of the names.
fn gradient_norm(parameters: &Parameters) -> f64 {
    let squares = parameters.iter().filter_map(|(_, parameter)| {
        let gradient = parameter.grad();
        gradient
            .defined()
            .then(|| (&gradient * &gradient).sum(Kind::Double).double_value(&[]))
    });
    squares.sum::<f64>().sqrt()
}
