//! Settings of a study.

use serde::{Deserialize, Serialize};

use crate::labels::LabelConfig;
use crate::{Error, Result};

/// Settings of [`run_study`](crate::run_study); every one has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudyConfig {
    /// Seed of the random autoencoder and of the resampling.
    pub seed: u64,
    /// A feature is a candidate if it is active in at least this share of the rows of *select*.
    pub min_frequency: f64,
    /// A phenomenon is scored if *select* and *report* each have at least this many positive rows.
    pub min_positives: u64,
    /// Length of a block of time in hours, the unit that is resampled; at least as long as weather remembers.
    pub block_hours: i64,
    /// Refinement level of the mesh whose nodes divide the globe into the regions that are resampled for land and
    /// sea ice (1: 42 regions of about 4000 km).
    pub region_level: u8,
    /// Resamples for an interval.
    pub resamples: usize,
    /// Share of the resamples inside an interval.
    pub confidence: f64,
    /// False discovery rate for the number of features related to a phenomenon.
    pub false_discovery_rate: f64,
    /// Best candidates on *select* that are kept for each phenomenon and family.
    pub runners_up: usize,
    /// Correlated fields, similar features and strongest events that the catalogue keeps for each feature.
    pub catalog_items: usize,
    /// Memory for the columns of one batch of candidates in MiB.
    pub memory_mib: usize,
    /// What counts as a phenomenon.
    pub labels: LabelConfig,
}

impl Default for StudyConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            min_frequency: 1e-4,
            min_positives: 30,
            block_hours: 48,
            region_level: 1,
            resamples: 1000,
            confidence: 0.95,
            false_discovery_rate: 0.05,
            runners_up: 5,
            catalog_items: 5,
            memory_mib: 512,
            labels: LabelConfig::default(),
        }
    }
}

impl StudyConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first setting that cannot work.
    pub fn check(&self) -> Result<()> {
        let share = |key, x: f64| {
            check(
                key,
                x,
                (0.0..1.0).contains(&x),
                "a share from 0 up to, not including, 1",
            )
        };
        share("min_frequency", self.min_frequency)?;
        share("confidence", self.confidence)?;
        share("false_discovery_rate", self.false_discovery_rate)?;
        check(
            "block_hours",
            self.block_hours,
            self.block_hours >= 6,
            "6 hours or more",
        )?;
        check(
            "region_level",
            self.region_level,
            self.region_level <= 4,
            "0 to 4",
        )?;
        check(
            "resamples",
            self.resamples,
            self.resamples >= 20,
            "20 or more",
        )?;
        check(
            "memory_mib",
            self.memory_mib,
            self.memory_mib >= 16,
            "16 or more",
        )?;
        check(
            "runners_up",
            self.runners_up,
            self.runners_up >= 1,
            "1 or more",
        )?;
        self.labels.check()
    }
}

pub(crate) fn check(
    key: &'static str,
    found: impl std::fmt::Display,
    valid: bool,
    expected: &str,
) -> Result<()> {
    if valid {
        return Ok(());
    }
    Err(Error::Config {
        key,
        found: found.to_string(),
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_survive_json() {
        let config = StudyConfig::default();
        config.check().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<StudyConfig>(&text).unwrap(), config);
        assert_eq!(serde_json::from_str::<StudyConfig>("{}").unwrap(), config);
    }

    #[test]
    fn a_bad_setting_is_named() {
        let config = StudyConfig {
            confidence: 1.0,
            ..StudyConfig::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("`confidence` = 1"), "{error}");
        let error = serde_json::from_str::<StudyConfig>(r#"{"resample": 3}"#).unwrap_err();
        assert!(error.to_string().contains("resample"), "{error}");
    }
}
