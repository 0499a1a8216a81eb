use std::path::Path;

use dropsonde_fields::loss_weights;
use tch::{Kind, Tensor};

use super::adamw::AdamW;
use super::state::{self, Compute, Progress};
use super::{Dataset, TrainConfig};
use crate::autoregression::InputUpdate;
use crate::{Checkpoint, Error, Forecaster, Kernel, Parameters, Precision, Result, Rng};

/// What one optimiser step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Optimiser steps done so far.
    pub step: u64,
    /// Loss of the batch, mean over forecast steps.
    pub loss: f64,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub rate: f64,
}

/// Trains a forecaster in place; the loop is the caller's.
#[derive(Debug)]
pub struct Trainer {
    pub(super) forecaster: Forecaster,
    pub(super) config: TrainConfig,
    optimizer: AdamW,
    mean: Parameters,
    pub(super) update: InputUpdate,
    /// `[N, 1, 1]`, mean 1.
    pub(super) node_weights: Tensor,
    /// `[C_out]`.
    pub(super) channel_weights: Tensor,
    step: u64,
}

impl Trainer {
    /// Takes over a forecaster and starts at step 0.
    ///
    /// In bf16 the weights themselves, their moments and the sums of gradients are in f32; what enters products is rounded,
    /// on the way back too.
    ///
    /// # Errors
    /// [`Error::Train`] if the configuration cannot train, or the forecaster computes in bf16 with [`Kernel::Plain`].
    pub fn new(mut forecaster: Forecaster, config: TrainConfig) -> Result<Self> {
        config.check()?;
        forecaster.own_weights();
        let options = forecaster.options();
        if (options.precision, options.kernel) == (Precision::Bf16, Kernel::Plain) {
            return Err(Error::Train(
                "kernel `plain` has no training in `bf16`, only in `f32` and `f64`\nhint: train in `f32`, or with kernel `fused`".to_owned(),
            ));
        }
        let tensor = |values: &[f32]| {
            Tensor::from_slice(values)
                .to_device(options.device)
                .to_kind(options.precision.stream())
        };
        config.check_weights(forecaster.task())?;
        let (nodes, mut channels) = loss_weights(forecaster.task(), &forecaster.graph().grid);
        for (channel, weight) in forecaster
            .task()
            .output_channels()
            .iter()
            .zip(&mut channels)
        {
            let variable = &channel.variable;
            *weight *= (config.variable_weight(variable) / variable.loss_weight()) as f32;
        }
        for (_, parameter) in forecaster.parameters().iter() {
            let _ = parameter.set_requires_grad(true);
        }
        Ok(Self {
            optimizer: AdamW::new(forecaster.parameters(), config.betas, config.weight_decay),
            mean: forecaster
                .parameters()
                .to(options.device, options.precision.stream()),
            update: InputUpdate::new(forecaster.task(), options.device),
            node_weights: tensor(&nodes).reshape([-1, 1, 1]),
            channel_weights: tensor(&channels),
            forecaster,
            config,
            step: 0,
        })
    }

    /// Optimiser steps done so far.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The forecaster with the newest weights.
    pub fn forecaster(&self) -> &Forecaster {
        &self.forecaster
    }

    /// The next step of the schedule on its batch of `data`; `None` when the schedule is done.
    ///
    /// The order of samples follows from the seed and the step alone: every epoch is a fresh permutation.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss is infinite or NaN (the weights are then unchanged).
    pub fn step(&mut self, data: &Dataset) -> Result<Option<StepReport>> {
        let Some((phase_index, phase_step)) = self.config.phase_at(self.step) else {
            return Ok(None);
        };
        let phase = self.config.phases[phase_index].clone();
        let first = phase_step * phase.batch_size as u64;
        let samples: Vec<usize> = (first..first + phase.batch_size as u64)
            .map(|n| self.sample(data, phase_index, n))
            .collect();
        let loss = self.loss(data, &samples, phase.horizon)?;
        let value = loss.double_value(&[]);
        if !value.is_finite() {
            return Err(Error::NotFinite {
                what: "training loss".into(),
                place: format!(" at step {}", self.step),
                hint: "lower `peak_rate`, or look at the statistics",
            });
        }
        loss.backward();
        let rate = phase.rate(phase_step);
        self.step += 1;
        let gradient_norm = tch::no_grad(|| {
            let norm = self.optimizer.step(
                self.forecaster.parameters(),
                self.step,
                rate,
                self.config.clip_norm,
            );
            self.update_mean();
            norm
        })?;
        self.forecaster.refresh()?;
        Ok(Some(StepReport {
            step: self.step,
            loss: value,
            gradient_norm,
            rate,
        }))
    }

    /// The `n`-th sample of a phase.
    fn sample(&self, data: &Dataset, phase: usize, n: u64) -> usize {
        let epoch = n / data.len() as u64;
        let mut seed = Rng::new(self.config.seed);
        let mut order: Vec<usize> = (0..data.len()).collect();
        Rng::new(seed.next_u64() ^ (phase as u64) << 48 ^ epoch).shuffle(&mut order);
        order[(n % data.len() as u64) as usize]
    }

    /// Moves the running mean; early on it forgets faster, so that it does not hold the initial weights.
    fn update_mean(&mut self) {
        let decay = self
            .config
            .ema_decay
            .min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        for ((_, mean), (_, parameter)) in
            self.mean.0.iter().zip(self.forecaster.parameters().iter())
        {
            let mut mean = mean.shallow_clone();
            mean *= decay;
            mean += parameter.detach() * (1.0 - decay);
        }
    }

    /// The running mean of the weights as a checkpoint in the public layout.
    pub fn checkpoint(&self, description: String, license: String) -> Checkpoint {
        Checkpoint {
            model: self.forecaster.config().clone(),
            task: self.forecaster.task().clone(),
            parameters: self.mean.to(tch::Device::Cpu, Kind::Float),
            description,
            license,
        }
    }

    /// Writes everything that resumption needs to one file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Tch`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let progress = Progress {
            step: self.step,
            compute: Compute::here(self.forecaster.options()),
            config: self.config.clone(),
        };
        state::save(
            path,
            self.forecaster.parameters(),
            &self.mean,
            &self.optimizer,
            &progress,
        )
    }

    /// Goes back to where [`Self::save`] was called: the further course is bit-identical at the same thread counts.
    ///
    /// # Errors
    /// [`Error::Train`] if the file is of another configuration, kernel or thread count.
    pub fn resume(&mut self, path: &Path) -> Result<()> {
        let progress = tch::no_grad(|| {
            state::load(
                path,
                self.forecaster.parameters(),
                &self.mean,
                &self.optimizer,
            )
        })?;
        let here = Compute::here(self.forecaster.options());
        if progress.compute != here {
            let found = progress.compute;
            return Err(Error::Train(format!(
                "`{}` was made with {found}; this run has {here}\nhint: set the same",
                path.display()
            )));
        }
        if progress.config != self.config {
            return Err(Error::Train(format!(
                "`{}` was made with another training configuration\nhint: start anew, or restore the configuration",
                path.display()
            )));
        }
        self.forecaster.refresh()?;
        self.step = progress.step;
        Ok(())
    }
}
