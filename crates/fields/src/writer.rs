//! Writing states: one after another to a Zarr v3 directory, or a forecast to Zarr or NetCDF.

mod arrays;
mod attributes;
mod classic;
mod forecast;
mod part;
mod plan;
mod sharded;
mod template;

use std::path::Path;

use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, Value};

use crate::{Result, State, Time, Variable};
use arrays::ZarrWriter;
pub(crate) use attributes::of_variable as attributes_of_variable;
pub use forecast::{ForecastHeader, ForecastLayout, ForecastWriter, forecast_bytes};
use part::Part;
pub(crate) use part::write_error;
use plan::{ArrayPlan, Coordinate, Dim, Numbers};
pub(crate) use sharded::{Sharded, ShardedStore};
use template::Template;

/// 1900-01-01T00, from which the hours of the time axis count.
pub(crate) const EPOCH: Time = Time(-2_208_988_800);

/// Writes states, one after another, to a new Zarr v3 directory.
///
/// One array per variable with dimensions `time`, `level`, `latitude`, `longitude` as they apply, zstd,
/// one chunk per time, and CF attributes; statics without `time`; CF time `hours since 1900-01-01`.
/// The number of states need not be known before; where it is, see [`ForecastWriter`].
/// The data are in `<path>.part` until [`StateWriter::finish`] gives the directory its name; a left-over
/// of an interrupted run there is replaced.
pub struct StateWriter {
    part: Part,
    zarr: ZarrWriter,
    template: Template,
    times: Vec<Time>,
}

impl StateWriter {
    /// Starts a store for states like `template` (same variables and levels), with attributes of the store
    /// such as `source`, a JSON object.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write) if the directory exists already or cannot be written, [`Error::LevelMismatch`](crate::Error::LevelMismatch) if
    /// fields of the template have different levels, [`Error::Shape`](crate::Error::Shape) if they are not on the grid,
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a variable with a name that cannot be written.
    pub fn create(
        path: impl AsRef<Path>,
        grid: &LatLonGrid,
        template: &State,
        attributes: Map<String, Value>,
    ) -> Result<Self> {
        let part = Part::new(path.as_ref(), false)?;
        let fields = Template::new(grid, template)?;
        let this = Self {
            zarr: ZarrWriter::create(part.part(), attributes::of_store(attributes))?,
            part,
            template: fields,
            times: Vec::new(),
        };
        this.write_coordinates()?;
        for (variable, field) in template.fields.iter().filter(|(v, _)| v.is_static()) {
            let plan = this.plan(variable, Vec::new());
            let array = this.zarr.array(&plan, 0)?;
            this.zarr.store_metadata(&array, &plan)?;
            this.zarr
                .store_chunk(&array, &plan, &[], field.data.view())?;
        }
        Ok(this)
    }

    /// Adds a state, later than all before.
    ///
    /// # Errors
    /// [`Error::MissingVariable`](crate::Error::MissingVariable), [`Error::LevelMismatch`](crate::Error::LevelMismatch) or [`Error::Shape`](crate::Error::Shape) if the state is not like
    /// the template, [`Error::Write`](crate::Error::Write) if its time is not later, not a whole hour, or nothing can be written.
    pub fn append(&mut self, state: &State) -> Result<()> {
        let whole_hour = state.time.unix_seconds() % 3600 == 0;
        if !whole_hour || self.times.last().is_some_and(|&last| last >= state.time) {
            return Err(self.part.failed(format!(
                "expected a whole hour after the last time, found {}",
                state.time
            )));
        }
        for variable in self.template.variables.keys() {
            self.template.check_field(variable, state.get(variable)?)?;
        }
        let time = self.times.len();
        for (variable, on_levels) in self.template.changing() {
            let plan = self.plan(variable, self.leading(time + 1, on_levels));
            let array = self.zarr.array(&plan, 1)?;
            let data = state.get(variable)?.data.view();
            self.zarr.store_chunk(&array, &plan, &[time], data)?;
        }
        self.times.push(state.time);
        Ok(())
    }

    /// Writes the time axis and gives the directory its name.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write).
    pub fn finish(self) -> Result<()> {
        let times = self.times.iter().map(|time| time.hours_since(EPOCH));
        let dims = vec![("time", self.times.len())];
        let numbers = Numbers::I64(times.collect());
        let time = Coordinate::new("time", dims, numbers, attributes::moments("time"));
        self.zarr.store_coordinate(&time)?;
        for (variable, on_levels) in self.template.changing() {
            let plan = self.plan(variable, self.leading(self.times.len(), on_levels));
            let array = self.zarr.array(&plan, 1)?;
            self.zarr.store_metadata(&array, &plan)?;
        }
        self.zarr.consolidate()?;
        self.part.commit()
    }

    /// The dimensions before latitude.
    fn leading(&self, n_times: usize, on_levels: bool) -> Vec<Dim> {
        let levels = on_levels.then_some(("level", self.template.levels.len()));
        [("time", n_times)].into_iter().chain(levels).collect()
    }

    fn plan(&self, variable: &Variable, mut dims: Vec<Dim>) -> ArrayPlan {
        dims.push(("latitude", self.template.grid.n_lat()));
        dims.push(("longitude", self.template.grid.n_lon()));
        ArrayPlan::field(variable.name(), dims, attributes::of_variable(variable))
    }

    fn write_coordinates(&self) -> Result<()> {
        for coordinate in grid_coordinates(&self.template.grid, ["latitude", "longitude"]) {
            self.zarr.store_coordinate(&coordinate)?;
        }
        if !self.template.levels.is_empty() {
            let levels = self.template.levels.iter().map(|&level| i64::from(level));
            let dims = vec![("level", self.template.levels.len())];
            let numbers = Numbers::I64(levels.collect());
            let level = Coordinate::new("level", dims, numbers, attributes::level());
            self.zarr.store_coordinate(&level)?;
        }
        Ok(())
    }
}

/// Latitude and longitude in degrees under the names given.
fn grid_coordinates(grid: &LatLonGrid, names: [&'static str; 2]) -> [Coordinate; 2] {
    let axis = |name, degrees: &[f32], attributes| {
        let dims = vec![(name, degrees.len())];
        Coordinate::new(name, dims, Numbers::F32(degrees.to_vec()), attributes)
    };
    [
        axis(names[0], grid.lat(), attributes::latitude()),
        axis(names[1], grid.lon(), attributes::longitude()),
    ]
}

/// Writes states in order to a new Zarr v3 directory; see [`StateWriter`].
///
/// # Errors
/// Those of [`StateWriter`]; [`Error::Write`](crate::Error::Write) if there are no states.
pub fn write_states(path: impl AsRef<Path>, grid: &LatLonGrid, states: &[State]) -> Result<()> {
    let path = path.as_ref();
    let Some(first) = states.first() else {
        let message = "expected at least one state, found none";
        return Err(part::write_error(path, message));
    };
    let mut writer = StateWriter::create(path, grid, first, Map::new())?;
    for state in states {
        writer.append(state)?;
    }
    writer.finish()
}
