use dropsonde_fields::{Variable, loss_weights};
use tch::{Kind, Tensor};

use super::{Dataset, Trainer};
use crate::parameters::host_values;
use crate::{Kernel, NoTap, Result};

/// A loss and what it consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct LossParts {
    /// The sum over variables, each times its weight: what is trained on.
    pub total: f64,
    /// Per target variable, in the order of the channels, the mean squared normalised error weighted by area and
    /// pressure level, before the variable's own weight ([`TrainConfig::variable_weight`](super::TrainConfig::variable_weight)).
    pub variables: Vec<(Variable, f64)>,
}

impl Trainer {
    /// Loss of some samples with gradients, mean over `horizon` forecast steps; a scalar.
    ///
    /// # Errors
    /// If a state lacks a variable.
    pub fn loss(&self, data: &Dataset, samples: &[usize], horizon: usize) -> Result<Tensor> {
        if self.forecaster.options().kernel == Kernel::Fused {
            return self.fused_loss(data, samples, horizon);
        }
        let channels = self.channel_errors(data, samples, horizon)?;
        Ok((channels * &self.channel_weights).sum(None::<Kind>))
    }

    /// [`Self::loss`] with its parts, as numbers.
    ///
    /// # Errors
    /// If a state lacks a variable.
    pub fn loss_parts(
        &self,
        data: &Dataset,
        samples: &[usize],
        horizon: usize,
    ) -> Result<LossParts> {
        let errors = tch::no_grad(|| self.channel_errors(data, samples, horizon))?;
        // As if all variables had the weight 1, so that one of weight 0 has its part too.
        let (_, weights) = loss_weights(self.forecaster.task(), &self.forecaster.graph().grid);
        let mut variables: Vec<(Variable, f64)> = Vec::new();
        let outputs = self.forecaster.task().output_channels();
        for ((channel, error), weight) in outputs.iter().zip(host_values(&errors)).zip(weights) {
            let part = f64::from(error * weight) / channel.variable.loss_weight();
            match variables.last_mut() {
                Some((variable, sum)) if *variable == channel.variable => *sum += part,
                _ => variables.push((channel.variable.clone(), part)),
            }
        }
        let total = variables
            .iter()
            .map(|(variable, value)| self.config.variable_weight(variable) * value)
            .sum();
        Ok(LossParts { total, variables })
    }

    /// Mean squared normalised error of each output channel over nodes (by area), samples and steps, `[C_out]`.
    ///
    /// Targets of a step are changes from the predicted state before it, and gradients flow through all steps.
    fn channel_errors(&self, data: &Dataset, samples: &[usize], horizon: usize) -> Result<Tensor> {
        self.rollout_errors(data, samples, horizon, |features| {
            self.forecaster.forward(features, &mut NoTap)
        })
    }

    /// [`Self::channel_errors`] with another forward pass from features `[N, B, C_in]` to the output `[N, B, C_out]`.
    pub(super) fn rollout_errors(
        &self,
        data: &Dataset,
        samples: &[usize],
        horizon: usize,
        mut forward: impl FnMut(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let batch = data.batch(&self.forecaster, samples, horizon)?;
        let mut raw = batch.inputs[0].shallow_clone();
        let mut total = self.channel_weights.zeros_like();
        for (lead, target) in batch.targets.iter().enumerate() {
            let features = self.forecaster.features(&raw);
            let output = forward(&features)?;
            let error = &output - self.forecaster.normalized_targets(target, &raw);
            let weighted = &error * &error * &self.node_weights;
            total += weighted.mean_dim([0i64, 1].as_slice(), false, None::<Kind>);
            if lead + 1 < horizon {
                let prediction = self.forecaster.physical(&output, &raw);
                raw = self.update.next(&batch.inputs[lead + 1], &prediction, &raw);
            }
        }
        Ok(total / horizon as f64)
    }
}
