//! What can be scored, and its names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Variable};

/// Letters before a level.
const ON_LEVELS: [(&str, Variable); 6] = [
    ("z", Variable::GEOPOTENTIAL),
    ("t", Variable::TEMPERATURE),
    ("u", Variable::U_WIND),
    ("v", Variable::V_WIND),
    ("w", Variable::VERTICAL_VELOCITY),
    ("q", Variable::SPECIFIC_HUMIDITY),
];

/// Short names of single-level variables.
const SURFACE: [(&str, Variable); 8] = [
    ("t2m", Variable::TEMPERATURE_2M),
    ("u10", Variable::U_WIND_10M),
    ("v10", Variable::V_WIND_10M),
    ("msl", Variable::MEAN_SEA_LEVEL_PRESSURE),
    ("sp", Variable::SURFACE_PRESSURE),
    ("sst", Variable::SEA_SURFACE_TEMPERATURE),
    ("tcwv", Variable::TOTAL_COLUMN_WATER_VAPOUR),
    ("tp6h", Variable::TOTAL_PRECIPITATION_6HR),
];

const WIND: &str = "wind";
const WIND_SPEED: &str = "ws10";
const PRECIPITATION: &str = "tp24h";

/// Something that is scored: a field, or what follows from fields of the same forecast.
///
/// As text: a short name (`z500`, `t850`, `u850`, `t2m`, `msl`, ...), a name of ERA5 with its level in hPa
/// (`u_component_of_wind@850`) or without levels (`2m_temperature`), or one of the derived targets `wind850`,
/// `ws10`, `tp24h`. `u10` and `v10` are winds at 10 m; those at 10 hPa are `u_component_of_wind@10`.
///
/// ```
/// use dropsonde_fields::{ScoreTarget, Variable};
///
/// let target: ScoreTarget = "u_component_of_wind@850".parse()?;
/// assert_eq!(target.to_string(), "u850");
/// assert!("temperature".parse::<ScoreTarget>().is_err(), "which level?");
/// # Ok::<(), dropsonde_fields::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ScoreTarget {
    /// A variable as it stands.
    Field {
        /// The variable.
        variable: Variable,
        /// The level in hPa; none for a single-level variable.
        level: Option<u32>,
    },
    /// The wind vector at a level in hPa: the error is the length of the difference.
    WindVector {
        /// The level in hPa.
        level: u32,
    },
    /// Wind speed at 10 m, from its components (or `10m_wind_speed` where a state has no components).
    WindSpeed10m,
    /// Precipitation of the last 24 hours in m: `total_precipitation_24hr` where a state has it, else the
    /// sum of four of `total_precipitation_6hr` of the same forecast. From a lead time of 24 hours on.
    Precipitation24h,
}

/// `10m_wind_speed`, as WeatherBench 2 names it.
pub(super) fn wind_speed_10m() -> Variable {
    Variable::new("10m_wind_speed")
}

/// `total_precipitation_24hr`, as WeatherBench 2 names it.
pub(super) fn precipitation_24h() -> Variable {
    Variable::new("total_precipitation_24hr")
}

impl ScoreTarget {
    /// The headline scores of WeatherBench 2: `z500`, `t850`, `q700`, `wind850`, `t2m`, `ws10`, `msl`, `tp24h`.
    pub fn headline() -> Vec<Self> {
        vec![
            Self::on_level(Variable::GEOPOTENTIAL, 500),
            Self::on_level(Variable::TEMPERATURE, 850),
            Self::on_level(Variable::SPECIFIC_HUMIDITY, 700),
            Self::WindVector { level: 850 },
            Self::surface(Variable::TEMPERATURE_2M),
            Self::WindSpeed10m,
            Self::surface(Variable::MEAN_SEA_LEVEL_PRESSURE),
            Self::Precipitation24h,
        ]
    }

    /// A variable at a level in hPa.
    pub fn on_level(variable: Variable, level: u32) -> Self {
        let level = Some(level);
        Self::Field { variable, level }
    }

    /// A single-level variable.
    pub fn surface(variable: Variable) -> Self {
        let level = None;
        Self::Field { variable, level }
    }

