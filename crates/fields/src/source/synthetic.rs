//! Weather made of formulas behind the same door as that of files.

use std::collections::BTreeMap;
use std::path::Path;

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array1, ArrayD, Axis};
use serde_json::{Map, Value, json};

use super::Source;
use super::options::SourceOptions;
use super::store::{ArrayInfo, Store, checked_shape};
use crate::synthetic::{self, World};
use crate::{Error, Result, Time};

const COORDINATES: [(&str, &str); 4] = [
    ("time", "seconds since 1970-01-01"),
    ("level", "hPa"),
    ("latitude", "degrees_north"),
    ("longitude", "degrees_east"),
];

/// Fields that are computed when they are read.
struct SyntheticStore {
    grid: LatLonGrid,
    levels: Vec<u32>,
    times: Vec<Time>,
    attributes: Value,
    infos: BTreeMap<String, ArrayInfo>,
}

impl Source {
    /// Weather made of formulas: smooth, physically plausible, in SI units, and the same in every run.
    ///
    /// A westerly jet in either hemisphere with waves that travel east, temperature and humidity by latitude and
    /// height, mountains and continents roughly where the Earth has them. It offers every variable of the published
    /// tasks but the derived forcings, and surface pressure, sea surface temperature and sea ice. Fields are computed
    /// when they are read, so that nothing is kept. [`Statistics::synthetic`](crate::Statistics::synthetic) fit to it.
    ///
    /// ```
    /// use dropsonde_fields::{Source, Task, TaskInputs, Time};
    ///
    /// let (task, init): (_, Time) = (Task::graphcast_13(), "2022-01-01T06".parse()?);
    /// let grid = dropsonde_mesh::LatLonGrid::with_poles(10.0)?;
    /// let source = Source::synthetic(grid, &task.pressure_levels, &[init.plus_hours(-6), init])?;
    /// let (previous, current) = TaskInputs::new(task, source, None)?.initial_states(init)?;
    /// assert_eq!(current.time.hours_since(previous.time), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`] without times.
    pub fn synthetic(grid: LatLonGrid, levels: &[u32], times: &[Time]) -> Result<Self> {
        let mut times = times.to_vec();
        times.sort_unstable();
        times.dedup();
        let options = SourceOptions {
            step_hours: None,
            ..SourceOptions::default()
        };
        let mut store = SyntheticStore {
            grid,
            levels: levels.to_vec(),
            times,
            attributes: json!({ "source": "formulas" }),
            infos: BTreeMap::new(),
        };
        store.infos = store.infos();
        Self::from_store(Box::new(store), options)
    }
}

impl SyntheticStore {
    fn infos(&self) -> BTreeMap<String, ArrayInfo> {
        let length = |dim: &str| match dim {
            "time" => self.times.len(),
            "level" => self.levels.len(),
            "latitude" => self.grid.n_lat(),
            _ => self.grid.n_lon(),
        };
        let info = |dims: &[&str], units: Option<&str>| ArrayInfo {
            dims: dims.iter().map(|&dim| dim.to_owned()).collect(),
            shape: dims.iter().map(|&dim| length(dim)).collect(),
            attributes: Map::from_iter(units.map(|units| ("units".to_owned(), units.into()))),
        };
        let coordinates = COORDINATES
            .iter()
            .filter(|(name, _)| length(name) > 0)
            .map(|(name, units)| ((*name).to_owned(), info(&[name], Some(units))));
        let fields = synthetic::VARIABLES.iter().filter_map(|variable| {
            let dims: &[&str] = match (variable.is_atmospheric(), variable.is_static()) {
                (true, _) if self.levels.is_empty() => return None,
                (true, _) => &["time", "level", "latitude", "longitude"],
                (false, true) => &["latitude", "longitude"],
                (false, false) => &["time", "latitude", "longitude"],
            };
            Some((variable.name().to_owned(), info(dims, variable.units())))
        });
        coordinates.chain(fields).collect()
    }

    fn coordinate(&self, name: &str) -> Option<Vec<f64>> {
        let degrees = |axis: &[f32]| axis.iter().map(|&x| f64::from(x)).collect();
        Some(match name {
            "time" => self.times.iter().map(|t| t.0 as f64).collect(),
            "level" => self.levels.iter().map(|&l| f64::from(l)).collect(),
            "latitude" => degrees(self.grid.lat()),
            "longitude" => degrees(self.grid.lon()),
            _ => return None,
        })
    }
}

impl Store for SyntheticStore {
    fn path(&self) -> &Path {
        Path::new("synthetic weather")
    }

    fn arrays(&self) -> &BTreeMap<String, ArrayInfo> {
        &self.infos
    }

    fn attributes(&self) -> &Value {
        &self.attributes
    }

    fn read(&self, name: &str, picks: &[Vec<usize>]) -> Result<ArrayD<f32>> {
        let unknown = || Error::malformed(self.path(), name, "no such variable");
        let info = self.infos.get(name).ok_or_else(unknown)?;
        let shape = checked_shape(self, name, info, picks)?;
        if let Some(numbers) = self.coordinate(name) {
            let part = picks[0].iter().map(|&i| numbers[i] as f32).collect();
            return Ok(Array1::from_vec(part).into_dyn());
        }
        let pick = |dim: &str| {
            let axis = info.dims.iter().position(|d| d == dim)?;
            Some(&picks[axis])
        };
        let (Some(rows), Some(columns)) = (pick("latitude"), pick("longitude")) else {
            return Err(unknown());
        };
        let degrees = |axis: &[f32], indices: &[usize]| -> Vec<f64> {
            indices.iter().map(|&i| f64::from(axis[i])).collect()
        };
        let world = World::new(
            degrees(self.grid.lat(), rows),
            degrees(self.grid.lon(), columns),
        );
        let levels: Option<Vec<u32>> =
            pick("level").map(|pick| pick.iter().map(|&k| self.levels[k]).collect());
        let at = |time: Time| {
            world
                .field(name, levels.as_deref(), time)
                .ok_or_else(unknown)
        };
        // Statics have no time; the usual read of one time is handed on as it is.
        let data = match pick("time").map(Vec::as_slice) {
            None => at(synthetic::EPOCH)?.into_dyn(),
            Some([index]) => at(self.times[*index])?.into_dyn(),
            Some(indices) => {
                let fields = indices.iter().map(|&index| at(self.times[index]));
                let fields = fields.collect::<Result<Vec<_>>>()?;
                let views: Vec<_> = fields.iter().map(|field| field.view()).collect();
                ndarray::stack(Axis(0), &views)
                    .map_err(|e| Error::malformed(self.path(), name, e))?
                    .into_dyn()
            }
        };
        data.into_shape_with_order(shape)
            .map_err(|e| Error::malformed(self.path(), name, e))
    }

    fn read_all(&self, name: &str) -> Result<ArrayD<f64>> {
        match self.coordinate(name) {
            Some(numbers) => Ok(Array1::from_vec(numbers).into_dyn()),
            None => Err(Error::malformed(self.path(), name, "no such coordinate")),
        }
    }
}
