use serde::{Deserialize, Serialize};

use crate::events::{MoisturePlumeConfig, TropicalLowConfig};
use crate::{Error, Result};

/// The rules of a census.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CensusConfig {
    /// What makes a tropical low, and lows a track.
    pub low: TropicalLowConfig,
    /// A storm counts as strong if one of its points is as deep, warm, cyclonic and windy as this asks for.
    pub strong: TropicalLowConfig,
    /// What makes a moisture plume.
    pub plume: MoisturePlumeConfig,
    /// Distances from the equator in degrees between which the share of plumes is taken.
    pub plume_latitudes: [f64; 2],
    /// Precipitation in m in six hours that counts as heavy.
    ///
    /// A fixed threshold needs one pass, and means the same in every record and in a forecast. 8 mm is about the 99th
    /// percentile, by area, of the simulated Earth at 96 x 48 (7.8 mm in its first 210 days).
    pub heavy_precipitation_m: f32,
}

impl Default for CensusConfig {
    fn default() -> Self {
        Self {
            low: TropicalLowConfig::default(),
            strong: TropicalLowConfig::strong(),
            plume: MoisturePlumeConfig::default(),
            plume_latitudes: [20.0, 65.0],
            heavy_precipitation_m: 0.008,
        }
    }
}

impl CensusConfig {
    /// An error naming the first value that makes no sense.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    pub fn check(&self) -> Result<()> {
        self.low.check()?;
        self.strong.check()?;
        let [low, high] = self.plume_latitudes;
        if !(0.0 <= low && low < high && high <= 90.0) {
            return Err(Error::InvalidParameter {
                name: "plume_latitudes",
                expected: "0 <= lowest < highest <= 90".to_owned(),
                found: format!("{:?}", self.plume_latitudes),
            });
        }
        if !(self.heavy_precipitation_m.is_finite() && self.heavy_precipitation_m > 0.0) {
            return Err(Error::InvalidParameter {
                name: "heavy_precipitation_m",
                expected: "a positive number of metres".to_owned(),
                found: self.heavy_precipitation_m.to_string(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_named() {
        assert!(CensusConfig::default().check().is_ok());
        let cases = [
            (
                "plume_latitudes",
                CensusConfig {
                    plume_latitudes: [65.0, 20.0],
                    ..Default::default()
                },
            ),
            (
                "heavy_precipitation_m",
                CensusConfig {
                    heavy_precipitation_m: 0.0,
                    ..Default::default()
                },
            ),
            (
                "core_km",
                CensusConfig {
                    strong: TropicalLowConfig {
                        core_km: 0.0,
                        ..TropicalLowConfig::strong()
                    },
                    ..Default::default()
                },
            ),
        ];
        for (name, config) in cases {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }
}
