//! Names and order of dimensions of a forecast.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Names and order of the dimensions of a forecast.
///
/// Variable names are the same in both: ERA5's long names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForecastLayout {
    /// `(batch, time, [level,] lat, lon)` as in the files of GraphCast (`graphcast`): `time` is the lead
    /// time (timedelta), `datetime (batch, time)` the valid time, if it is known; statics `(lat, lon)`.
    #[default]
    GraphCast,
    /// `(time, prediction_timedelta, [level,] latitude, longitude)` as in the forecasts of WeatherBench 2
    /// (`weatherbench2`; <https://weatherbench2.readthedocs.io/en/latest/evaluation.html>): `time` is the initial
    /// time, one per batch element, `prediction_timedelta` the lead time; statics `(latitude, longitude)`.
    WeatherBench2,
}

/// Names of the dimensions of a layout.
pub(super) struct Names {
    /// That of the batch or the initial time, and that of the lead time.
    pub(super) leading: [&'static str; 2],
    /// Latitude and longitude.
    pub(super) grid: [&'static str; 2],
}

impl ForecastLayout {
    /// All layouts.
    pub const ALL: [Self; 2] = [Self::GraphCast, Self::WeatherBench2];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::GraphCast => "graphcast",
            Self::WeatherBench2 => "weatherbench2",
        }
    }

    pub(super) fn names(self) -> Names {
        match self {
            Self::GraphCast => Names {
                leading: ["batch", "time"],
                grid: ["lat", "lon"],
            },
            Self::WeatherBench2 => Names {
                leading: ["time", "prediction_timedelta"],
                grid: ["latitude", "longitude"],
            },
        }
    }
}

impl fmt::Display for ForecastLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ForecastLayout {
    type Err = Error;

    /// Reads `graphcast` or `weatherbench2`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for another text.
    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|layout| layout.name() == text);
        found.ok_or_else(|| Error::InvalidParameter {
            name: "layout",
            expected: "`graphcast` or `weatherbench2`".to_owned(),
            found: format!("`{text}`"),
        })
    }
}
