//! What an experiment found, ready for JSON.

use dropsonde_capture::EditRecord;
use dropsonde_fields::Time;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{DoseResponse, ExperimentConfig, Quantity, Storm};

/// Which run of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum RunKind {
    /// No edit.
    Base,
    /// The edit with this number in its operation.
    Edited {
        /// Strength, value or what is added.
        strength: f32,
    },
    /// A vector of the length of that edit's in another direction.
    Control {
        /// The number of the edit whose size it copies.
        strength: f32,
        /// Which of the controls of that strength.
        index: usize,
        /// The feature whose decoder direction it takes; none for a random direction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feature: Option<u32>,
    },
}

impl RunKind {
    /// A short name, safe in file names: `base`, `edit_-1`, `control_3_0`.
    pub fn name(&self) -> String {
        match self {
            Self::Base => "base".to_owned(),
            Self::Edited { strength } => format!("edit_{strength}"),
            Self::Control {
                strength, index, ..
            } => format!("control_{strength}_{index}"),
        }
    }
}

/// Size of an edit in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditSize {
    /// Mesh nodes that changed.
    pub rows_changed: usize,
    /// Euclidean norm of all that was added.
    pub delta_norm: f64,
    /// Euclidean norm of the latents of the changed nodes before.
    pub latent_norm: f64,
}

impl From<EditRecord> for EditSize {
    fn from(record: EditRecord) -> Self {
        Self {
            rows_changed: record.rows_changed,
            delta_norm: record.delta_norm,
            latent_norm: record.latent_norm,
        }
    }
}

/// Pressure and wind around the storm of the unedited run: defined even where a run has lost its own storm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtBase {
    /// Lowest sea-level pressure within the wind radius.
    pub lowest_pressure_hpa: f64,
    /// Highest 10 m wind speed within the wind radius.
    pub max_wind_m_s: f64,
}

/// How far a run has gone from the unedited one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Departure {
    /// Area-weighted root mean square over all predicted channels, each in units of the deviation of its 6 h change.
    pub rms: f64,
    /// Share of the square of this within the local radius; none if nothing changed or there is no storm.
    pub local_share: Option<f64>,
    /// Change of the global mean of surface pressure, or of sea-level pressure where the model has no other.
    pub mean_pressure_pa: Option<f64>,
}

/// One run at one lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Hours since the initial state.
    pub lead_hours: i64,
    /// The storm of this run; none if it is lost or none was asked for.
    pub storm: Option<Storm>,
    /// Around the storm of the unedited run.
    pub at_base: Option<AtBase>,
    /// The edit in the step that led here; none where nothing was edited.
    pub edit: Option<EditSize>,
    /// Against the unedited run; none for that run and at lead 0.
    pub departure: Option<Departure>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Which one.
    pub run: RunKind,
    /// Its name, see [`RunKind::name`].
    pub name: String,
    /// Lead by lead, from 0.
    pub points: Vec<Point>,
}

/// An edited run minus the unedited one at one lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Name of the run.
    pub run: String,
    /// Of what.
    pub quantity: Quantity,
    /// SI units.
    pub units: String,
    /// Hours since the initial state.
    pub lead_hours: i64,
    /// Area-weighted root mean square.
    pub rms: f64,
    /// Largest absolute value.
    pub max_abs: f64,
    /// Area mean.
    pub mean: f64,
    /// Share of the squared difference within the local radius of the storm.
    pub local_share: Option<f64>,
    /// The map, `[lat, lon]`; not part of the JSON, empty after reading.
    #[serde(skip)]
    pub change: Array2<f32>,
}

/// What every experiment checks; a check that fails is an error instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Recording and splicing the latents into themselves gave the same bits in the first step.
    pub identity_splice_identical: bool,
    /// Leads at which a run with strength 0 had the same bits as the unedited one, in every field.
    pub strength_zero_identical_leads: usize,
    /// Steps in which the latents that went on were compared with those that the edit asks for.
    pub injections_compared: usize,
    /// Their largest difference.
    pub injection_max_difference: f64,
    /// Largest relative difference, over nodes and leads, of the lengths of a control and of its edit.
    pub control_norm_max_difference: f64,
}

/// What the results depend on besides the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of this crate.
    pub version: String,
    /// Identity of the forecaster's weights.
    pub weights_sha256: String,
    /// Implementation of the network.
    pub kernel: String,
    /// Where the autoencoder comes from.
    pub sae: dropsonde_sae::SaeMeta,
}

/// What an experiment on one case found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Name of the case.
    pub case: String,
    /// Time of the newer input state.
    pub init_time: Time,
    /// What was done.
    pub config: ExperimentConfig,
    /// With what.
    pub provenance: Provenance,
    /// The unedited run first, then one per strength, then the controls.
    pub runs: Vec<Run>,
    /// The difference maps that were asked for.
    pub differences: Vec<Difference>,
    /// What was checked.
    pub checks: Checks,
    /// Response of the storm, each run's own, to the strength; lead by lead, empty without a storm.
    pub dose_response: Vec<DoseResponse>,
    /// The same for lowest pressure and highest wind around the storm of the unedited run.
    pub dose_response_at_base: Vec<DoseResponse>,
}

impl Outcome {
    /// The run of this name.
    pub fn run(&self, name: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.name == name)
    }
}
