//! What every feature does: how often, where, with which fields, when most strongly.

mod builder;
mod maps;

pub(crate) use builder::{CatalogBuilder, Context};
pub use maps::FeatureMaps;

use std::path::Path;

use dropsonde_fields::Time;
use serde::{Deserialize, Serialize};

use crate::phenomenon::Phenomenon;
use crate::{Error, Result, file};

/// Every feature that is active anywhere in a store, with the maps beside it in [`FeatureMaps`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureCatalog {
    /// Version of this format.
    pub format: u32,
    /// The place in the network, as text.
    pub site: String,
    /// Size of the dictionary.
    pub n_latents: usize,
    /// Active features per row, where that number is fixed.
    pub k: Option<usize>,
    /// Records that were looked at.
    pub n_records: usize,
    /// Mesh nodes per record.
    pub n_nodes: usize,
    /// Features that are never active.
    pub n_dead: usize,
    /// How the numbers are defined.
    pub definitions: Vec<String>,
    /// The features that are active somewhere, by id.
    pub features: Vec<FeatureEntry>,
}

/// What one feature does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureEntry {
    /// Its number in the dictionary.
    pub id: u32,
    /// Share of all rows (record, node) where it is active.
    pub frequency: f64,
    /// Mean code over all rows.
    pub mean: f64,
    /// Mean code where it is active.
    pub mean_active: f64,
    /// Largest code.
    pub max: f32,
    /// Share of its area-weighted activation that lies north of the equator.
    pub northern_share: f64,
    /// Share of its area-weighted activation within 30 degrees of the equator.
    pub tropical_share: f64,
    /// Share of its area-weighted activation over land.
    pub land_share: f64,
    /// Latitude and longitude in degrees of the node with the largest mean.
    pub centre: [f32; 2],
    /// The fields that it is most correlated with, strongest first.
    pub correlations: Vec<FieldCorrelation>,
    /// The features with the most similar decoder rows.
    pub nearest: Vec<Neighbour>,
    /// Its strongest activations, at least a day or 1500 km apart.
    pub events: Vec<TopEvent>,
    /// How well it tells each phenomenon on *select*; empty if it is too rare to be a candidate.
    pub phenomena: Vec<PhenomenonScore>,
}

/// Correlation of a feature with a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldCorrelation {
    /// Name of the field.
    pub field: String,
    /// Pearson correlation over all rows.
    pub r: f64,
}

/// A feature with a similar decoder row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its number.
    pub feature: u32,
    /// Cosine of the angle between the decoder rows.
    pub cosine: f64,
}

/// A strong activation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopEvent {
    /// Position of the record in the store.
    pub record: usize,
    /// Its valid time.
    pub time: Time,
    /// Mesh node.
    pub node: u32,
    /// Latitude of the node, degrees.
    pub lat: f32,
    /// Longitude of the node, degrees.
    pub lon: f32,
    /// The code.
    pub value: f32,
}

/// How well a feature tells a phenomenon on *select*.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhenomenonScore {
    /// The phenomenon.
    pub phenomenon: Phenomenon,
    /// AUC, or multiple correlation with a cycle.
    pub value: f64,
    /// Average precision (masks only).
    pub average_precision: Option<f64>,
    /// Probability of such an AUC by chance (one-sided, blocks left out one by one).
    pub p_value: Option<f64>,
}

impl FeatureCatalog {
    /// The entry of a feature, unless it is dead or does not exist.
    pub fn get(&self, id: u32) -> Option<&FeatureEntry> {
        let at = self
            .features
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()?;
        Some(&self.features[at])
    }

    /// The features best at telling a phenomenon on *select*, best first.
    pub fn best(&self, phenomenon: Phenomenon, n: usize) -> Vec<(u32, f64)> {
        let mut scores: Vec<(u32, f64)> = Vec::new();
        for entry in &self.features {
            let of = entry
                .phenomena
                .iter()
                .filter(|score| score.phenomenon == phenomenon);
            scores.extend(of.map(|score| (entry.id, score.value)));
        }
        scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scores.truncate(n);
        scores
    }

    /// Writes it as JSON, under a temporary name first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write_json(path.as_ref(), self)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the file is missing or is not a catalogue of this format.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let catalog: Self = file::read_json(path, "a feature catalogue")?;
        if catalog.format != file::FORMAT {
            return Err(Error::Format {
                path: path.to_path_buf(),
                expected: "a feature catalogue of this version",
                reason: format!("format {}, expected {}", catalog.format, file::FORMAT),
            });
        }
        Ok(catalog)
    }
}
