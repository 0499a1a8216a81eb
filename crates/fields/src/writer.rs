//! Writing states to a Zarr v3 directory that xarray opens.

mod arrays;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, Value, json};

use crate::{Error, Field, Result, State, Time, Variable};
use arrays::ZarrWriter;

/// 1900-01-01T00, from which the hours of the time axis count.
const EPOCH: Time = Time(-2_208_988_800);

/// Writes states, one after another, to a new Zarr v3 directory.
///
/// One array per variable with dimensions `time`, `level`, `latitude`, `longitude` as they apply, zstd,
/// one chunk per time, and attribute `units`; statics without `time`; CF time `hours since 1900-01-01`.
/// The data are in `<path>.part` until [`StateWriter::finish`] gives the directory its name; a left-over
/// of an interrupted run there is replaced.
pub struct StateWriter {
    path: PathBuf,
    part: PathBuf,
    zarr: ZarrWriter,
    grid: LatLonGrid,
    levels: Vec<u32>,
    /// Every variable and whether it is on levels.
    variables: BTreeMap<Variable, bool>,
    times: Vec<Time>,
}

impl StateWriter {
    /// Starts a store for states like `template` (same variables and levels), with attributes of the store
    /// such as `source`, a JSON object.
    ///
    /// # Errors
    /// [`Error::Write`] if the directory exists already or cannot be written, [`Error::LevelMismatch`] if
    /// fields of the template have different levels, [`Error::Shape`] if they are not on the grid.
    pub fn create(
        path: impl AsRef<Path>,
        grid: &LatLonGrid,
        template: &State,
        attributes: Map<String, Value>,
    ) -> Result<Self> {
        let path = path.as_ref().to_owned();
        if path.exists() {
            let message = "it exists already\nhint: choose another name or remove it".to_owned();
            return Err(Error::Write { path, message });
        }
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let levels = common_levels(template)?;
        let zarr = ZarrWriter::create(&part, group_attributes(attributes))?;
        let variables = template
            .fields
            .iter()
            .map(|(v, field)| (v.clone(), !field.levels.is_empty()));
        let variables = variables.collect();
        let this = Self {
            path,
            part,
            zarr,
            grid: grid.clone(),
            levels,
            variables,
            times: Vec::new(),
        };
        this.write_coordinates()?;
        for (variable, field) in template.fields.iter().filter(|(v, _)| v.is_static()) {
            this.check_field(variable, field)?;
            this.zarr.store_fixed(
                variable.name(),
                &["latitude", "longitude"],
                &field.data.index_axis(ndarray::Axis(0), 0),
                &units(variable),
            )?;
        }
        Ok(this)
    }

    /// Adds a state, later than all before.
    ///
    /// # Errors
    /// [`Error::MissingVariable`], [`Error::LevelMismatch`] or [`Error::Shape`] if the state is not like
    /// the template, [`Error::Write`] if its time is not later, not a whole hour, or nothing can be written.
    pub fn append(&mut self, state: &State) -> Result<()> {
        let whole_hour = state.time.unix_seconds() % 3600 == 0;
        if !whole_hour || self.times.last().is_some_and(|&last| last >= state.time) {
            let message = format!(
                "expected a whole hour after the last time, found {}",
                state.time
            );
            return Err(Error::Write {
                path: self.path.clone(),
                message,
            });
        }
        for variable in self.variables.keys() {
            self.check_field(variable, state.get(variable)?)?;
        }
        for variable in self.variables.keys().filter(|v| !v.is_static()) {
            let field = state.get(variable)?;
            self.zarr
                .store_time(variable.name(), self.times.len(), field, &units(variable))?;
        }
        self.times.push(state.time);
        Ok(())
    }

    /// Writes the time axis and gives the directory its name.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<()> {
        let hours: Vec<i64> = self
            .times
            .iter()
            .map(|time| time.hours_since(EPOCH))
            .collect();
        let attributes = json!({
            "units": "hours since 1900-01-01", "calendar": "proleptic_gregorian",
            "standard_name": "time",
        });
        self.zarr.store_axis("time", &hours, &attributes)?;
        for (variable, &on_levels) in self.variables.iter().filter(|(v, _)| !v.is_static()) {
            self.zarr
                .finish_time(variable.name(), self.shape(on_levels), &units(variable))?;
        }
        std::fs::rename(&self.part, &self.path).map_err(|e| Error::Write {
            path: self.path.clone(),
            message: e.to_string(),
        })
    }

    /// `[time, (level,) latitude, longitude]`.
    fn shape(&self, on_levels: bool) -> Vec<usize> {
        let levels = on_levels.then_some(self.levels.len());
        let grid = [self.grid.n_lat(), self.grid.n_lon()];
        [self.times.len()]
            .into_iter()
            .chain(levels)
            .chain(grid)
            .collect()
    }

    fn write_coordinates(&self) -> Result<()> {
        let latitude = json!({"units": "degrees_north", "standard_name": "latitude"});
        let longitude = json!({"units": "degrees_east", "standard_name": "longitude"});
        self.zarr
            .store_axis("latitude", self.grid.lat(), &latitude)?;
        self.zarr
            .store_axis("longitude", self.grid.lon(), &longitude)?;
        if !self.levels.is_empty() {
            let levels: Vec<i64> = self.levels.iter().map(|&level| i64::from(level)).collect();
            let attributes = json!({"units": "hPa", "standard_name": "air_pressure"});
            self.zarr.store_axis("level", &levels, &attributes)?;
        }
        Ok(())
    }

    fn check_field(&self, variable: &Variable, field: &Field) -> Result<()> {
        if field.grid_shape() != [self.grid.n_lat(), self.grid.n_lon()] {
            return Err(Error::Shape {
                what: format!("`{variable}`"),
                expected: vec![self.grid.n_lat(), self.grid.n_lon()],
                found: field.grid_shape().to_vec(),
            });
        }
        let on_levels = self.variables.get(variable).copied().unwrap_or(false);
        let expected = if on_levels { &self.levels[..] } else { &[] };
        if field.levels != expected {
            return Err(level_mismatch(variable, expected, &field.levels));
        }
        Ok(())
    }
}

/// Writes states in order to a new Zarr v3 directory; see [`StateWriter`].
///
/// # Errors
/// Those of [`StateWriter`]; [`Error::Write`] if there are no states.
pub fn write_states(path: impl AsRef<Path>, grid: &LatLonGrid, states: &[State]) -> Result<()> {
    let path = path.as_ref();
    let Some(first) = states.first() else {
        let message = "expected at least one state, found none".to_owned();
        return Err(Error::Write {
            path: path.to_owned(),
            message,
        });
    };
    let mut writer = StateWriter::create(path, grid, first, Map::new())?;
    for state in states {
        writer.append(state)?;
    }
    writer.finish()
}

fn group_attributes(mut attributes: Map<String, Value>) -> Map<String, Value> {
    attributes
        .entry("Conventions")
        .or_insert_with(|| json!("CF-1.8"));
    let history = format!("written by dropsonde-fields {}", env!("CARGO_PKG_VERSION"));
    attributes
        .entry("history")
        .or_insert_with(|| json!(history));
    attributes
}

fn units(variable: &Variable) -> Value {
    match variable.units() {
        Some(units) => json!({ "units": units }),
        None => json!({}),
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

fn level_mismatch(variable: &Variable, expected: &[u32], found: &[u32]) -> Error {
    Error::LevelMismatch {
        variable: variable.clone(),
        expected: format!("the levels {expected:?} hPa"),
        found: format!("{found:?}"),
    }
}
