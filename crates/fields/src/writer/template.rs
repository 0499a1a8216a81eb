//! What every written state must have.

use std::collections::BTreeMap;

use dropsonde_mesh::LatLonGrid;

use crate::{Error, Field, Result, State, Variable};

/// Names that coordinates have in one layout or another.
const COORDINATES: [&str; 10] = [
    "batch",
    "time",
    "datetime",
    "prediction_timedelta",
    "level",
    "lat",
    "lon",
    "latitude",
    "longitude",
    "init_time",
];

/// The variables and levels of a store on one grid.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) grid: LatLonGrid,
    /// Pressure levels in hPa of every field that has some.
    pub(super) levels: Vec<u32>,
    /// Every variable and whether it is on levels.
    pub(super) variables: BTreeMap<Variable, bool>,
}

impl Template {
    /// The variables and levels of a state, whose fields must be on the grid.
    pub(super) fn new(grid: &LatLonGrid, state: &State) -> Result<Self> {
        let variables = state.fields.iter();
        let variables = variables.map(|(v, field)| (v.clone(), !field.levels.is_empty()));
        let this = Self {
            grid: grid.clone(),
            levels: common_levels(state)?,
            variables: variables.collect(),
        };
        for (variable, field) in &state.fields {
            check_name(variable)?;
            this.check_field(variable, field)?;
        }
        Ok(this)
    }

    /// Variables that change with time, and whether they are on levels.
    pub(super) fn changing(&self) -> impl Iterator<Item = (&Variable, bool)> {
        let changing = self.variables.iter().filter(|(v, _)| !v.is_static());
        changing.map(|(variable, &on_levels)| (variable, on_levels))
    }

    /// A field is on the grid and on the levels that its variable has in the store.
    pub(super) fn check_field(&self, variable: &Variable, field: &Field) -> Result<()> {
        let on_levels = self.variables.get(variable).copied().unwrap_or(false);
        let expected = if on_levels { &self.levels[..] } else { &[] };
        if field.levels != expected {
            return Err(level_mismatch(variable, expected, &field.levels));
        }
        let shape = [expected.len().max(1), self.grid.n_lat(), self.grid.n_lon()];
        if field.data.shape() != shape {
            return Err(Error::Shape {
                what: format!("`{variable}`"),
                expected: shape.to_vec(),
                found: field.data.shape().to_vec(),
            });
        }
        Ok(())
    }
}

/// The levels of every field that has some.
fn common_levels(state: &State) -> Result<Vec<u32>> {
    let mut levels: &[u32] = &[];
    for (variable, field) in &state.fields {
        if levels.is_empty() {
            levels = &field.levels;
        } else if !field.levels.is_empty() && field.levels != levels {
            return Err(level_mismatch(variable, levels, &field.levels));
        }
    }
    Ok(levels.to_vec())
}

/// A name that both formats allow and that no coordinate has.
fn check_name(variable: &Variable) -> Result<()> {
    let name = variable.name();
    let bad = |c: char| c.is_control() || c == '/';
    let allowed = !name.is_empty()
        && !name.contains(bad)
        && !name.starts_with(['.', '_'])
        && name.trim() == name
        && !COORDINATES.contains(&name);
    match allowed {
        true => Ok(()),
        false => Err(Error::InvalidParameter {
            name: "variable",
            expected: "a name without `/`, leading `_` or `.`, and control characters, and not of a coordinate"
                .to_owned(),
            found: format!("`{}`", name.escape_debug()),
        }),
    }
}

fn level_mismatch(variable: &Variable, expected: &[u32], found: &[u32]) -> Error {
    Error::LevelMismatch {
        variable: variable.clone(),
        expected: format!("the levels {expected:?} hPa"),
        found: format!("{found:?}"),
    }
}
