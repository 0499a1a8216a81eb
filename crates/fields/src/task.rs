//! Which variables a forecast model reads and predicts, and on which levels.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Variable};

/// The 37 pressure levels of ERA5 in hPa.
pub const LEVELS_37: [u32; 37] = [
    1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 125, 150, 175, 200, 225, 250, 300, 350, 400, 450, 500,
    550, 600, 650, 700, 750, 775, 800, 825, 850, 875, 900, 925, 950, 975, 1000,
];

/// The 13 pressure levels of WeatherBench in hPa.
pub const LEVELS_13: [u32; 13] = [
    50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000,
];

/// Hours between two steps of the forecast.
pub const STEP_HOURS: i64 = 6;

/// What a model reads and predicts (arXiv 2212.12794, table 1).
///
/// The order of the lists carries no meaning: channels are ordered by [`Task::input_channels`] and
/// [`Task::output_channels`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Variables of the two input times, forcings and statics included.
    pub input_variables: Vec<Variable>,
    /// Variables that are predicted.
    pub target_variables: Vec<Variable>,
    /// Variables that are given at the target time.
    pub forcing_variables: Vec<Variable>,
    /// Pressure levels in hPa of all atmospheric variables, in the order of the channels.
    pub pressure_levels: Vec<u32>,
    /// Time span of the inputs in hours: 12, two frames of 6 hours each.
    pub input_duration_hours: u32,
}

const TARGET_SURFACE: [Variable; 5] = [
    Variable::TEMPERATURE_2M,
    Variable::MEAN_SEA_LEVEL_PRESSURE,
    Variable::V_WIND_10M,
    Variable::U_WIND_10M,
    Variable::TOTAL_PRECIPITATION_6HR,
];

const TARGET_ATMOSPHERIC: [Variable; 6] = [
    Variable::TEMPERATURE,
    Variable::GEOPOTENTIAL,
    Variable::U_WIND,
    Variable::V_WIND,
    Variable::VERTICAL_VELOCITY,
    Variable::SPECIFIC_HUMIDITY,
];

const FORCINGS: [Variable; 5] = [
    Variable::TOA_INCIDENT_SOLAR_RADIATION,
    Variable::YEAR_PROGRESS_SIN,
    Variable::YEAR_PROGRESS_COS,
    Variable::DAY_PROGRESS_SIN,
    Variable::DAY_PROGRESS_COS,
];

const STATICS: [Variable; 2] = [Variable::GEOPOTENTIAL_AT_SURFACE, Variable::LAND_SEA_MASK];

impl Task {
    /// GraphCast, 0.25 degrees, 37 levels: 471 input and 227 output channels.
    pub fn graphcast() -> Self {
        Self::era5(&LEVELS_37)
    }

    /// GraphCast_small, 1 degree, 13 levels: 183 input and 83 output channels.
    pub fn graphcast_13() -> Self {
        Self::era5(&LEVELS_13)
    }

    /// GraphCast_operational, 0.25 degrees, 13 levels, precipitation predicted but not read.
    pub fn graphcast_13_precip_out() -> Self {
        let mut task = Self::graphcast_13();
        task.input_variables
            .retain(|v| *v != Variable::TOTAL_PRECIPITATION_6HR);
        task
    }

    fn era5(levels: &[u32]) -> Self {
        let targets = [&TARGET_SURFACE[..], &TARGET_ATMOSPHERIC].concat();
        Self {
            input_variables: [&targets[..], &FORCINGS, &STATICS].concat(),
            target_variables: targets,
            forcing_variables: FORCINGS.to_vec(),
            pressure_levels: levels.to_vec(),
            input_duration_hours: 12,
        }
    }

    /// Looks for contradictions.
    ///
    /// # Errors
    /// [`Error::InvalidTask`] if there are no targets, a variable or level is listed twice, an atmospheric
    /// variable has no levels, the inputs are not two frames, a static or forcing variable is a target, a
    /// forcing is static, or an input is neither target, forcing nor static (no rollout could continue it).
    pub fn check(&self) -> Result<()> {
        if self.input_duration_hours != 12 {
            return invalid(format!(
                "expected `input_duration_hours` 12 (two frames), found {}",
                self.input_duration_hours
            ));
        }
        if self.target_variables.is_empty() {
            return invalid("`target_variables` is empty".to_owned());
        }
        self.check_duplicates()?;
        self.check_levels()?;
        self.check_roles()
    }

