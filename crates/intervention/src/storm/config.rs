use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::require;
use crate::place::radius;

/// How storms are found and measured; all distances in kilometres along great circles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StormConfig {
    /// A storm is the local minimum of sea-level pressure nearest to the first guess within this distance.
    pub search_radius_km: f64,
    /// A node is a local minimum if none within this distance is lower; none: 1.5 times the spacing of latitudes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_radius_km: Option<f64>,
    /// Whether position and central pressure are those of a quadratic surface through the nodes around the minimum.
    pub refine: bool,
    /// Whether the first guess goes on as the storm moved in the step before; else it stays where the storm was.
    pub extrapolate: bool,
    /// The core of the storm, for its temperature.
    pub core_radius_km: f64,
    /// Inner and outer radius of the ring that core temperature and central pressure are compared with.
    pub ring_km: [f64; 2],
    /// Levels in hPa over which the warm core is averaged; a level that a state lacks is an error.
    pub warm_core_levels: Vec<u32>,
    /// The highest 10 m wind is looked for within this distance.
    pub wind_radius_km: f64,
    /// Precipitation is averaged within this distance.
    pub precipitation_radius_km: f64,
}

impl Default for StormConfig {
    fn default() -> Self {
        Self {
            search_radius_km: 750.0,
            minimum_radius_km: None,
            refine: true,
            extrapolate: true,
            core_radius_km: 450.0,
            ring_km: [800.0, 1500.0],
            warm_core_levels: vec![300, 500],
            wind_radius_km: 800.0,
            precipitation_radius_km: 500.0,
        }
    }
}

impl StormConfig {
    /// Refuses distances that hold nothing.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the key.
    pub fn check(&self) -> Result<()> {
        for (key, km) in [
            ("storm.search_radius_km", self.search_radius_km),
            (
                "storm.minimum_radius_km",
                self.minimum_radius_km.unwrap_or(1.0),
            ),
            ("storm.core_radius_km", self.core_radius_km),
            ("storm.ring_km", self.ring_km[0]),
            ("storm.ring_km", self.ring_km[1]),
            ("storm.wind_radius_km", self.wind_radius_km),
            (
                "storm.precipitation_radius_km",
                self.precipitation_radius_km,
            ),
        ] {
            radius(key, km)?;
        }
        let [inner, outer] = self.ring_km;
        let hint = "the ring lies outside the core, for example `[800.0, 1500.0]`";
        let ordered = self.core_radius_km <= inner && inner < outer;
        let expected = format!(
            "ascending, from at least {} (the core)",
            self.core_radius_km
        );
        require(
            ordered,
            "storm.ring_km",
            format!("[{inner}, {outer}]"),
            expected,
            hint,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_valid_and_wrong_distances_are_not() {
        StormConfig::default().check().unwrap();
        type Change = fn(&mut StormConfig);
        let cases: [(Change, &str); 3] = [
            (
                |c| c.search_radius_km = -1.0,
                "`storm.search_radius_km` is -1",
            ),
            (
                |c| c.ring_km = [900.0, 800.0],
                "`storm.ring_km` is [900, 800]",
            ),
            (|c| c.core_radius_km = 900.0, "from at least 900"),
        ];
        for (change, expected) in cases {
            let mut config = StormConfig::default();
            change(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
