//! Which dimensions of a store are which, and where each variable lies.

use std::collections::BTreeMap;

use dropsonde_mesh::LatLonGrid;

use super::SourceOptions;
use super::clock;
use super::store::{ArrayInfo, Store};
use crate::{Error, Result, Time, Variable};

const LATITUDE: [&str; 2] = ["lat", "latitude"];
const LONGITUDE: [&str; 2] = ["lon", "longitude"];
const LEVEL: [&str; 3] = ["level", "pressure_level", "isobaricInhPa"];
const TIME: [&str; 2] = ["time", "valid_time"];
const BATCH: &str = "batch";
const DATETIME: &str = "datetime";

/// The meaning of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Batch,
    Time,
    /// A time axis of its own, such as `day`.
    SlowTime(String),
    Level,
    Latitude,
    Longitude,
}

/// How a store is to be read.
pub(super) struct Layout {
    pub(super) grid: LatLonGrid,
    /// Latitudes descend in the store.
    pub(super) flip: bool,
    /// Levels in hPa, in the order of the store.
    pub(super) levels: Vec<u32>,
    /// Moments of the time axis.
    pub(super) times: Vec<Time>,
    /// Moments of further time axes by dimension name.
    pub(super) slow: BTreeMap<String, Vec<Time>>,
    /// The dimensions of every variable.
    pub(super) variables: BTreeMap<Variable, Vec<Role>>,
}

impl Layout {
    pub(super) fn new(store: &dyn Store, options: &SourceOptions) -> Result<Self> {
        let (grid, flip) = grid(store)?;
        let slow = slow_times(store)?;
        let mut variables = BTreeMap::new();
        for (name, info) in store.arrays() {
            if let Some(roles) = roles(name, info, &slow) {
                variables.insert(Variable::new(name), roles);
            }
        }
        check_batch(store, options.batch)?;
        let (levels, times) = (levels(store)?, times(store, options)?);
        let layout = Self {
            grid,
            flip,
            levels,
            times,
            slow,
            variables,
        };
        layout.check(store)?;
        Ok(layout)
    }

    /// Every dimension must be as long as its coordinate.
    fn check(&self, store: &dyn Store) -> Result<()> {
        for (variable, roles) in &self.variables {
            let shape = store
                .arrays()
                .get(variable.name())
                .map_or(&[][..], |info| &info.shape);
            for (role, &found) in roles.iter().zip(shape) {
                let expected = match role {
                    Role::Batch => found,
                    Role::Time => self.times.len(),
                    Role::SlowTime(name) => self.slow.get(name).map_or(0, Vec::len),
                    Role::Level => self.levels.len(),
                    Role::Latitude => self.grid.n_lat(),
                    Role::Longitude => self.grid.n_lon(),
                };
                if found != expected {
                    let message = format!("{role:?}: expected length {expected}, found {found}");
                    return Err(Error::malformed(store.path(), variable.name(), message));
                }
            }
        }
        Ok(())
    }
}

fn find<'a>(store: &dyn Store, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .copied()
        .find(|name| store.arrays().contains_key(*name))
}

fn grid(store: &dyn Store) -> Result<(LatLonGrid, bool)> {
    let axis = |names: &[&str]| -> Result<Vec<f32>> {
        let name = find(store, names).ok_or_else(|| {
            let message = format!("expected a coordinate named one of {names:?}, found none");
            Error::malformed(store.path(), names[0], message)
        })?;
        Ok(store.read_all(name)?.iter().map(|&x| x as f32).collect())
    };
    let (mut lat, lon) = (axis(&LATITUDE)?, axis(&LONGITUDE)?);
    let flip = lat.len() > 1 && lat[0] > lat[1];
    if flip {
        lat.reverse();
    }
    let grid = LatLonGrid::new(lat, lon);
    grid.map(|grid| (grid, flip)).map_err(|source| Error::Grid {
        path: store.path().to_owned(),
        source,
    })
}