    /// Units of its RMSE and bias, if they are known.
    pub fn units(&self) -> Option<&'static str> {
        match self {
            Self::Field { variable, .. } => variable.units(),
            Self::WindVector { .. } | Self::WindSpeed10m => Variable::U_WIND.units(),
            Self::Precipitation24h => Variable::TOTAL_PRECIPITATION_6HR.units(),
        }
    }

    /// The variables to read from a store of forecasts or truth that has the variables that `has` says.
    ///
    /// What is not there is named all the same, so that reading says what is missing.
    pub fn variables(&self, has: impl Fn(&Variable) -> bool) -> Vec<Variable> {
        let components = vec![Variable::U_WIND_10M, Variable::V_WIND_10M];
        match self {
            Self::Field { variable, .. } => vec![variable.clone()],
            Self::WindVector { .. } => vec![Variable::U_WIND, Variable::V_WIND],
            Self::WindSpeed10m if components.iter().all(&has) => components,
            Self::WindSpeed10m if has(&wind_speed_10m()) => vec![wind_speed_10m()],
            Self::WindSpeed10m => components,
            Self::Precipitation24h if has(&precipitation_24h()) => vec![precipitation_24h()],
            Self::Precipitation24h => vec![Variable::TOTAL_PRECIPITATION_6HR],
        }
    }

    /// The variables to read from a climatology for the ACC, as far as it has them; none for a vector.
    ///
    /// The ACC of `ws10` needs the mean speed (`10m_wind_speed`), which is not the speed of the mean wind.
    pub fn climatology_variables(&self, has: impl Fn(&Variable) -> bool) -> Vec<Variable> {
        let wanted = match self {
            Self::Field { .. } | Self::Precipitation24h => self.variables(&has),
            Self::WindSpeed10m => vec![wind_speed_10m()],
            Self::WindVector { .. } => Vec::new(),
        };
        wanted.into_iter().filter(has).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text == WIND_SPEED || text == wind_speed_10m().name() {
            return Ok(Self::WindSpeed10m);
        }
        if text == PRECIPITATION || text == precipitation_24h().name() {
            return Ok(Self::Precipitation24h);
        }
        if let Some(level) = text.strip_prefix(WIND).and_then(level) {
            return Ok(Self::WindVector { level });
        }
        let text = if text == "mslp" { "msl" } else { text };
        if let Some((_, variable)) = SURFACE.into_iter().find(|(short, _)| *short == text) {
            return Ok(Self::surface(variable));
        }
        for (letter, variable) in ON_LEVELS {
            if let Some(level) = text.strip_prefix(letter).and_then(level) {
                return Ok(Self::on_level(variable, level));
            }
        }
        Self::parse_long(text)
    }

    /// `name@level` or `name`.
    fn parse_long(text: &str) -> Result<Self, String> {
        let (name, after) = match text.split_once('@') {
            Some((name, after)) => (name, Some(after)),
            None => (text, None),
        };
        let variable = Variable::known().find(|variable| variable.name() == name);
        let variable = variable.ok_or_else(|| format!("`{text}`"))?;
        match (variable.is_atmospheric(), after) {
            (true, Some(after)) => match level(after) {
                Some(level) => Ok(Self::on_level(variable, level)),
                None => Err(format!("`{text}`, whose level is not a number of hPa")),
            },
            (true, None) => Err(format!("`{text}` without a level, such as `{text}@500`")),
            (false, None) => Ok(Self::surface(variable)),
            (false, Some(_)) => Err(format!("`{text}`, but `{name}` has no levels")),
        }
    }
}

/// A level in hPa, digits only.
fn level(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let level = is_number.then(|| text.parse().ok()).flatten()?;
    (1..=2000).contains(&level).then_some(level)
}

impl fmt::Display for ScoreTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |table: &[(&'static str, Variable)], variable: &Variable| {
            let entry = table.iter().find(|(_, other)| other == variable);
            entry.map(|&(short, _)| short)
        };
        let text = match self {
            Self::Field {
                variable,
                level: None,
            } => match short(&SURFACE, variable) {
                Some(short) => short.to_owned(),
                None => variable.to_string(),
            },
            Self::Field {
                variable,
                level: Some(level),
            } => {
                let text = short(&ON_LEVELS, variable).map(|letter| format!("{letter}{level}"));
                // `u10` and `v10` are at 10 m.
                text.filter(|text| SURFACE.iter().all(|(short, _)| short != text))
                    .unwrap_or_else(|| format!("{variable}@{level}"))
            }
            Self::WindVector { level } => format!("{WIND}{level}"),
            Self::WindSpeed10m => WIND_SPEED.to_owned(),
            Self::Precipitation24h => PRECIPITATION.to_owned(),
        };
        f.pad(&text)
    }
}

impl FromStr for ScoreTarget {
    type Err = Error;

    /// Reads a name as the type describes it.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] that lists the names.
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text.trim()).map_err(|found| {
            let names: Vec<String> = Variable::known().map(|v| v.to_string()).collect();
            let surface: Vec<&str> = SURFACE.iter().map(|&(short, _)| short).collect();
            Error::InvalidParameter {
                name: "score target",
                expected: format!(
                    "a short name with a level in hPa (z500, t850, u850, v850, w500, q700), wind850, ws10, tp24h, {}, or a variable with its level as in `temperature@850`",
                    surface.join(", ")
                ),
                found: format!("{found}\nhint: variables are {}", names.join(", ")),
            }
        })
    }
}

impl TryFrom<String> for ScoreTarget {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ScoreTarget> for String {
    fn from(target: ScoreTarget) -> Self {
        target.to_string()
    }
}
