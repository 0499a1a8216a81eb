//! Reading weather states from Zarr stores and NetCDF files, on disk or behind a URL.
//!
//! What a store is, how its numbers are packed, and which dimension is which is found by looking at it:
//! - **places**: a directory or file, `file://`, `http(s)://`, `gs://` (anonymous unless credentials are in the
//!   environment; `STORAGE_EMULATOR_HOST`), `s3://` (likewise; `AWS_ENDPOINT_URL`, `AWS_REGION`);
//! - **formats**: Zarr v2 and v3, consolidated or not, sharded or not; NetCDF classic, 64-bit offset and NetCDF-4;
//! - **numbers**: floats of 16, 32 and 64 bits and integers, with CF packing and missing values;
//! - **dimensions** in any order; latitudes either way, longitudes from anywhere, levels in hPa or Pa;
//! - **times**: CF times, GraphCast's `batch`, durations and `datetime`, forecasts with lead times;
//! - **names**: ERA5's long names, or the short ones of GRIB decoders and the Climate Data Store.

mod accumulate;
mod bucket;
mod checks;
mod climatology;
mod clock;
mod gather;
mod grib;
mod guard;
mod json;
mod layout;
mod location;
mod netcdf;
mod offered;
mod open;
mod options;
mod packing;
mod prefetch;
mod raw;
mod reader;
mod store;
mod synthetic;
mod table;
mod timeline;
mod zarr;

use std::path::Path;
use std::sync::Arc;

use dropsonde_mesh::LatLonGrid;

use crate::{Error, Field, Result, State, Time, Variable};

use checks::{at, check_batch, leave_out_climatologies};
pub use climatology::Climatology;
use layout::{Layout, Role};
pub use options::{MissingChunks, RemoteOptions, SourceOptions};
pub use prefetch::Prefetch;
use reader::Reader;
use store::Store;
pub(crate) use table::read_level_table;
use timeline::Timeline;

