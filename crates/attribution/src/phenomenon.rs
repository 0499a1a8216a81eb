//! The phenomena that candidates are scored against.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Something in the atmosphere that a feature may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phenomenon {
    /// Near the centre of a tracked tropical low.
    TropicalLow,
    /// Inside a long, narrow plume of vapour transport.
    MoisturePlume,
    /// Heavy rain or snow.
    HeavyPrecipitation,
    /// The local solar time.
    DiurnalCycle,
    /// The local season, outside the tropics.
    Season,
    /// Sea covered by ice.
    SeaIce,
    /// Land.
    Land,
}

/// How a phenomenon is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Area under the ROC curve against negatives of the same stratum.
    Auc,
    /// Correlation with the cycle.
    Correlation,
}

impl Phenomenon {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::TropicalLow,
        Self::MoisturePlume,
        Self::HeavyPrecipitation,
        Self::DiurnalCycle,
        Self::Season,
        Self::SeaIce,
        Self::Land,
    ];

    /// How it is scored.
    pub fn metric(self) -> Metric {
        match self {
            Self::DiurnalCycle | Self::Season => Metric::Correlation,
            _ => Metric::Auc,
        }
    }

    /// Whether rows are compared only with rows of the same surface (land or sea).
    pub(crate) fn separates_surfaces(self) -> bool {
        !matches!(self, Self::Land | Self::SeaIce)
    }

    fn name(self) -> &'static str {
        match self {
            Self::TropicalLow => "tropical low",
            Self::MoisturePlume => "moisture plume",
            Self::HeavyPrecipitation => "heavy precipitation",
            Self::DiurnalCycle => "diurnal cycle",
            Self::Season => "season",
            Self::SeaIce => "sea ice",
            Self::Land => "land",
        }
    }
}

impl fmt::Display for Phenomenon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phenomenon {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let same = |p: &Self| p.name() == name.replace('-', " ");
        Self::ALL
            .into_iter()
            .find(same)
            .ok_or_else(|| Error::UnknownPhenomenon {
                name: name.to_owned(),
                known: Self::ALL.map(|p| format!("`{p}`")).join(", "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for phenomenon in Phenomenon::ALL {
            assert_eq!(
                phenomenon.to_string().parse::<Phenomenon>().unwrap(),
                phenomenon
            );
            let id = serde_json::to_value(phenomenon).unwrap();
            assert_eq!(
                id.as_str().unwrap().parse::<Phenomenon>().unwrap(),
                phenomenon
            );
        }
        let error = "hail".parse::<Phenomenon>().unwrap_err().to_string();
        assert!(
            error.contains("`hail`") && error.contains("`tropical low`"),
            "{error}"
        );
    }
}
