//! Stopping and going on without a trace.

use std::path::Path;

use dropsonde_activations::ShufflePosition;
use serde::{Deserialize, Serialize};

use super::trainer::Moments;
use super::{TrainConfig, Trainer};
use crate::io::{self, TensorFile};
use crate::{Error, Result, Sae};

const STATE: &str = "trainer.json";
const MOMENTS: &str = "trainer.safetensors";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    config: TrainConfig,
    step: u64,
    miss_counts: Vec<u64>,
    dead: Vec<bool>,
    penalty: f64,
    position: ShufflePosition,
}

impl Trainer {
    /// Writes everything the training depends on into `dir`, replacing an older state there at once.
    ///
    /// The directory can also be opened with [`Sae::load`]. `position` is that of the next batch.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>, position: ShufflePosition) -> Result<()> {
        let state = State {
            config: self.config.clone(),
            step: self.step,
            miss_counts: self.miss_counts.clone(),
            dead: self.dead.clone(),
            penalty: self.penalty,
            position,
        };
        let mut tensors = Vec::new();
        for (name, Moments { m, v }) in &self.moments {
            tensors.push((format!("{name}.m"), vec![m.len()], &m[..]));
            tensors.push((format!("{name}.v"), vec![v.len()], &v[..]));
        }
        for ((name, _), mean) in self.sae.named().iter().zip(self.mean.iter().flatten()) {
            tensors.push((format!("{name}.mean"), vec![mean.len()], mean));
        }
        let moments = io::serialise(&tensors)?;
        let state = io::json(&state)?;
        let mut files = self.sae.files()?;
        files.extend([(STATE, state), (MOMENTS, moments)]);
        io::replace_dir(dir.as_ref(), &files)
    }

    /// Goes on from what [`save`](Self::save) wrote, bit for bit, whatever the number of threads.
    ///
    /// # Errors
    /// When a file is missing, cut off or malformed, or the files do not fit each other.
    pub fn load(dir: impl AsRef<Path>) -> Result<(Self, ShufflePosition)> {
        let dir = dir.as_ref();
        let sae = Sae::load(dir)?;
        let state: State = io::read_json(&dir.join(STATE))?;
        let file = TensorFile::read(&dir.join(MOMENTS))?;
        let mut trainer = Self::new(sae, state.config)?;
        trainer
            .set_dead_state(state.miss_counts, state.dead)
            .map_err(|e| Error::checkpoint(dir.join(STATE), e))?;
        for (name, Moments { m, v }) in &mut trainer.moments {
            *m = file.f32(&format!("{name}.m"), &[m.len()])?;
            *v = file.f32(&format!("{name}.v"), &[v.len()])?;
        }
        let named = trainer.sae.named();
        for ((name, _), mean) in named.iter().zip(trainer.mean.iter_mut().flatten()) {
            *mean = file.f32(&format!("{name}.mean"), &[mean.len()])?;
        }
        trainer.penalty = state.penalty;
        trainer.step = state.step;
        Ok((trainer, state.position))
    }
}