/// A readable store of weather states: Zarr or NetCDF, on disk or behind a URL.
///
/// Variables have ERA5's long names, whatever the store calls them ([`Source::stored_name`]). Dimensions are
/// found by name, in any order: `lat`/`latitude`, `lon`/`longitude`, `level`/`pressure_level`/`plev` (hPa or
/// Pa), `time`/`valid_time`, `batch`, `prediction_timedelta`/`step`/`lead_time`, and further time axes such as
/// `day`. Fields without a time are part of every state, and so are fields on a further time axis: the last
/// entry at or before the state's time, if it is less than one step of that axis old.
///
/// In memory latitudes run from south to north and longitudes from the first at or after 0 degrees east;
/// levels keep the order of the store or of [`Source::with_levels`]. Numbers keep the units of the store.
///
/// `total_precipitation_6hr` is offered where a store has only hourly `total_precipitation`: the sum of the
/// six hours that end at the time.
pub struct Source {
    reader: Reader,
    timeline: Timeline,
    /// Six-hour sums and the hourly ones that they are made of.
    sums: Vec<(Variable, Variable)>,
    variables: Vec<Variable>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path())
            .field("n_times", &self.times().len())
            .field("levels", &self.levels())
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a store with the default options.
    ///
    /// # Errors
    /// See [`Source::open_with`].
    pub fn open(path_or_url: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path_or_url, SourceOptions::default())
    }

    /// Opens a store: a directory or file, or a URL (`http`, `https`, `gs`, `s3`, `file`).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Remote`] if a server cannot be reached or refuses, [`Error::UnknownFormat`],
    /// [`Error::Malformed`] if metadata or coordinates cannot be read, [`Error::MissingTime`] if there is no
    /// such initialisation, or [`Error::Grid`].
    pub fn open_with(path_or_url: impl AsRef<Path>, options: SourceOptions) -> Result<Self> {
        let store = open::open_store(path_or_url.as_ref(), &options)?;
        Self::from_store(store, options)
    }

    fn from_store(store: Box<dyn Store>, options: SourceOptions) -> Result<Self> {
        let mut layout = Layout::new(store.as_ref())?;
        leave_out_climatologies(store.path(), &mut layout)?;
        check_batch(store.path(), layout.n_batch, options.batch)?;
        let timeline = Timeline::new(store.as_ref(), &layout, &options)?;
        layout.check(store.as_ref(), |role| timeline.length(role))?;
        let sums = accumulate::available(&layout, &timeline);
        let stored = layout.variables.keys();
        let mut variables: Vec<_> = stored
            .chain(sums.iter().map(|(sum, _)| sum))
            .cloned()
            .collect();
        variables.sort();
        Ok(Self {
            reader: Reader::new(store, layout, options),
            timeline,
            sums,
            variables,
        })
    }

    /// Restricts the source to some pressure levels in hPa, in this order; others are not read any more.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the store does not have a level.
    pub fn with_levels(mut self, levels: &[u32]) -> Result<Self> {
        self.reader.set_levels(levels)?;
        Ok(self)
    }

    /// Where the store is: a path, or a URL without credentials and query.
    pub fn path(&self) -> &Path {
        self.reader.path()
    }

    /// The grid of all fields, latitudes from south to north, longitudes from 0 eastwards.
    pub fn grid(&self) -> &LatLonGrid {
        &self.reader.layout.axes.grid
    }

    /// Whether the store itself has latitudes from north to south.
    pub fn is_flipped(&self) -> bool {
        self.reader.layout.axes.flip
    }

    /// The times of the states, ascending: those of the store that
    /// [`step_hours`](SourceOptions::step_hours) and the store's own `valid_time_start` and `valid_time_stop` leave.
    pub fn times(&self) -> &[Time] {
        self.timeline.offered()
    }

    /// The initialisations of a store of forecasts, ascending; empty for other stores.
    pub fn inits(&self) -> &[Time] {
        self.timeline.inits()
    }

    /// Whether the store has only durations, and its times therefore count from 1970-01-01T00.
    pub fn is_relative(&self) -> bool {
        self.timeline.is_relative()
    }

    /// Length of the `batch` dimension, 1 if there is none.
    pub fn n_batch(&self) -> usize {
        self.reader.layout.n_batch
    }

    /// The pressure levels of atmospheric fields in hPa, in the order of the fields' first axis.
    pub fn levels(&self) -> &[u32] {
        self.reader.levels()
    }

    /// The variables, sorted by name.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether the store has a variable, or what it can be summed from.
    pub fn has(&self, variable: &Variable) -> bool {
        self.variables.binary_search(variable).is_ok()
    }

    /// The name of the array that a variable is read from, such as `t2m` for `2m_temperature`.
    pub fn stored_name(&self, variable: &Variable) -> Option<&str> {
        let part = self.part(variable).unwrap_or(variable);
        Some(&self.reader.layout.variables.get(part)?.name)
    }

    /// The attribute `units` of the array that a variable is read from.
    pub fn units(&self, variable: &Variable) -> Option<&str> {
        let name = self.stored_name(variable)?;
        self.reader.store.arrays().get(name)?.text("units")
    }

    /// The attributes of the store, a JSON object.
    pub fn attributes(&self) -> &serde_json::Value {
        self.reader.store.attributes()
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
    /// rule, or [`Error::Malformed`] if data cannot be read, if a chunk is missing, or if the hours of a
    /// six-hour sum are not all there.
    pub fn state_of(&self, time: Time, variables: &[Variable]) -> Result<State> {
        self.index_of(time)?;
        let fields = self
            .reader
            .each(variables, |variable| self.field(variable, time))?;
        let mut state = State::new(time);
        for (variable, field) in variables.iter().zip(fields) {
            state.insert(variable.clone(), field);
        }
        Ok(state)
    }

    /// Reads states ahead on a thread of its own, in the order of `times`, while the caller works on earlier ones.
    ///
    /// At most `depth` states (at least one) are read ahead. The iterator ends after the last time or the first
    /// error; dropping it stops the thread after the state that it is reading.
    pub fn prefetch(
        self: &Arc<Self>,
        times: Vec<Time>,
        variables: Vec<Variable>,
        depth: usize,
    ) -> Prefetch {
        Prefetch::start(Arc::clone(self), times, variables, depth)
    }

    /// The hourly part of a six-hour sum.
    fn part(&self, variable: &Variable) -> Option<&Variable> {
        let pair = self.sums.iter().find(|(sum, _)| sum == variable)?;
        Some(&pair.1)
    }

    fn field(&self, variable: &Variable, time: Time) -> Result<Field> {
        let field = self.unfilled_at(variable, time)?;
        self.reader.filled(variable, time, field)
    }

    fn unfilled_at(&self, variable: &Variable, time: Time) -> Result<Field> {
        let field = match self.part(variable) {
            Some(part) => self.sum(variable, part, time),
            None => self.stored_field(variable, time),
        };
        field.map_err(|error| at(error, time))
    }

    /// The sum over the hours that end at a time.
    fn sum(&self, sum: &Variable, part: &Variable, time: Time) -> Result<Field> {
        let mut total: Option<Field> = None;
        for hour in accumulate::hours_to(time) {
            if self.timeline.stored_index(hour).is_none() {
                let message = format!(
                    "expected hourly `{part}` for the six hours that end at {time}, found none for {hour}\nhint: begin six hours after the first time of the store"
                );
                return Err(Error::malformed(self.path(), sum.name(), message));
            }
            let field = self.stored_field(part, hour)?;
            match &mut total {
                None => total = Some(field),
                Some(total) => total.data += &field.data,
            }
        }
        total.ok_or_else(|| Error::malformed(self.path(), sum.name(), "expected hours, found none"))
    }

    fn stored_field(&self, variable: &Variable, time: Time) -> Result<Field> {
        let index = |role: &Role| {
            if let Role::SlowTime(name) = role {
                return self.reader.slow_index(variable, name, time);
            }
            let stored = self.timeline.stored_index(time);
            let index = stored.and_then(|stored| self.timeline.index(role, stored));
            index.ok_or_else(|| {
                timeline::missing_time(self.reader.store.as_ref(), self.times(), time)
            })
        };
        self.reader.field(variable, &self.variables, &index)
    }
}
