//! Latents straight from the forecaster to training: nothing on disk.

use dropsonde_activations::{Rng, ShufflePosition};
use dropsonde_fields::{Source, Time};
use dropsonde_forecaster::{Forecaster, Site};

use crate::run::{CapturePlan, latents_from};
use crate::{Error, Result};

/// How latents are mixed.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamConfig {
    /// Decides the order, together with the epoch.
    pub seed: u64,
    /// Most rows per batch; the rows of a full buffer are cut into equal batches (sizes differ by at most one row).
    pub batch_rows: usize,
    /// Memory for latents, bytes.
    pub buffer_bytes: usize,
}

/// Every row of the latents at a site, from steps that start at given times, once per epoch and in a seeded order.
///
/// Each epoch draws an order of the times. As many steps as the buffer holds are run, their rows are permuted and given out in
/// batches, then the next ones are run. So rows of one batch come from as many times as the buffer holds; nothing is kept
/// beyond it, and every epoch runs the forecaster again.
#[derive(Debug)]
pub struct LatentStream<'a> {
    forecaster: &'a Forecaster,
    source: &'a Source,
    site: Site,
    times: Vec<Time>,
    config: StreamConfig,
    /// Steps that fill the buffer.
    steps_per_buffer: usize,
    position: ShufflePosition,
    order: Vec<Time>,
    /// Epoch and number of what is in the buffer.
    loaded: Option<(u64, usize)>,
    buffer: Vec<f32>,
    permutation: Vec<u32>,
    batch: Vec<f32>,
}

impl<'a> LatentStream<'a> {
    /// A stream at the start of epoch 0.
    ///
    /// # Errors
    /// If a time or the state 6 h before it is missing, there are none, or the buffer does not hold the latents of one step.
    pub fn new(
        forecaster: &'a Forecaster,
        source: &'a Source,
        plan: &CapturePlan,
        config: StreamConfig,
    ) -> Result<Self> {
        plan.check(source)?;
        let (nodes, width) = forecaster.latent_shape();
        let step_bytes = nodes * width * size_of::<f32>();
        let steps_per_buffer = config.buffer_bytes / step_bytes;
        let checks = [
            (
                "buffer",
                format!("at least {step_bytes} bytes, the latents of a step"),
                config.buffer_bytes,
                steps_per_buffer,
            ),
            (
                "batch size",
                "at least 1 row".into(),
                config.batch_rows,
                config.batch_rows,
            ),
            (
                "number of initial times",
                "at least 1".into(),
                plan.init_times.len(),
                plan.init_times.len(),
            ),
        ];
        for (what, expected, found, enough) in checks {
            if enough == 0 {
                return Err(Error::Mismatch {
                    what,
                    expected,
                    found: found.to_string(),
                    hint: "change the settings of the stream",
                });
            }
        }
        let mut stream = Self {
            forecaster,
            source,
            site: plan.site,
            times: plan.init_times.iter().map(|(time, _)| *time).collect(),
            config,
            steps_per_buffer,
            position: ShufflePosition::default(),
            order: Vec::new(),
            loaded: None,
            buffer: Vec::new(),
            permutation: Vec::new(),
            batch: Vec::new(),
        };
        stream.draw_order();
        Ok(stream)
    }

    /// Channels per row.
    pub fn width(&self) -> usize {
        self.forecaster.latent_shape().1
    }

    /// Rows per epoch.
    pub fn n_rows(&self) -> usize {
        self.times.len() * self.forecaster.latent_shape().0
    }

    /// Batches per epoch.
    pub fn n_batches(&self) -> usize {
        (0..self.n_buffers())
            .map(|buffer| self.batches_of(buffer))
            .sum()
    }

    /// The next batch's position, to be stored.
    pub fn position(&self) -> ShufflePosition {
        self.position
    }

    /// Goes to a stored position; the batches from there on are those of an uninterrupted run.
    ///
    /// # Errors
    /// When the epoch has no such batch.
    pub fn seek(&mut self, position: ShufflePosition) -> Result<()> {
        if position.batch > self.n_batches() {
            return Err(Error::Mismatch {
                what: "batch of the stored position",
                expected: format!("at most {}", self.n_batches()),
                found: position.batch.to_string(),
                hint: "go on with the same times and settings",
            });
        }
        self.position = position;
        self.draw_order();
        Ok(())
    }

    /// The next batch `[rows, width]`, or `None` once at the end of each epoch.
    ///
    /// # Errors
    /// If a state cannot be read or a step fails.
    pub fn next_batch(&mut self) -> Result<Option<&[f32]>> {
        let (mut buffer, mut batch) = (0, self.position.batch);
        while buffer < self.n_buffers() && batch >= self.batches_of(buffer) {
            batch -= self.batches_of(buffer);
            buffer += 1;
        }
        if buffer == self.n_buffers() {
            self.position = ShufflePosition {
                epoch: self.position.epoch + 1,
                batch: 0,
            };
            self.draw_order();
            return Ok(None);
        }
        self.fill(buffer)?;
        let bound = |batch: usize| batch * self.rows_of(buffer) / self.batches_of(buffer);
        let rows = bound(batch)..bound(batch + 1);
        let width = self.width();
        self.batch.clear();
        for &row in &self.permutation[rows] {
            let start = row as usize * width;
            self.batch
                .extend_from_slice(&self.buffer[start..start + width]);
        }
        self.position.batch += 1;
        Ok(Some(&self.batch))
    }

    fn draw_order(&mut self) {
        self.order.clone_from(&self.times);
        Rng::from_stream(self.config.seed, &[self.position.epoch, 0]).shuffle(&mut self.order);
    }

    fn n_buffers(&self) -> usize {
        self.times.len().div_ceil(self.steps_per_buffer)
    }

    fn steps_of(&self, buffer: usize) -> &[Time] {
        let first = buffer * self.steps_per_buffer;
        &self.order[first..self.order.len().min(first + self.steps_per_buffer)]
    }

    fn rows_of(&self, buffer: usize) -> usize {
        self.steps_of(buffer).len() * self.forecaster.latent_shape().0
    }

    fn batches_of(&self, buffer: usize) -> usize {
        self.rows_of(buffer).div_ceil(self.config.batch_rows)
    }

    /// Runs the steps of a buffer and draws the order of their rows.
    fn fill(&mut self, buffer: usize) -> Result<()> {
        let key = (self.position.epoch, buffer);
        if self.loaded == Some(key) {
            return Ok(());
        }
        self.loaded = None;
        let mut latents = std::mem::take(&mut self.buffer);
        latents.clear();
        for &time in self.steps_of(buffer) {
            let step = latents_from(self.forecaster, self.source, time, self.site)?;
            latents.extend_from_slice(&step);
        }
        self.buffer = latents;
        self.permutation = (0..self.rows_of(buffer) as u32).collect();
        Rng::from_stream(self.config.seed, &[self.position.epoch, 1 + buffer as u64])
            .shuffle(&mut self.permutation);
        self.loaded = Some(key);
        Ok(())
    }
}
