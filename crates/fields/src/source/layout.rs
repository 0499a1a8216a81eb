//! Which dimensions of a store are which, and where each variable lies.

mod axes;
pub(super) mod names;

use std::collections::BTreeMap;

use super::clock;
use super::store::{ArrayInfo, Store};
use crate::{Error, Result, Time, Variable};
use axes::Axes;
use names::{BATCH, DATETIME, DAY_OF_YEAR, HOUR, INIT, LATITUDE, LEAD, LEVEL, LONGITUDE, TIME};

/// The meaning of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Batch,
    /// The time of the state, or the start of the forecast in a store with [`Role::Lead`].
    Time,
    /// Time since the start of a forecast.
    Lead,
    /// A time axis of its own, such as `day`.
    SlowTime(String),
    /// Hour of the day of a climatology.
    Hour,
    /// Day of the year of a climatology.
    DayOfYear,
    Level,
    Latitude,
    Longitude,
}

/// Where a variable is in its store.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// The name of the array.
    pub(super) name: String,
    /// The meaning of its dimensions.
    pub(super) roles: Vec<Role>,
}

/// How a store is to be read.
pub(super) struct Layout {
    pub(super) axes: Axes,
    /// Moments of further time axes by dimension name.
    pub(super) slow: BTreeMap<String, Vec<Time>>,
    /// Every field.
    pub(super) variables: BTreeMap<Variable, Stored>,
    /// Length of the batch dimension, 1 if there is none.
    pub(super) n_batch: usize,
    /// Whether some field has a dimension of lead times.
    pub(super) is_forecast: bool,
}

impl Layout {
    pub(super) fn new(store: &dyn Store) -> Result<Self> {
        let axes = Axes::new(store)?;
        let is_forecast = store
            .arrays()
            .values()
            .any(|info| info.dims.iter().any(|dim| LEAD.contains(&dim.as_str())));
        let slow = slow_times(store)?;
        let variables = variables(store, &slow, axes.scalar_level.is_some());
        Ok(Self {
            axes,
            variables,
            n_batch: n_batch(store),
            is_forecast,
            slow,
        })
    }

    /// Every dimension must be as long as its coordinate; `length` knows those that are not in space.
    pub(super) fn check(
        &self,
        store: &dyn Store,
        length: impl Fn(&Role) -> Option<usize>,
    ) -> Result<()> {
        for stored in self.variables.values() {
            let info = store.arrays().get(&stored.name);
            let shape = info.map_or(&[][..], |info| &info.shape);
            for (role, &found) in stored.roles.iter().zip(shape) {
                let expected = match role {
                    Role::Level => Some(self.axes.levels.len()),
                    Role::Latitude => Some(self.axes.grid.n_lat()),
                    Role::Longitude => Some(self.axes.grid.n_lon()),
                    Role::SlowTime(name) => self.slow.get(name).map(Vec::len),
                    other => length(other),
                };
                if expected.is_some_and(|expected| expected != found) {
                    let expected = expected.unwrap_or_default();
                    let message = format!("{role:?}: expected length {expected}, found {found}");
                    return Err(Error::malformed(store.path(), &stored.name, message));
                }
            }
        }
        Ok(())
    }
}

/// Fields by ERA5's name; an array that has that name itself comes before one with a short name.
fn variables(
    store: &dyn Store,
    slow: &BTreeMap<String, Vec<Time>>,
    scalar_level: bool,
) -> BTreeMap<Variable, Stored> {
    let mut variables: BTreeMap<Variable, Stored> = BTreeMap::new();
    for (name, info) in store.arrays() {
        let Some(roles) = roles(name, info, slow) else {
            continue;
        };
        let long = names::long_name(name, info, &roles, scalar_level);
        let taken = long != name && store.arrays().contains_key(long);
        let variable = Variable::new(if taken { name } else { long });
        let stored = Stored {
            name: name.clone(),
            roles,
        };
        variables.entry(variable).or_insert(stored);
    }
    variables
}

/// The dimensions of a field, or `None` for coordinates and whatever is not a field.
fn roles(name: &str, info: &ArrayInfo, slow: &BTreeMap<String, Vec<Time>>) -> Option<Vec<Role>> {
    let coordinates = [
        &LATITUDE[..],
        &LONGITUDE,
        &LEVEL,
        &TIME,
        &INIT,
        &LEAD,
        &[BATCH, DATETIME, HOUR, DAY_OF_YEAR],
    ];
    if coordinates.concat().contains(&name) || slow.contains_key(name) {
        return None;
    }
    let role = |dim: &String| match dim.as_str() {
        BATCH => Some(Role::Batch),
        HOUR => Some(Role::Hour),
        DAY_OF_YEAR => Some(Role::DayOfYear),
        dim if TIME.contains(&dim) || INIT.contains(&dim) => Some(Role::Time),
        dim if LEAD.contains(&dim) => Some(Role::Lead),
        dim if LEVEL.contains(&dim) => Some(Role::Level),
        dim if LATITUDE.contains(&dim) => Some(Role::Latitude),
        dim if LONGITUDE.contains(&dim) => Some(Role::Longitude),
        dim if slow.contains_key(dim) => Some(Role::SlowTime(dim.to_owned())),
        _ => None,
    };
    let roles: Vec<Role> = info.dims.iter().map(role).collect::<Option<_>>()?;
    let on_grid = roles.contains(&Role::Latitude) && roles.contains(&Role::Longitude);
    let in_time = roles.contains(&Role::Time);
    (on_grid || in_time).then_some(roles)
}

/// Time axes besides the main one: coordinates of their own dimension with units `... since ...`.
fn slow_times(store: &dyn Store) -> Result<BTreeMap<String, Vec<Time>>> {
    let mut slow = BTreeMap::new();
    for (name, info) in store.arrays() {
        let own = info.dims.len() == 1 && info.dims[0] == *name;
        let main = TIME.contains(&name.as_str()) || INIT.contains(&name.as_str());
        if own && !main && clock::is_absolute(info) {
            let times = clock::moments(store, name, None)?;
            clock::check_ascending(store, name, &times)?;
            slow.insert(name.clone(), times);
        }
    }
    Ok(slow)
}

fn n_batch(store: &dyn Store) -> usize {
    let length = |info: &ArrayInfo| {
        let index = info.dims.iter().position(|dim| dim == BATCH)?;
        info.shape.get(index).copied()
    };
    store.arrays().values().find_map(length).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_say_which_dimension_is_which() {
        let info = |dims: &[&str]| ArrayInfo {
            dims: dims.iter().map(ToString::to_string).collect(),
            shape: vec![2; dims.len()],
            attributes: serde_json::Map::new(),
        };
        let none = BTreeMap::new();
        let dims = [
            "prediction_timedelta",
            "time",
            "level",
            "longitude",
            "latitude",
        ];
        let found = roles("temperature", &info(&dims), &none);
        let expected = [
            Role::Lead,
            Role::Time,
            Role::Level,
            Role::Longitude,
            Role::Latitude,
        ];
        assert_eq!(found.as_deref(), Some(&expected[..]));
        assert_eq!(roles("valid_time", &info(&["time", "step"]), &none), None);
        assert_eq!(
            roles("speed", &info(&["number", "lat", "lon"]), &none),
            None
        );
        assert_eq!(roles("profile", &info(&["level"]), &none), None);
        assert!(roles("year_progress", &info(&["batch", "time"]), &none).is_some());
    }
}
