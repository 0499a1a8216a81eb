//! The weather at one time.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::{Error, Result, Time, Variable};

/// One variable at one time on a latitude-longitude grid, in SI units.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Pressure levels in hPa, in the order of the first axis of `data`; empty for a single-level variable.
    pub levels: Vec<u32>,
    /// `[level (1 if single-level), lat, lon]`.
    pub data: Array3<f32>,
}

impl Field {
    /// A single-level field from `[lat, lon]`.
    pub fn surface(data: Array2<f32>) -> Self {
        Self {
            levels: Vec::new(),
            data: data.insert_axis(Axis(0)),
        }
    }

    /// A field on pressure levels from `[level, lat, lon]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of levels is not the length of the first axis.
    pub fn on_levels(levels: Vec<u32>, data: Array3<f32>) -> Result<Self> {
        if levels.is_empty() || levels.len() != data.shape()[0] {
            return Err(Error::Shape {
                what: "field on pressure levels".to_owned(),
                expected: vec![levels.len(), data.shape()[1], data.shape()[2]],
                found: data.shape().to_vec(),
            });
        }
        Ok(Self { levels, data })
    }

    /// `[n_lat, n_lon]`.
    pub fn grid_shape(&self) -> [usize; 2] {
        [self.data.shape()[1], self.data.shape()[2]]
    }
}

/// The weather at one time: fields in SI units on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The valid time.
    pub time: Time,
    /// The fields by variable.
    pub fields: BTreeMap<Variable, Field>,
}

impl State {
    /// A state without fields.
    pub fn new(time: Time) -> Self {
        Self {
            time,
            fields: BTreeMap::new(),
        }
    }

    /// Adds a field, replacing the one of that variable.
    pub fn insert(&mut self, variable: Variable, field: Field) {
        self.fields.insert(variable, field);
    }

    /// The field of a variable.
    ///
    /// # Errors
    /// [`Error::MissingVariable`] if the state does not have it.
    pub fn get(&self, variable: &Variable) -> Result<&Field> {
        self.fields
            .get(variable)
            .ok_or_else(|| Error::MissingVariable {
                variable: variable.clone(),
                place: format!("the state of {}", self.time),
                known: self.fields.keys().map(ToString::to_string).collect(),
            })
    }

    pub(crate) fn check_time(&self, what: &'static str, expected: Time) -> Result<()> {
        if self.time == expected {
            return Ok(());
        }
        Err(Error::TimeMismatch {
            what,
            expected,
            found: self.time,
        })
    }

    /// `[lat, lon]` of a variable at a pressure level in hPa, found by value; `None` for a single-level variable.
    ///
    /// # Errors
    /// [`Error::MissingVariable`], [`Error::MissingLevel`], or [`Error::LevelMismatch`] if a level is given
    /// for a single-level variable or none for one on levels.
    pub fn plane(&self, variable: &Variable, level: Option<u32>) -> Result<ArrayView2<'_, f32>> {
        let field = self.get(variable)?;
        let index = match (level, field.levels.is_empty()) {
            (None, true) => 0,
            (Some(level), false) => level_index(variable, &field.levels, level)?,
            (given, _) => return Err(level_mismatch(variable, given, &field.levels)),
        };
        Ok(field.data.index_axis(Axis(0), index))
    }
}

fn level_index(variable: &Variable, levels: &[u32], level: u32) -> Result<usize> {
    levels
        .iter()
        .position(|&l| l == level)
        .ok_or_else(|| Error::MissingLevel {
            variable: variable.clone(),
            level,
            available: levels.to_vec(),
        })
}

fn level_mismatch(variable: &Variable, given: Option<u32>, levels: &[u32]) -> Error {
    let describe = |level: Option<u32>| match level {
        Some(level) => format!("level {level} hPa"),
        None => "no level".to_owned(),
    };
    let expected = if levels.is_empty() {
        describe(None)
    } else {
        format!("one of the levels {levels:?} hPa")
    };
    Error::LevelMismatch {
        variable: variable.clone(),
        expected,
        found: describe(given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(Time(0));
        let data = Array3::from_shape_fn((2, 3, 4), |(k, i, j)| (100 * k + 10 * i + j) as f32);
        let field = Field::on_levels(vec![850, 500], data).unwrap();
        state.insert(Variable::TEMPERATURE, field);
        state.insert(
            Variable::LAND_SEA_MASK,
            Field::surface(Array2::zeros((3, 4))),
        );
        state
    }

    #[test]
    fn plane_finds_levels_by_value() {
        let state = state();
        assert_eq!(
            state.plane(&Variable::TEMPERATURE, Some(500)).unwrap()[[1, 2]],
            112.0
        );
        assert_eq!(
            state.plane(&Variable::LAND_SEA_MASK, None).unwrap().dim(),
            (3, 4)
        );
    }

    #[test]
    fn errors_say_what_there_is() {
        let state = state();
        let cases = [
            (
                Variable::GEOPOTENTIAL,
                Some(500),
                "it has `land_sea_mask`, `temperature`",
            ),
            (
                Variable::TEMPERATURE,
                Some(700),
                "its levels are [850, 500]",
            ),
            (
                Variable::TEMPERATURE,
                None,
                "expected one of the levels [850, 500] hPa, found no level",
            ),
            (
                Variable::LAND_SEA_MASK,
                Some(500),
                "expected no level, found level 500 hPa",
            ),
        ];
        for (variable, level, expected) in cases {
            let error = state.plane(&variable, level).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn wrong_number_of_levels_is_an_error() {
        let error = Field::on_levels(vec![850], Array3::zeros((2, 3, 4))).unwrap_err();
        assert!(
            error.to_string().contains("[1, 3, 4], found [2, 3, 4]"),
            "{error}"
        );
    }
}
