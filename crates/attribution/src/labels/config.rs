//! What counts as a phenomenon.

use dropsonde_fields::events::{MoisturePlumeConfig, Threshold, TropicalLowConfig};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::config::check;
use crate::phenomenon::Phenomenon;

/// Definitions of the phenomena and of the strata in which they are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelConfig {
    /// A node shows a tropical low within this distance of its centre, km.
    pub low_radius_km: f64,
    /// The detector of tropical lows.
    pub tropical_low: TropicalLowConfig,
    /// The detector of moisture plumes.
    pub moisture_plume: MoisturePlumeConfig,
    /// Precipitation that counts as heavy.
    pub heavy_precipitation: Threshold,
    /// Height of a latitude band in degrees; it divides 180.
    pub latitude_band_deg: f64,
    /// The season is looked for at this distance from the equator or more, degrees.
    pub season_min_latitude: f64,
}

impl Default for LabelConfig {
    fn default() -> Self {
        Self {
            low_radius_km: 500.0,
            tropical_low: TropicalLowConfig::default(),
            moisture_plume: MoisturePlumeConfig::default(),
            heavy_precipitation: Threshold::Quantile(0.95),
            latitude_band_deg: 30.0,
            season_min_latitude: 23.5,
        }
    }
}

impl LabelConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) or the error of a detector's setting.
    pub fn check(&self) -> Result<()> {
        let radius = self.low_radius_km;
        check(
            "low_radius_km",
            radius,
            radius > 0.0 && radius < 20_000.0,
            "0 to 20,000 km",
        )?;
        let band = self.latitude_band_deg;
        let divides = band > 0.0 && (180.0 / band).fract() == 0.0 && band >= 5.0;
        check(
            "latitude_band_deg",
            band,
            divides,
            "5 degrees or more, dividing 180",
        )?;
        let latitude = self.season_min_latitude;
        check(
            "season_min_latitude",
            latitude,
            (0.0..80.0).contains(&latitude),
            "0 to 80 degrees",
        )?;
        Ok(self.tropical_low.check()?)
    }

    /// The definition of a phenomenon in words, for tables and reports.
    pub fn definition(&self, phenomenon: Phenomenon) -> String {
        let same = format!("{:.0} degree latitude band", self.latitude_band_deg);
        match phenomenon {
            Phenomenon::TropicalLow => format!(
                "mesh nodes within {:.0} km of the centre of a tracked tropical low; negatives from the same {same}, surface and half-year; positives are resampled by storm, negatives by block of time",
                self.low_radius_km
            ),
            Phenomenon::MoisturePlume => format!(
                "mesh nodes inside a long narrow plume of vertically integrated vapour transport; negatives from the same {same}, surface and half-year; resampled by block of time"
            ),
            Phenomenon::HeavyPrecipitation => format!(
                "mesh nodes with heavy precipitation in the 6 h before the state ({}); negatives from the same {same}, surface and half-year; resampled by block of time",
                describe(self.heavy_precipitation)
            ),
            Phenomenon::DiurnalCycle =>
                "correlation of the value, less each node's own mean over the split, with a cosine of local solar time whose phase was fitted on `select`; resampled by block of time".to_owned(),
            Phenomenon::Season => format!(
                "correlation of the value, less each node's own mean over the split, with a cosine of the time of year (shifted by half a year in the south) whose phase was fitted on `select`; nodes at least {} degrees from the equator; resampled by window and hemisphere, so a few weeks of weather stand for a season: read it with care",
                self.season_min_latitude
            ),
            Phenomenon::SeaIce => format!(
                "mesh nodes at least half of which is sea with an ice cover of 0.15 or more; negatives from the same {same} and half-year; resampled by region"
            ),
            Phenomenon::Land => format!(
                "mesh nodes at least half of which is land; negatives from the same {same} and half-year; resampled by region"
            ),
        }
    }
}

fn describe(threshold: Threshold) -> String {
    match threshold {
        Threshold::AtLeast(metres) => format!("{} mm or more", metres * 1000.0),
        Threshold::Quantile(q) => format!(
            "the wettest {:.1} % of the globe's area at that time",
            100.0 * (1.0 - q)
        ),
    }
}