/// Levels in hPa; empty if the store has none.
fn levels(store: &dyn Store) -> Result<Vec<u32>> {
    let Some(name) = find(store, &LEVEL) else {
        return Ok(Vec::new());
    };
    let units = store.arrays().get(name).and_then(|info| info.text("units"));
    let factor = if units == Some("Pa") { 0.01 } else { 1.0 };
    let whole = |&number: &f64| {
        let level = number * factor;
        let is_level = (1.0..=2000.0).contains(&level) && (level - level.round()).abs() < 1e-6;
        is_level.then_some(level.round() as u32)
    };
    let levels: Option<Vec<u32>> = store.read_all(name)?.iter().map(whole).collect();
    levels.ok_or_else(|| {
        Error::malformed(store.path(), name, "expected pressure levels of whole hPa")
    })
}

/// The moments of the time axis: `datetime` if there is one, else `time`.
fn times(store: &dyn Store, options: &SourceOptions) -> Result<Vec<Time>> {
    let Some(name) = find(store, &TIME) else {
        return match options.origin {
            Some(origin) => Ok(vec![origin]),
            None => Err(Error::malformed(
                store.path(),
                TIME[0],
                "expected a time coordinate, found none\nhint: give the time with `SourceOptions::origin`",
            )),
        };
    };
    let (name, times) = match store.arrays().get(DATETIME) {
        Some(info) if !store.arrays().get(name).is_some_and(clock::is_absolute) => {
            let all = clock::decode(store, DATETIME, None)?;
            let n_times = info.shape.last().copied().unwrap_or(1);
            let first = if info.shape.len() == 2 {
                options.batch * n_times
            } else {
                0
            };
            let chosen = all.get(first..first + n_times);
            (DATETIME, chosen.map(<[Time]>::to_vec).unwrap_or_default())
        }
        _ => (name, clock::decode(store, name, options.origin)?),
    };
    if times.is_empty() {
        return Err(Error::malformed(
            store.path(),
            name,
            "expected at least one time, found none",
        ));
    }
    clock::check_ascending(store, name, &times)?;
    Ok(times)
}

/// Time axes besides the main one: coordinates of their own dimension with units `... since ...`.
fn slow_times(store: &dyn Store) -> Result<BTreeMap<String, Vec<Time>>> {
    let mut slow = BTreeMap::new();
    for (name, info) in store.arrays() {
        let own = info.dims.len() == 1 && info.dims[0] == *name;
        if own && !TIME.contains(&name.as_str()) && clock::is_absolute(info) {
            let times = clock::decode(store, name, None)?;
            clock::check_ascending(store, name, &times)?;
            slow.insert(name.clone(), times);
        }
    }
    Ok(slow)
}

/// The dimensions of a variable, or `None` for coordinates and whatever is not a field.
fn roles(name: &str, info: &ArrayInfo, slow: &BTreeMap<String, Vec<Time>>) -> Option<Vec<Role>> {
    let coordinates = [&LATITUDE[..], &LONGITUDE, &LEVEL, &TIME, &[BATCH, DATETIME]].concat();
    if coordinates.contains(&name) || slow.contains_key(name) {
        return None;
    }
    let role = |dim: &String| match dim.as_str() {
        BATCH => Some(Role::Batch),
        dim if TIME.contains(&dim) => Some(Role::Time),
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

fn check_batch(store: &dyn Store, batch: usize) -> Result<()> {
    let length = |info: &ArrayInfo| {
        let index = info.dims.iter().position(|dim| dim == BATCH)?;
        info.shape.get(index).copied()
    };
    let n_batch = store.arrays().values().find_map(length).unwrap_or(1);
    if batch < n_batch {
        return Ok(());
    }
    let message = format!("expected `SourceOptions::batch` below {n_batch}, found {batch}");
    Err(Error::malformed(store.path(), BATCH, message))
}
