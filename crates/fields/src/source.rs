//! Reading weather states from Zarr v3 directories and NetCDF files.

mod clock;
mod gather;
mod layout;
mod netcdf;
mod store;
mod table;
mod zarr;

use std::io::Read;
use std::path::Path;

use dropsonde_mesh::LatLonGrid;

use crate::{Error, Field, FillPolicy, Result, State, Time, Variable};

use gather::Request;
use layout::Layout;
use netcdf::NetcdfStore;
use store::Store;
pub(crate) use table::read_level_table;
use zarr::ZarrStore;

/// How to read a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceOptions {
    /// Index on the `batch` dimension, if there is one.
    pub batch: usize,
    /// The time that durations count from, for files whose `time` is a duration and that have no `datetime`.
    pub origin: Option<Time>,
    /// Gaps and what is put there.
    pub fill: FillPolicy,
}

/// A readable store of weather states: a Zarr v3 directory or a NetCDF file.
///
/// Names are ERA5's long names. Dimensions are found by name, in any order: `lat`/`latitude`,
/// `lon`/`longitude`, `level`/`pressure_level` (hPa), `time`, `batch`, and further time axes such as `day`.
/// Fields without a time are part of every state, and so are fields on a further time axis: the last entry
/// at or before the state's time, if it is less than one step of that axis old.
/// Latitudes are always given from south to north: a store from north to south is flipped on reading.
pub struct Source {
    store: Box<dyn Store>,
    layout: Layout,
    options: SourceOptions,
    variables: Vec<Variable>,
    level_indices: Vec<usize>,
    levels: Vec<u32>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path())
            .field("n_times", &self.times().len())
            .field("levels", &self.levels)
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a store with the default options.
    ///
    /// # Errors
    /// See [`Source::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, SourceOptions::default())
    }

    /// Opens a store: a directory with `zarr.json`, or a file that begins like NetCDF.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::UnknownFormat`], [`Error::Malformed`] if metadata or coordinates cannot be
    /// read, or [`Error::Grid`].
    pub fn open_with(path: impl AsRef<Path>, options: SourceOptions) -> Result<Self> {
        let store = open_store(path.as_ref())?;
        let layout = Layout::new(store.as_ref(), &options)?;
        Ok(Self {
            variables: layout.variables.keys().cloned().collect(),
            level_indices: (0..layout.levels.len()).collect(),
            levels: layout.levels.clone(),
            store,
            layout,
            options,
        })
    }

    /// Restricts the source to some pressure levels in hPa, in this order; others are not read any more.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the store does not have a level.
    pub fn with_levels(mut self, levels: &[u32]) -> Result<Self> {
        let index = |level: &u32| {
            self.layout
                .levels
                .iter()
                .position(|l| l == level)
                .ok_or_else(|| {
                    let found = &self.layout.levels;
                    let message = format!("expected {level} hPa, found the levels {found:?}");
                    Error::malformed(self.path(), "level", message)
                })
        };
        self.level_indices = levels.iter().map(index).collect::<Result<_>>()?;
        self.levels = levels.to_vec();
        Ok(self)
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// The grid of all fields, latitudes from south to north.
    pub fn grid(&self) -> &LatLonGrid {
        &self.layout.grid
    }

    /// Whether the store itself has latitudes from north to south.
    pub fn is_flipped(&self) -> bool {
        self.layout.flip
    }

    /// The times of the states, ascending.
    pub fn times(&self) -> &[Time] {
        &self.layout.times
    }

    /// The pressure levels of atmospheric fields in hPa, in the order of the fields' first axis.
    pub fn levels(&self) -> &[u32] {
        &self.levels
    }

    /// The variables, sorted by name.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether the store has a variable.
    pub fn has(&self, variable: &Variable) -> bool {
        self.layout.variables.contains_key(variable)
    }

    /// The attributes of the store, a JSON object.
    pub fn attributes(&self) -> &serde_json::Value {
        self.store.attributes()
    }

    /// Every variable at one time.
    ///
    /// # Errors
    /// See [`Source::state_of`].
    pub fn state(&self, time: Time) -> Result<State> {
        self.state_of(time, &self.variables)
    }

    /// Some variables at one time, gaps filled as the options say.
    ///
    /// # Errors
    /// [`Error::MissingTime`], [`Error::MissingVariable`], [`Error::MissingValues`] for gaps without a
    /// rule, or [`Error::Malformed`] if data cannot be read.
    pub fn state_of(&self, time: Time, variables: &[Variable]) -> Result<State> {
        let index = self
            .times()
            .binary_search(&time)
            .map_err(|_| self.missing_time(time))?;
        let mut state = State::new(time);
        for variable in variables {
            state.insert(variable.clone(), self.field(variable, index)?);
        }
        Ok(state)
    }

    fn field(&self, variable: &Variable, time: usize) -> Result<Field> {
        let roles = self
            .layout
            .variables
            .get(variable)
            .ok_or_else(|| Error::MissingVariable {
                variable: variable.clone(),
                place: format!("`{}`", self.path().display()),
                known: self.variables.iter().map(ToString::to_string).collect(),
            })?;
        let request = Request {
            store: self.store.as_ref(),
            layout: &self.layout,
            batch: self.options.batch,
            levels: &self.level_indices,
        };
        let mut field = request.field(variable, roles, time)?;
        self.options
            .fill
            .apply(variable, self.times()[time], &mut field)?;
        Ok(field)
    }

    fn missing_time(&self, time: Time) -> Error {
        let times = self.times();
        Error::MissingTime {
            time,
            path: self.path().to_owned(),
            n_times: times.len(),
            first: times.first().copied().unwrap_or(time),
            last: times.last().copied().unwrap_or(time),
        }
    }
}

fn open_store(path: &Path) -> Result<Box<dyn Store>> {
    let unknown = |found: &str| Error::UnknownFormat {
        path: path.to_owned(),
        found: found.to_owned(),
    };
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if metadata.is_dir() {
        let has = |name: &str| path.join(name).is_file();
        return match (has("zarr.json"), has(".zgroup") || has(".zmetadata")) {
            (true, _) => Ok(Box::new(ZarrStore::open(path)?)),
            (false, true) => Err(unknown(
                "a Zarr v2 directory\nhint: rewrite it as v3, for example with xarray's `to_zarr(zarr_format=3)`",
            )),
            (false, false) => Err(unknown("a directory without `zarr.json`")),
        };
    }
    if is_netcdf(path)? {
        return Ok(Box::new(NetcdfStore::open(path)?));
    }
    Err(unknown("a file that does not begin like NetCDF"))
}

/// Whether a file begins like classic NetCDF (`CDF` and 1, 2 or 5) or HDF5.
fn is_netcdf(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(8)
        .read_to_end(&mut start)
        .map_err(|e| Error::io(path, e))?;
    let classic = start.len() >= 4 && start.starts_with(b"CDF") && [1, 2, 5].contains(&start[3]);
    Ok(classic || start == *b"\x89HDF\r\n\x1a\n")
}
