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
    position: ShufflePosition,
    /// Threads of libtorch: with another number its sums may round differently.
    torch_threads: i32,
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
            position,
            torch_threads: tch::get_num_threads(),
        };
        let (n, d) = (self.sae.config.n_latents, self.sae.config.d_in);
        let moments = io::serialise(&[
            ("w_enc.m", vec![n, d], &self.enc.m),
            ("w_enc.v", vec![n, d], &self.enc.v),
            ("w_dec.m", vec![n, d], &self.dec.m),
            ("w_dec.v", vec![n, d], &self.dec.v),
            ("b_pre.m", vec![d], &self.bias.m),
            ("b_pre.v", vec![d], &self.bias.v),
        ])?;
        let state = io::json(&state)?;
        let mut files = self.sae.files()?;
        files.extend([(STATE, state), (MOMENTS, moments)]);
        io::replace_dir(dir.as_ref(), &files)
    }

    /// Goes on from what [`save`](Self::save) wrote, bit for bit on the same number of libtorch threads.
    ///
    /// # Errors
    /// When a file is missing, cut off or malformed, or the files do not fit each other.
    pub fn load(dir: impl AsRef<Path>) -> Result<(Self, ShufflePosition)> {
        let dir = dir.as_ref();
        let sae = Sae::load(dir)?;
        let state: State = io::read_json(&dir.join(STATE))?;
        let file = TensorFile::read(&dir.join(MOMENTS))?;
        let (n, d) = (sae.config.n_latents, sae.config.d_in);
        let moments = |name: &str, shape: &[usize]| -> Result<Moments> {
            Ok(Moments {
                m: file.f32(&format!("{name}.m"), shape)?,
                v: file.f32(&format!("{name}.v"), shape)?,
            })
        };
        let (enc, dec, bias) = (
            moments("w_enc", &[n, d])?,
            moments("w_dec", &[n, d])?,
            moments("b_pre", &[d])?,
        );
        let mut trainer = Self::new(sae, state.config)?;
        trainer
            .set_dead_state(state.miss_counts, state.dead)
            .map_err(|e| Error::checkpoint(dir.join(STATE), e))?;
        (trainer.enc, trainer.dec, trainer.bias) = (enc, dec, bias);
        trainer.step = state.step;
        Ok((trainer, state.position))
    }
}
