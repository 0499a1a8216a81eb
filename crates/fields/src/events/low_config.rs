//! What makes a pressure minimum a tropical low, and lows a track.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Thresholds of the tropical-low detector and of the linking of lows into tracks.
///
/// The defaults find tropical-cyclone-like lows on the simulated Earth at 96 x 48 (steps of 3.7 degrees): 3 hPa deep,
/// 0.7 K warm core, 12 m/s. They are loose for finer grids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TropicalLowConfig {
    /// Radius in km of the disc whose mean is the surroundings.
    pub environment_km: f64,
    /// Radius in km of the disc searched for a lower pressure, the warmest column, the vorticity and the wind.
    pub core_km: f64,
    /// Surroundings minus centre in Pa, sea-level pressure.
    pub min_depth_pa: f32,
    /// Warmest column of the core minus the surroundings in K, mean of `warm_core_levels`.
    pub min_warm_core_k: f32,
    /// Levels of the warm core in hPa.
    pub warm_core_levels: Vec<u32>,
    /// Strongest cyclonic vorticity of the core in s-1.
    pub min_vorticity: f32,
    /// Level of the vorticity in hPa.
    pub vorticity_level: u32,
    /// Strongest 10 m wind of the core in m/s.
    pub min_wind: f32,
    /// Distance from the equator in degrees of a track's first point, lowest and highest.
    pub formation_latitude: [f64; 2],
    /// Highest distance from the equator in degrees of later points.
    pub max_latitude: f64,
    /// Sea-surface temperature in K at a track's first point; ignored where the state has none.
    pub min_formation_sst: f32,
    /// Largest move in km in `step_hours`.
    pub max_step_km: f64,
    /// Time between states in hours.
    pub step_hours: u32,
    /// States in a row that a track may be without a low.
    pub max_missed_steps: u32,
    /// Shortest track in hours, from first to last point.
    pub min_track_hours: u32,
}

impl Default for TropicalLowConfig {
    fn default() -> Self {
        Self {
            environment_km: 1000.0,
            core_km: 600.0,
            min_depth_pa: 300.0,
            min_warm_core_k: 0.7,
            warm_core_levels: vec![300, 500],
            min_vorticity: 4e-5,
            vorticity_level: 850,
            min_wind: 12.0,
            formation_latitude: [3.0, 32.0],
            max_latitude: 45.0,
            min_formation_sst: 298.65,
            max_step_km: 600.0,
            step_hours: 6,
            max_missed_steps: 1,
            min_track_hours: 36,
        }
    }
}

impl TropicalLowConfig {
    /// The strong ones only: 5 hPa deep, 1 K warm core, 17 m/s, vorticity 7e-5 s-1.
    pub fn strong() -> Self {
        Self {
            min_depth_pa: 500.0,
            min_warm_core_k: 1.0,
            min_vorticity: 7e-5,
            min_wind: 17.0,
            ..Self::default()
        }
    }

    /// An error naming the first value that makes no sense.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    pub fn check(&self) -> Result<()> {
        positive("core_km", self.core_km)?;
        positive("max_step_km", self.max_step_km)?;
        positive("step_hours", f64::from(self.step_hours))?;
        if self.environment_km.is_nan() || self.environment_km <= self.core_km {
            return Err(invalid(
                "environment_km",
                "more than `core_km`",
                self.environment_km,
            ));
        }
        let [low, high] = self.formation_latitude;
        if !(0.0 <= low && low <= high && high <= self.max_latitude && self.max_latitude <= 90.0) {
            return Err(Error::InvalidParameter {
                name: "formation_latitude",
                expected: "0 <= lowest <= highest <= `max_latitude` <= 90".to_owned(),
                found: format!(
                    "{:?}, max_latitude {}",
                    self.formation_latitude, self.max_latitude
                ),
            });
        }
        if self.warm_core_levels.is_empty() {
            return Err(invalid("warm_core_levels", "one level at least", "none"));
        }
        Ok(())
    }
}

fn positive(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(invalid(name, "a positive number", value))
}

fn invalid(name: &'static str, expected: &str, found: impl std::fmt::Display) -> Error {
    Error::InvalidParameter {
        name,
        expected: expected.to_owned(),
        found: found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_named() {
        let base = TropicalLowConfig::default;
        assert!(base().check().is_ok() && TropicalLowConfig::strong().check().is_ok());
        let cases = [
            (
                "core_km",
                TropicalLowConfig {
                    core_km: -1.0,
                    ..base()
                },
            ),
            (
                "environment_km",
                TropicalLowConfig {
                    environment_km: 600.0,
                    ..base()
                },
            ),
            (
                "step_hours",
                TropicalLowConfig {
                    step_hours: 0,
                    ..base()
                },
            ),
            (
                "max_step_km",
                TropicalLowConfig {
                    max_step_km: f64::NAN,
                    ..base()
                },
            ),
            (
                "formation_latitude",
                TropicalLowConfig {
                    formation_latitude: [32.0, 3.0],
                    ..base()
                },
            ),
            (
                "warm_core_levels",
                TropicalLowConfig {
                    warm_core_levels: vec![],
                    ..base()
                },
            ),
        ];
        for (name, config) in cases {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn text_and_back() {
        let config = TropicalLowConfig::strong();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<TropicalLowConfig>(&text).unwrap(),
            config
        );
        let error = serde_json::from_str::<TropicalLowConfig>(r#"{"min_depth": 1}"#).unwrap_err();
        assert!(error.to_string().contains("min_depth"), "{error}");
    }
}
