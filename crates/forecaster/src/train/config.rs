use std::collections::BTreeMap;

use dropsonde_fields::{Task, Variable};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A stretch of training with a constant number of autoregressive steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Optimiser steps.
    pub steps: u64,
    /// Forecast steps of 6 h that the loss runs over.
    pub horizon: usize,
    /// Samples per optimiser step.
    pub batch_size: usize,
    /// Learning rate after warm-up; decays as a cosine to `final_rate`.
    pub peak_rate: f64,
    /// Learning rate at the end of the phase.
    pub final_rate: f64,
    /// Steps of linear warm-up from 0.
    pub warmup: u64,
}

/// How a forecaster is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of the initial weights and of the order of the samples.
    pub seed: u64,
    /// Decoupled weight decay of the weight matrices (AdamW).
    pub weight_decay: f64,
    /// Decay rates of the two moments (GraphCast: 0.9, 0.95).
    pub betas: [f64; 2],
    /// The gradient's global norm is cut to this (GraphCast: 32).
    pub clip_norm: f64,
    /// Decay rate of the running mean of the weights that is kept beside them and shipped.
    pub ema_decay: f64,
    /// Weights of target variables in the loss in place of GraphCast's ([`Variable::loss_weight`]).
    #[serde(default)]
    pub variable_weights: BTreeMap<Variable, f64>,
    /// One after the other: single-step training first, then autoregressive fine-tuning.
    pub phases: Vec<Phase>,
}

impl TrainConfig {
    /// Refuses values that cannot train.
    ///
    /// # Errors
    /// [`Error::Train`] with the field and what it may hold.
    pub fn check(&self) -> Result<()> {
        let require = |ok: bool, what: &str| {
            if ok {
                Ok(())
            } else {
                Err(Error::Train(what.to_owned()))
            }
        };
        require(
            !self.phases.is_empty(),
            "`phases` is empty, expected at least one",
        )?;
        require(self.clip_norm > 0.0, "`clip_norm` must be positive")?;
        require(
            (0.0..1.0).contains(&self.ema_decay),
            "`ema_decay` must be in [0, 1)",
        )?;
        require(
            self.betas.iter().all(|b| (0.0..1.0).contains(b)),
            "`betas` must be in [0, 1)",
        )?;
        self.phases.iter().try_for_each(|phase| {
            require(phase.batch_size > 0, "`batch_size` must be at least 1")?;
            require(phase.horizon > 0, "`horizon` must be at least 1")?;
            require(phase.peak_rate > 0.0, "`peak_rate` must be positive")
        })
    }

    /// Refuses weights of variables that the task does not forecast, and weights that are no weights.
    pub(super) fn check_weights(&self, task: &Task) -> Result<()> {
        for (variable, &weight) in &self.variable_weights {
            if !task.target_variables.contains(variable) {
                return Err(Error::Train(format!(
                    "`variable_weights` has `{variable}`, which is no target variable"
                )));
            }
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(Error::Train(format!(
                    "`variable_weights` has {weight} for `{variable}`, expected a number from 0 on"
                )));
            }
        }
        Ok(())
    }

    /// Weight of a target variable in the loss.
    pub fn variable_weight(&self, variable: &Variable) -> f64 {
        let own = self.variable_weights.get(variable);
        own.copied().unwrap_or_else(|| variable.loss_weight())
    }

    /// All optimiser steps of all phases.
    pub fn total_steps(&self) -> u64 {
        self.phases.iter().map(|phase| phase.steps).sum()
    }

    /// The largest horizon of any phase.
    pub fn max_horizon(&self) -> usize {
        self.phases
            .iter()
            .map(|phase| phase.horizon)
            .max()
            .unwrap_or(1)
    }

    /// Index of the phase that holds optimiser step `step`, and the step within it; `None` after the last.
    pub fn phase_at(&self, step: u64) -> Option<(usize, u64)> {
        let mut left = step;
        for (index, phase) in self.phases.iter().enumerate() {
            if left < phase.steps {
                return Some((index, left));
            }
            left -= phase.steps;
        }
        None
    }
}

impl Phase {
    /// Learning rate at a step within the phase.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let length = self.steps.saturating_sub(self.warmup).max(1) as f64;
        let progress = (step - self.warmup) as f64 / length;
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.final_rate + (self.peak_rate - self.final_rate) * cosine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_rises_linearly_and_falls_as_a_cosine() {
        let phase = Phase {
            steps: 110,
            horizon: 1,
            batch_size: 1,
            peak_rate: 1e-3,
            final_rate: 1e-5,
            warmup: 10,
        };
        assert!((phase.rate(0) - 1e-4).abs() < 1e-12);
        assert!((phase.rate(9) - 1e-3).abs() < 1e-12);
        assert!((phase.rate(10) - 1e-3).abs() < 1e-12);
        assert!((phase.rate(60) - 0.5 * (1e-3 + 1e-5)).abs() < 1e-9);
        assert!(phase.rate(109) < 1.2e-5);
        assert!((10..109).all(|s| phase.rate(s) > phase.rate(s + 1)));
    }
}
