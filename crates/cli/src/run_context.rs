use std::path::{Path, PathBuf};

use anyhow::Context;
use dropsonde_activations::ActivationReader;
use dropsonde_attribution::{Phenomenon, Scores};
use dropsonde_fields::{Source, Statistics, Time};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions, Kernel, Precision};
use dropsonde_sae::Sae;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::args::StepArgs;
use crate::experiment::{Experiment, ModelSection};
use crate::stamp::hex;

/// An experiment, its run directory, and what earlier steps left there.
pub(crate) struct RunContext {
    pub(crate) experiment: Experiment,
    run: PathBuf,
    device: tch::Device,
    smoke: bool,
}

/// A stretch of the source that belongs to one split.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Window {
    pub(crate) split: String,
    pub(crate) first: Time,
    steps: i64,
}

impl Window {
    /// Its states that have both neighbours 6 h away in it.
    pub(crate) fn inner(&self) -> impl Iterator<Item = Time> + '_ {
        (1..self.steps - 1).map(|step| self.first.plus_hours(6 * step))
    }

    /// The last of its states.
    pub(crate) fn last(&self) -> Time {
        self.first.plus_hours(6 * (self.steps - 1))
    }
}

impl RunContext {
    /// Reads the experiment and makes the run directory.
    pub(crate) fn open(args: &StepArgs) -> anyhow::Result<Self> {
        let experiment = Experiment::read(&args.experiment, args.smoke, args.seed)?;
        std::fs::create_dir_all(&args.run)
            .with_context(|| format!("cannot create `{}`", args.run.display()))?;
        Ok(Self {
            experiment,
            run: args.run.clone(),
            device: args.device,
            smoke: args.smoke,
        })
    }

    /// A path in the run directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }

    /// Where to compute.
    pub(crate) fn device(&self) -> tch::Device {
        self.device
    }

    /// The run directory.
    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// Whether this is a run on a slice, whose numbers mean nothing.
    pub(crate) fn is_smoke(&self) -> bool {
        self.smoke
    }

    /// Opens the weather states of the experiment.
    pub(crate) fn source(&self) -> anyhow::Result<Source> {
        Ok(Source::open(&self.experiment.data.source)?)
    }

    /// Builds the forecaster on the grid of a source.
    pub(crate) fn forecaster(&self, source: &Source) -> anyhow::Result<Forecaster> {
        forecaster(&self.experiment.model, source, self.device)
    }

    /// Opens the latents that `capture` wrote.
    pub(crate) fn latents(&self) -> anyhow::Result<ActivationReader> {
        let path = self.path("latents.zarr");
        ActivationReader::open(&path).with_context(|| hint("capture"))
    }

    /// Opens the autoencoder that `sae train` wrote.
    pub(crate) fn sae(&self) -> anyhow::Result<Sae> {
        Sae::load(self.path("sae")).with_context(|| hint("sae train"))
    }

    /// Times to capture: those whose state 6 h before lies in the same window, with the window's split.
    pub(crate) fn init_times(
        &self,
        source: &Source,
    ) -> anyhow::Result<Vec<(Time, Option<String>)>> {
        let mut times = init_times(source)?;
        if self.smoke {
            times = thin(times, self.experiment.smoke.states_per_split);
        }
        times.sort();
        Ok(times)
    }

    /// SHA-256 of the weights, the statistics and the description of the source.
    pub(crate) fn input_hashes(&self) -> anyhow::Result<serde_json::Value> {
        let experiment = &self.experiment;
        let description = experiment.data.source.join("zarr.json");
        let source = if description.is_file() {
            description
        } else {
            experiment.data.source.clone()
        };
        Ok(serde_json::json!({
            "checkpoint": file_sha256(&experiment.model.checkpoint)?,
            "statistics": file_sha256(&experiment.model.statistics)?,
            "source": file_sha256(&source)?,
        }))
    }
}

/// Times of a source's windows whose state 6 h before lies in the same window, with the window's split, window by window.
pub(crate) fn init_times(source: &Source) -> anyhow::Result<Vec<(Time, Option<String>)>> {
    let windows = windows(source)?;
    let times = windows.iter().flat_map(|w| {
        (1..w.steps).map(|step| (w.first.plus_hours(6 * step), Some(w.split.clone())))
    });
    Ok(times.collect())
}

/// Builds a forecaster on the grid of a source.
pub(crate) fn forecaster(
    model: &ModelSection,
    source: &Source,
    device: tch::Device,
) -> anyhow::Result<Forecaster> {
    let checkpoint = Checkpoint::read(&model.checkpoint)?;
    let normalizer = Statistics::open(&model.statistics)?.normalizer(&checkpoint.task)?;
    let options = ForecasterOptions {
        device,
        kernel: Kernel::best(device, Precision::default()),
        ..ForecasterOptions::default()
    };
    Ok(Forecaster::new(
        &checkpoint,
        source.grid().clone(),
        &normalizer,
        options,
    )?)
}

fn hint(step: &str) -> String {
    format!("an earlier step is missing\nhint: run `dropsonde {step}` with the same `--run` first")
}

/// The windows that the source's attribute `windows` lists.
pub(crate) fn windows(source: &Source) -> anyhow::Result<Vec<Window>> {
    let attribute = source.attributes().get("windows").with_context(|| {
        format!(
            "`{}` has no attribute `windows`\nhint: an experiment needs a source with splits `train`, `select`, `report`",
            source.path().display()
        )
    })?;
    serde_json::from_value(attribute.clone())
        .with_context(|| format!("attribute `windows` of `{}`", source.path().display()))
}

/// Keeps `n` times of each split, taken from its beginning in whole stretches of the first windows.
fn thin(times: Vec<(Time, Option<String>)>, n: usize) -> Vec<(Time, Option<String>)> {
    let mut kept: Vec<(Time, Option<String>)> = Vec::new();
    for (time, split) in times {
        if kept.iter().filter(|(_, s)| *s == split).count() < n {
            kept.push((time, split));
        }
    }
    kept
}

/// The feature that stands for a phenomenon: the one with the best average precision on *select*, or for a cycle the
/// one with the best correlation.
pub(crate) fn chosen_feature(scores: &Scores, phenomenon: Phenomenon) -> Option<u32> {
    scores
        .sharpest_feature(phenomenon)
        .or_else(|| scores.feature(phenomenon))
}

/// SHA-256 of a file's bytes.
pub(crate) fn file_sha256(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(hex(&Sha256::digest(bytes)))
}
