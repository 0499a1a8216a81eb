//! Normalisation as one affine map per channel.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Channel, Error, Frame, Result, Statistics, Task};

/// `normalised = (physical - offset) / scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// Standard deviation in physical units, positive.
    pub scale: f32,
    /// Mean in physical units.
    pub offset: f32,
}

impl Affine {
    /// To normalised units.
    pub fn apply(&self, physical: f32) -> f32 {
        (physical - self.offset) / self.scale
    }

    /// To physical units.
    pub fn invert(&self, normalised: f32) -> f32 {
        normalised * self.scale + self.offset
    }
}

/// `physical = output * scale + (raw input of the current frame if residual, else offset)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputAffine {
    /// Standard deviation of the 6-hour change (residual) or of the value, in physical units, positive.
    pub scale: f32,
    /// Mean in physical units; 0 where `residual` is set.
    pub offset: f32,
    /// Index of the input channel, unnormalised, that is added: the current frame of the same variable and level.
    pub residual: Option<usize>,
}

/// The affine map of every channel of a task (GraphCast's `InputsAndResiduals`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalizer {
    /// One per input channel.
    pub inputs: Vec<Affine>,
    /// One per output channel.
    pub outputs: Vec<OutputAffine>,
}

/// What to do with a variable that has no statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingStats {
    /// It is an error that lists every missing entry.
    #[default]
    Error,
    /// It passes unchanged, mean 0 and deviation 1, as in the reference (`normalization.py` of GraphCast).
    ///
    /// This holds for a whole table of a variable. A table that lacks a level of the task is always an error.
    Allow,
}

impl Statistics {
    /// The affine maps of a task, levels matched by value.
    ///
    /// A target that is also an input is predicted as a change, scaled by the deviation of changes alone;
    /// any other target directly.
    ///
    /// # Errors
    /// [`Error::InvalidTask`]; [`Error::MissingStatistics`] with every missing name;
    /// [`Error::BadStatistics`] for a scale that is not positive or a number that is not finite.
    pub fn normalizer(&self, task: &Task) -> Result<Normalizer> {
        Ok(self.normalizer_with(task, MissingStats::Error)?.0)
    }

    /// As [`Statistics::normalizer`], and the entries that were not there and are allowed to be missing, such as
    /// `land_sea_mask (mean)`: worth a warning, since these variables enter the network raw.
    ///
    /// # Errors
    /// As [`Statistics::normalizer`]; under [`MissingStats::Allow`], [`Error::MissingStatistics`] names only
    /// levels that a table lacks.
    pub fn normalizer_with(
        &self,
        task: &Task,
        policy: MissingStats,
    ) -> Result<(Normalizer, Vec<String>)> {
        task.check()?;
        let mut lookup = Lookup {
            statistics: self,
            policy,
            missing: BTreeSet::new(),
            raw: BTreeSet::new(),
        };
        let input_channels = task.input_channels();
        let mut inputs = Vec::with_capacity(input_channels.len());
        for channel in &input_channels {
            inputs.push(lookup.input(channel)?);
        }
        let mut outputs = Vec::new();
        for channel in task.output_channels() {
            let current = Channel {
                frame: Frame::Current,
                ..channel.clone()
            };
            let residual = input_channels.iter().position(|input| *input == current);
            outputs.push(lookup.output(&channel, residual)?);
        }
        if !lookup.missing.is_empty() {
            return Err(Error::MissingStatistics {
                names: lookup.missing.into_iter().collect(),
            });
        }
        let raw = lookup.raw.into_iter().collect();
        Ok((Normalizer { inputs, outputs }, raw))
    }
}

/// Looks numbers up and remembers which were not there.
struct Lookup<'a> {
    statistics: &'a Statistics,
    policy: MissingStats,
    /// Entries that must be there.
    missing: BTreeSet<String>,
    /// Entries that need not be there.
    raw: BTreeSet<String>,
}

impl Lookup<'_> {
    fn input(&mut self, channel: &Channel) -> Result<Affine> {
        let offset = self.number(channel, "mean")?;
        let scale = self.number(channel, "stddev")?;
        Ok(Affine { scale, offset })
    }

    fn output(&mut self, channel: &Channel, residual: Option<usize>) -> Result<OutputAffine> {
        if residual.is_some() {
            let scale = self.number(channel, "diffs_stddev")?;
            return Ok(OutputAffine {
                scale,
                offset: 0.0,
                residual,
            });
        }
        let Affine { scale, offset } = self.input(channel)?;
        Ok(OutputAffine {
            scale,
            offset,
            residual,
        })
    }

    /// A mean or a scale; 0 or 1 if it is missing, which is reported later.
    fn number(&mut self, channel: &Channel, kind: &'static str) -> Result<f32> {
        let name = || format!("{} ({kind})", channel.name());
        let is_scale = kind != "mean";
        let statistics = self.statistics.variables.get(&channel.variable);
        let Some(found) = statistics.and_then(|s| s.value(kind, channel.level)) else {
            let has_table = statistics.is_some_and(|s| s.table(kind).is_some());
            if self.policy == MissingStats::Allow && !has_table {
                self.raw.insert(format!("{} ({kind})", channel.variable));
            } else {
                self.missing.insert(name());
            }
            return Ok(if is_scale { 1.0 } else { 0.0 });
        };
        let value = found as f32;
        if !value.is_finite() || (is_scale && value <= 0.0) {
            let expected = if is_scale {
                "a positive number"
            } else {
                "a finite number"
            };
            return Err(Error::BadStatistics {
                name: name(),
                expected,
                found,
            });
        }
        Ok(value)
    }
}
