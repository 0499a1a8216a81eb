//! The training step that is measured: one sample, one forecast step.

use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};
use dropsonde_forecaster::{Forecaster, Precision};
use tch::Tensor;

use crate::case::{Case, Error, TRAINING_KERNEL};

/// Synthetic weather for one sample.
#[derive(Debug)]
pub struct Sample {
    /// Three states 6 h apart.
    pub data: Dataset,
}

impl Sample {
    /// Makes the states.
    ///
    /// # Errors
    /// If the grid cannot be made.
    pub fn new(case: &Case) -> Result<Self, Error> {
        Ok(Self {
            data: Dataset::new(case.states(3)?, 1)?,
        })
    }

    /// The same as normalised features `[N, C_in]` and targets `[N, C_out]`.
    ///
    /// # Errors
    /// If the states are of another case.
    pub fn tensors(&self, forecaster: &Forecaster) -> Result<(Tensor, Tensor), Error> {
        let states = self.data.states(0);
        let raw = forecaster.raw_inputs(&states[0], &states[1], &states[2])?;
        let target = forecaster.raw_targets(&states[2])?;
        let targets = forecaster.normalized_targets(&target, &raw);
        Ok((
            forecaster.features(&raw).squeeze_dim(1),
            targets.squeeze_dim(1),
        ))
    }
}

/// The forecaster's own trainer from the case's random weights, batch 1.
///
/// # Errors
/// If no network has this shape.
pub fn trainer(case: &Case) -> Result<Trainer, Error> {
    let phase = Phase {
        steps: 1 << 20,
        horizon: 1,
        batch_size: 1,
        peak_rate: 1e-5,
        final_rate: 1e-6,
        warmup: 0,
    };
    let config = TrainConfig {
        seed: 1,
        weight_decay: 0.1,
        betas: [0.9, 0.95],
        clip_norm: 32.0,
        ema_decay: 0.999,
        variable_weights: Default::default(),
        phases: vec![phase],
    };
    let forecaster = case.forecaster_with(Precision::F32, TRAINING_KERNEL)?;
    Ok(Trainer::new(forecaster, config)?)
}
