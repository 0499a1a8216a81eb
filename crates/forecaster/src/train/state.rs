use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::TrainConfig;
use super::adamw::AdamW;
use crate::{Error, ForecasterOptions, Parameters, Result};

/// What a training state carries beside the tensors.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) step: u64,
    pub(super) compute: Compute,
    pub(super) config: TrainConfig,
}

/// What the last bits of a training run depend on besides its configuration.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compute {
    pub(super) kernel: String,
    pub(super) precision: String,
    /// Threads of libtorch.
    pub(super) threads: i32,
    /// Threads of the fused kernels.
    pub(super) workers: usize,
}

impl Compute {
    /// That of this process.
    pub(super) fn here(options: ForecasterOptions) -> Self {
        Self {
            kernel: options.kernel.to_string(),
            precision: options.precision.to_string(),
            threads: tch::get_num_threads(),
            workers: rayon::current_num_threads(),
        }
    }
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            precision,
            threads,
            workers,
        } = self;
        write!(
            f,
            "kernel `{kernel}` in {precision}, {threads} threads of libtorch and {workers} of our own"
        )
    }
}

const PROGRESS: &str = "progress.json";

/// Writes weights, running mean, moments and progress to one safetensors file, by way of a temporary name.
pub(super) fn save(
    path: &Path,
    parameters: &Parameters,
    mean: &Parameters,
    optimizer: &AdamW,
    progress: &Progress,
) -> Result<()> {
    let json = serde_json::to_vec(progress).map_err(|e| Error::Train(e.to_string()))?;
    let mut named: Vec<(String, Tensor)> = vec![(PROGRESS.into(), Tensor::from_slice(&json))];
    let mut add = |group: &str, name: &str, tensor: &Tensor| {
        named.push((
            format!("{group}/{name}"),
            tensor.detach().to_device(Device::Cpu),
        ));
    };
    parameters
        .iter()
        .for_each(|(name, t)| add("weights", name, t));
    mean.iter().for_each(|(name, t)| add("mean", name, t));
    optimizer
        .first
        .iter()
        .for_each(|(name, t)| add("first", name, t));
    optimizer
        .second
        .iter()
        .for_each(|(name, t)| add("second", name, t));
    let part = path.with_extension("safetensors.part");
    Tensor::write_safetensors(&named, &part)?;
    std::fs::rename(&part, path).map_err(Error::io("rename", path))
}

/// Reads what [`save`] wrote into tensors that exist already; names and shapes must agree.
pub(super) fn load(
    path: &Path,
    parameters: &Parameters,
    mean: &Parameters,
    optimizer: &AdamW,
) -> Result<Progress> {
    if !path.is_file() {
        let reason = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(Error::Io {
            action: "open",
            path: path.to_owned(),
            source: reason,
        });
    }
    let stored: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)?.into_iter().collect();
    let find = |name: &str| {
        stored
            .get(name)
            .ok_or_else(|| Error::Train(format!("`{}` has no `{name}`", path.display())))
    };
    let json = Vec::<u8>::try_from(find(PROGRESS)?.to_kind(Kind::Uint8))?;
    let progress = serde_json::from_slice(&json)
        .map_err(|e| Error::Train(format!("`{}`: {e}", path.display())))?;
    let fill = |group: &str, name: &str, target: &Tensor| -> Result<()> {
        let source = find(&format!("{group}/{name}"))?;
        if source.size() != target.size() {
            let (found, expected) = (source.size(), target.size());
            return Err(Error::Train(format!(
                "`{group}/{name}` is {found:?}, expected {expected:?}"
            )));
        }
        target.detach().copy_(source);
        Ok(())
    };
    parameters
        .iter()
        .try_for_each(|(name, t)| fill("weights", name, t))?;
    mean.iter()
        .try_for_each(|(name, t)| fill("mean", name, t))?;
    optimizer
        .first
        .iter()
        .try_for_each(|(name, t)| fill("first", name, t))?;
    optimizer
        .second
        .iter()
        .try_for_each(|(name, t)| fill("second", name, t))?;
    Ok(progress)
}
