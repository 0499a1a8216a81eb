use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::recipe::Recipe;

/// An experiment as described by a TOML file; unknown keys are errors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Experiment {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) model: ModelSection,
    pub(crate) data: DataSection,
    pub(crate) capture: CaptureSection,
    pub(crate) sae: Recipe,
    pub(crate) features: dropsonde_attribution::StudyConfig,
    pub(crate) intervene: InterveneSection,
    pub(crate) real_day: RealDaySection,
    pub(crate) smoke: SmokeSection,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelSection {
    /// Weights in the public GraphCast layout.
    pub(crate) checkpoint: PathBuf,
    /// Means and standard deviations.
    pub(crate) statistics: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSection {
    /// Weather states; the attribute `windows` names the splits.
    pub(crate) source: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureSection {
    /// Where the latents are taken, such as `processor/04`.
    pub(crate) site: String,
    /// `f16` or `f32`.
    pub(crate) dtype: dropsonde_activations::Dtype,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InterveneSection {
    /// The phenomenon whose best feature is changed.
    pub(crate) phenomenon: String,
    /// Code -> (1 + a) * code.
    pub(crate) strengths: Vec<f64>,
    /// The edit acts on mesh nodes within this distance of the storm.
    pub(crate) radius_km: f64,
    /// Forecast steps of 6 h.
    pub(crate) steps: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RealDaySection {
    /// Two real states, 6 h apart.
    pub(crate) source: PathBuf,
    /// Best track of the storm of that day (CSV).
    pub(crate) track: PathBuf,
}

/// Sizes for a run of seconds, in place of the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmokeSection {
    /// States of each split that are captured.
    pub(crate) states_per_split: usize,
    pub(crate) n_latents: usize,
    pub(crate) epochs: u64,
    pub(crate) steps: usize,
    pub(crate) resamples: usize,
}

impl Experiment {
    /// Reads a TOML file; relative paths in it become relative to its directory.
    pub(crate) fn read(path: &Path, smoke: bool, seed: Option<u64>) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let mut experiment: Self = toml::from_str(&text)
            .with_context(|| format!("`{}` is not a valid experiment", path.display()))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        for path in [
            &mut experiment.model.checkpoint,
            &mut experiment.model.statistics,
            &mut experiment.data.source,
            &mut experiment.real_day.source,
            &mut experiment.real_day.track,
        ] {
            *path = directory.join(&*path);
        }
        if let Some(seed) = seed {
            experiment.seed = seed;
        }
        if smoke {
            experiment.shrink();
        }
        experiment
            .check()
            .with_context(|| format!("`{}` is not a valid experiment", path.display()))?;
        Ok(experiment)
    }

    fn shrink(&mut self) {
        let smoke = self.smoke.clone();
        self.sae.n_latents = smoke.n_latents;
        self.sae.epochs = smoke.epochs;
        self.intervene.steps = smoke.steps;
        self.features.resamples = smoke.resamples;
    }

    fn check(&self) -> anyhow::Result<()> {
        self.sae.check().context("section `sae`")?;
        ensure!(
            self.intervene.steps >= 1,
            "`intervene.steps` is 0, expected at least 1"
        );
        ensure!(
            !self.intervene.strengths.is_empty(),
            "`intervene.strengths` is empty"
        );
        Ok(())
    }
}
