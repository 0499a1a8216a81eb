//! What differences are taken of.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use dropsonde_fields::{State, Task, Variable};
use ndarray::{Array2, Zip};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{Error, Result};

const WIND_SPEED_10M: &str = "10m_wind_speed";

/// A plane that follows from a state, in SI units.
///
/// As text, also in TOML and JSON: `mean_sea_level_pressure`, `temperature@850` (level in hPa), `10m_wind_speed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Quantity {
    /// Speed of the wind at 10 m.
    WindSpeed10m,
    /// A variable, at a pressure level in hPa if it has levels.
    Plane {
        /// The variable.
        variable: Variable,
        /// The level.
        level: Option<u32>,
    },
}

impl Quantity {
    /// `[lat, lon]` of a state.
    ///
    /// # Errors
    /// If the state lacks the variable or the level.
    pub fn of(&self, state: &State) -> Result<Array2<f32>> {
        match self {
            Self::Plane { variable, level } => Ok(state.plane(variable, *level)?.to_owned()),
            Self::WindSpeed10m => {
                let u = state.plane(&Variable::U_WIND_10M, None)?;
                let v = state.plane(&Variable::V_WIND_10M, None)?;
                if u.dim() != v.dim() {
                    let (expected, found) = (u.dim().into(), v.dim().into());
                    let what = Variable::V_WIND_10M.to_string();
                    return Err(Error::Shape {
                        what,
                        expected,
                        found,
                    });
                }
                Ok(Zip::from(u).and(v).map_collect(|u, v| u.hypot(*v)))
            }
        }
    }

    /// SI units, empty where they are not known.
    pub fn units(&self) -> &'static str {
        match self {
            Self::WindSpeed10m => "m s-1",
            Self::Plane { variable, .. } => variable.units().unwrap_or_default(),
        }
    }

    /// Refuses what a model with this task does not predict.
    pub(crate) fn check(&self, task: &Task) -> Result<()> {
        let outputs = task.output_channels();
        let predicted = |variable: &Variable, level: Option<u32>| {
            outputs
                .iter()
                .any(|c| c.variable == *variable && c.level == level)
        };
        let known = match self {
            Self::WindSpeed10m => {
                predicted(&Variable::U_WIND_10M, None) && predicted(&Variable::V_WIND_10M, None)
            }
            Self::Plane { variable, level } => predicted(variable, *level),
        };
        let names: Vec<_> = outputs.iter().map(|c| c.name()).collect();
        let hint = format!("this model predicts {}", names.join(", "));
        require(
            known,
            "maps.quantities",
            self,
            "something that the model predicts",
            &hint,
        )
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WindSpeed10m => f.pad(WIND_SPEED_10M),
            Self::Plane {
                variable,
                level: None,
            } => f.pad(variable.name()),
            Self::Plane {
                variable,
                level: Some(level),
            } => f.pad(&format!("{variable}@{level}")),
        }
    }
}

impl FromStr for Quantity {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == WIND_SPEED_10M {
            return Ok(Self::WindSpeed10m);
        }
        let split = text.rsplit_once('@');
        let split = split.and_then(|(name, level)| Some((name, level.parse().ok()?)));
        Ok(match split {
            Some((name, level)) => Self::Plane {
                variable: Variable::new(name),
                level: Some(level),
            },
            None => Self::Plane {
                variable: Variable::new(text),
                level: None,
            },
        })
    }
}

impl From<String> for Quantity {
    fn from(text: String) -> Self {
        match text.parse() {
            Ok(quantity) => quantity,
            Err(never) => match never {},
        }
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.to_string()
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::{Field, Time};

    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "10m_wind_speed",
            "mean_sea_level_pressure",
            "temperature@850",
        ] {
            assert_eq!(Quantity::from(text.to_owned()).to_string(), text);
        }
    }

    #[test]
    fn wind_speed_and_planes() {
        let mut state = State::new(Time(0));
        state.insert(
            Variable::U_WIND_10M,
            Field::surface(Array2::from_elem((3, 4), 3.0)),
        );
        state.insert(
            Variable::V_WIND_10M,
            Field::surface(Array2::from_elem((3, 4), -4.0)),
        );
        let speed = Quantity::WindSpeed10m;
        assert_eq!(speed.of(&state).unwrap(), Array2::from_elem((3, 4), 5.0));
        assert_eq!(speed.units(), "m s-1");
        let error = Quantity::from("temperature@850".to_owned())
            .of(&state)
            .unwrap_err();
        assert!(error.to_string().contains("temperature"), "{error}");
    }

    #[test]
    fn what_is_not_predicted_is_refused_with_the_list() {
        let task = Task::graphcast_13();
        Quantity::WindSpeed10m.check(&task).unwrap();
        Quantity::from("temperature@850".to_owned())
            .check(&task)
            .unwrap();
        for text in ["temperature@851", "temperature", "land_sea_mask"] {
            let error = Quantity::from(text.to_owned())
                .check(&task)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(text) && error.contains("temperature@850"),
                "{error}"
            );
        }
    }
}
