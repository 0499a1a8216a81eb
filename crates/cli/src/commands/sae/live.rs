//! Latents of an experiment's forecaster, without a store.

use std::path::Path;

use dropsonde_activations::{Dtype, LatentsMeta};
use dropsonde_capture::CapturePlan;
use dropsonde_fields::Source;
use dropsonde_forecaster::{Forecaster, Site};

use super::latents::Latents;
use crate::commands::capture::{NODE_SET, mesh_sha256};
use crate::experiment::Experiment;
use crate::run_context::{forecaster, init_times};

/// What streaming needs of an experiment.
pub(super) struct Opened {
    experiment: Experiment,
    source: Source,
    forecaster: Forecaster,
}

impl Opened {
    pub(super) fn new(experiment: &Path, device: tch::Device) -> anyhow::Result<Self> {
        let experiment = Experiment::read(experiment, false, None)?;
        let source = Source::open(&experiment.data.source)?;
        let forecaster = forecaster(&experiment.model, &source, device)?;
        Ok(Self {
            experiment,
            source,
            forecaster,
        })
    }

    /// Every step of the experiment's windows at its site.
    pub(super) fn latents(&self) -> anyhow::Result<Latents<'_>> {
        let text = &self.experiment.capture.site;
        let site = Site::parse(text, self.forecaster.config().gnn_msg_steps)?;
        let (n_nodes, width) = self.forecaster.latent_shape();
        let meta = LatentsMeta {
            dtype: Dtype::F32,
            kernel: self.forecaster.options().kernel.to_string(),
            weights_sha256: self.forecaster.weights_sha256().to_owned(),
            node_set: NODE_SET.to_owned(),
            grid_sha256: mesh_sha256(&self.forecaster),
            source: self.source.path().display().to_string(),
            ..LatentsMeta::new(text.clone(), n_nodes, width)
        };
        Ok(Latents::Live {
            forecaster: &self.forecaster,
            source: &self.source,
            plan: CapturePlan {
                site,
                init_times: init_times(&self.source)?,
            },
            meta,
        })
    }
}
