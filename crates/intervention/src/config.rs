//! What an experiment does, as written in TOML.

use dropsonde_fields::{STEP_HOURS, Task};
use serde::{Deserialize, Serialize};

use crate::edit::amount_is_finite;
use crate::error::require;
use crate::place::radius;
use crate::{EditConfig, Quantity, Result, StormConfig};

/// Where control edits point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// Along the decoder directions of other features.
    #[default]
    Features,
    /// Along random directions, uniform on the sphere of latents.
    Directions,
}

/// Control runs: at every node and lead they add a vector as long as the feature's edit adds in its own run, in
/// another direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlConfig {
    /// Directions per strength.
    pub count: usize,
    /// Where they point.
    pub kind: ControlKind,
    /// Features to choose from; empty: those active somewhere in the first step of the unedited run.
    pub candidates: Vec<u32>,
    /// Strengths that get controls; empty: all but 0.
    pub strengths: Vec<f32>,
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self {
            count: 1,
            kind: ControlKind::default(),
            candidates: vec![],
            strengths: vec![],
        }
    }
}

/// Difference maps that are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapConfig {
    /// At these leads, in hours.
    pub lead_hours: Vec<i64>,
    /// Of these quantities.
    pub quantities: Vec<Quantity>,
}

/// A whole experiment, as written in TOML.
///
/// ```
/// use dropsonde_intervention::ExperimentConfig;
///
/// let config = ExperimentConfig::from_toml(r#"
/// steps = 20
/// strengths = [-1.0, 1.0, 3.0]
/// seed = 7
///
/// [edit]
/// features = [17]
/// op = { scale = { strength = 1.0 } }
/// where = { storm = { radius_km = 1000.0 } }
/// site = "processor/04"
///
/// [controls]
/// count = 2
///
/// [maps]
/// lead_hours = [24, 48]
/// quantities = ["mean_sea_level_pressure", "10m_wind_speed", "temperature@300"]
/// "#)?;
/// assert_eq!(config.local_radius_km, 2000.0);
/// # Ok::<(), dropsonde_intervention::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// What is changed.
    pub edit: EditConfig,
    /// One run for each of these numbers in place of the one in `edit.op`; empty: that one alone.
    #[serde(default)]
    pub strengths: Vec<f32>,
    /// Forecast steps of 6 h.
    pub steps: usize,
    /// Control runs.
    #[serde(default)]
    pub controls: ControlConfig,
    /// How the storm is found and measured.
    #[serde(default)]
    pub storm: StormConfig,
    /// Difference maps that are kept.
    #[serde(default)]
    pub maps: MapConfig,
    /// A change within this distance of the storm of the unedited run counts as local.
    #[serde(default = "default_local_radius_km")]
    pub local_radius_km: f64,
    /// Seed of the choice of controls.
    #[serde(default)]
    pub seed: u64,
}

fn default_local_radius_km() -> f64 {
    2000.0
}

impl ExperimentConfig {
    /// An experiment with one control per strength and no maps.
    pub fn new(edit: EditConfig, strengths: Vec<f32>, steps: usize) -> Self {
        Self {
            edit,
            strengths,
            steps,
            controls: ControlConfig::default(),
            storm: StormConfig::default(),
            maps: MapConfig::default(),
            local_radius_km: default_local_radius_km(),
            seed: 0,
        }
    }

    /// Reads TOML; the values are checked when the experiment is made.
    ///
    /// # Errors
    /// [`crate::Error::Toml`] with the line, for wrong syntax and for unknown or missing keys.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| Box::new(e).into())
    }

    /// Everything that does not need the model, then the maps against its task.
    pub(crate) fn check(&self, n_latents: usize, task: &Task) -> Result<()> {
        let hint = "one step is 6 hours";
        require(
            (1..=10_000).contains(&self.steps),
            "steps",
            self.steps,
            "1 to 10000",
            hint,
        )?;
        for &strength in &self.strengths {
            amount_is_finite("strengths", strength)?;
        }
        radius("local_radius_km", self.local_radius_km)?;
        self.storm.check()?;
        self.check_controls(n_latents)?;
        for &lead in &self.maps.lead_hours {
            let last = self.steps as i64 * STEP_HOURS;
            let reached = lead % STEP_HOURS == 0 && (STEP_HOURS..=last).contains(&lead);
            let expected = format!("a multiple of {STEP_HOURS} up to {last}");
            require(
                reached,
                "maps.lead_hours",
                lead,
                expected,
                "raise `steps` for later leads",
            )?;
        }
        self.maps
            .quantities
            .iter()
            .try_for_each(|quantity| quantity.check(task))
    }

    fn check_controls(&self, n_latents: usize) -> Result<()> {
        let ControlConfig {
            candidates,
            strengths,
            ..
        } = &self.controls;
        let unknown = candidates.iter().find(|&&f| f as usize >= n_latents);
        let expected = format!("below {n_latents} (the size of the dictionary)");
        let hint = "`dropsonde features` lists the features";
        if let Some(feature) = unknown {
            require(false, "controls.candidates", feature, expected, hint)?;
        }
        let hint = "controls copy the size of a run's edit: list its strength in `strengths` too";
        let known = format!("one of {:?}", self.strengths);
        for &strength in strengths {
            let run = self.strengths.contains(&strength);
            require(run, "controls.strengths", strength, &known, hint)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_forecaster::Site;

    use super::*;

    #[test]
    fn wrong_settings_are_refused_with_key_and_hint() {
        type Change = fn(&mut ExperimentConfig);
        let cases: [(Change, &str); 7] = [
            (|c| c.steps = 0, "`steps` is 0"),
            (|c| c.strengths.push(f32::INFINITY), "`strengths` is inf"),
            (|c| c.local_radius_km = 0.0, "`local_radius_km` is 0"),
            (
                |c| c.controls.candidates = vec![99],
                "`controls.candidates` is 99, expected below 16",
            ),
            (
                |c| c.controls.strengths = vec![2.0],
                "`controls.strengths` is 2, expected one of [1.0]",
            ),
            (
                |c| c.maps.lead_hours = vec![30],
                "`maps.lead_hours` is 30, expected a multiple of 6 up to 24",
            ),
            (
                |c| c.maps.quantities = vec!["snow".to_owned().into()],
                "`maps.quantities` is snow",
            ),
        ];
        let edit = EditConfig::new(3, 1.0, Site::Encoder);
        let valid = ExperimentConfig::new(edit, vec![1.0], 4);
        valid.check(16, &Task::graphcast_13()).unwrap();
        for (change, expected) in cases {
            let mut config = valid.clone();
            change(&mut config);
            let error = config
                .check(16, &Task::graphcast_13())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(expected) && error.contains("hint: "),
                "{error}"
            );
        }
    }

    #[test]
    fn toml_round_trip_and_errors_that_name_the_key() {
        let edit = EditConfig::new(3, 1.0, Site::Encoder);
        let config = ExperimentConfig::new(edit, vec![1.0], 4);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(ExperimentConfig::from_toml(&text).unwrap(), config);
        for (wrong, named) in [
            (text.replace("steps", "stepps"), "stepps"),
            (
                text.replace("[edit]", "[edit]\nfeature = 1"),
                "unknown field `feature`",
            ),
            (text.replace("site", "sight"), "sight"),
        ] {
            let error = ExperimentConfig::from_toml(&wrong).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