    fn check_duplicates(&self) -> Result<()> {
        let lists = [
            ("input_variables", &self.input_variables),
            ("target_variables", &self.target_variables),
            ("forcing_variables", &self.forcing_variables),
        ];
        for (list, variables) in lists {
            if let Some(twice) = first_duplicate(variables) {
                return invalid(format!("`{list}` lists `{twice}` twice"));
            }
        }
        match first_duplicate(&self.pressure_levels) {
            Some(level) => invalid(format!("`pressure_levels` lists {level} twice")),
            None => Ok(()),
        }
    }

    fn check_levels(&self) -> Result<()> {
        let atmospheric = self.variables().into_iter().find(|v| v.is_atmospheric());
        match atmospheric {
            Some(variable) if self.pressure_levels.is_empty() => invalid(format!(
                "`{variable}` is atmospheric, but `pressure_levels` is empty"
            )),
            _ if self.pressure_levels.contains(&0) => {
                invalid("`pressure_levels` contains 0 hPa".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn check_roles(&self) -> Result<()> {
        for variable in &self.target_variables {
            if variable.is_static() || self.forcing_variables.contains(variable) {
                return invalid(format!("target `{variable}` is also static or a forcing"));
            }
        }
        for variable in &self.forcing_variables {
            if variable.is_static() {
                return invalid(format!("forcing `{variable}` is static"));
            }
        }
        for variable in &self.input_variables {
            let updated = self.target_variables.contains(variable)
                || self.forcing_variables.contains(variable);
            if !updated && !variable.is_static() {
                return invalid(format!(
                    "input `{variable}` is neither a target, a forcing nor static"
                ));
            }
        }
        Ok(())
    }

    /// Every variable of the task once, in the order of the channels.
    pub fn variables(&self) -> Vec<Variable> {
        let lists = [
            &self.input_variables,
            &self.target_variables,
            &self.forcing_variables,
        ];
        let set: BTreeSet<_> = lists.into_iter().flatten().cloned().collect();
        set.into_iter().collect()
    }

    /// Whether the model predicts the change of this variable rather than its value: it is an input too.
    pub fn is_residual(&self, target: &Variable) -> bool {
        self.input_variables.contains(target)
    }
}

fn invalid(message: String) -> Result<()> {
    Err(Error::InvalidTask { message })
}

fn first_duplicate<T: PartialEq>(items: &[T]) -> Option<&T> {
    items
        .iter()
        .enumerate()
        .find(|(i, item)| items[..*i].contains(item))
        .map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_survive_json() {
        for task in [
            Task::graphcast(),
            Task::graphcast_13(),
            Task::graphcast_13_precip_out(),
        ] {
            task.check().unwrap();
            let text = serde_json::to_string(&task).unwrap();
            assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
        }
    }

    #[test]
    fn precipitation_is_residual_only_where_it_is_read() {
        let rain = Variable::TOTAL_PRECIPITATION_6HR;
        assert!(Task::graphcast_13().is_residual(&rain));
        assert!(!Task::graphcast_13_precip_out().is_residual(&rain));
    }

    #[test]
    fn contradictions_are_named() {
        type Change = fn(&mut Task);
        let cases: [(Change, &str); 8] = [
            (|t| t.input_duration_hours = 6, "found 6"),
            (|t| t.target_variables.clear(), "is empty"),
            (|t| t.pressure_levels.clear(), "`pressure_levels` is empty"),
            (|t| t.pressure_levels.push(50), "lists 50 twice"),
            (
                |t| t.input_variables.push(Variable::TEMPERATURE),
                "lists `temperature` twice",
            ),
            (
                |t| t.target_variables.push(Variable::LAND_SEA_MASK),
                "target `land_sea_mask`",
            ),
            (
                |t| t.forcing_variables.push(Variable::LAND_SEA_MASK),
                "forcing `land_sea_mask`",
            ),
            (
                |t| t.input_variables.push("snow".into()),
                "input `snow` is neither",
            ),
        ];
        for (change, expected) in cases {
            let mut task = Task::graphcast_13();
            change(&mut task);
            let error = task.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
