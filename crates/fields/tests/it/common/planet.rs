//! The synthetic weather as a Zarr directory: something that the checks of inputs accept, to be spoilt.

use std::collections::BTreeMap;
use std::path::Path;

use dropsonde_fields::{STEP_HOURS, Source, SourceOptions, Task, Time, Variable, derive_forcings};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array3;
use serde_json::json;

/// Levels of the store in hPa; those of [`task`] are among them.
pub(crate) const LEVELS: [u32; 7] = [100, 200, 300, 500, 700, 850, 1000];

/// 2022-11-08T00.
pub(crate) const INIT: Time = Time(1_667_865_600);

/// GraphCast's task on six of the levels.
pub(crate) fn task() -> Task {
    Task {
        pressure_levels: vec![100, 200, 300, 500, 850, 1000],
        ..Task::graphcast_13()
    }
}

/// One array: its dimensions without `latitude` and `longitude`, its units and its values.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) units: Option<String>,
    pub(crate) on_levels: bool,
    /// One entry per time, or a single one for a static field; each `[level, lat, lon]`.
    pub(crate) frames: Vec<Array3<f32>>,
    pub(crate) is_static: bool,
}

/// A store in memory.
#[derive(Clone)]
pub(crate) struct Planet {
    pub(crate) grid: LatLonGrid,
    pub(crate) times: Vec<Time>,
    pub(crate) arrays: BTreeMap<String, Array>,
}

impl Planet {
    /// Three times, 6 hours apart, around [`INIT`], on a 5-degree grid with poles.
    pub(crate) fn new() -> Self {
        let grid = LatLonGrid::with_poles(5.0).unwrap();
        let times = [-1, 0, 1].map(|step| INIT.plus_hours(step * STEP_HOURS));
        let mut planet = Self {
            grid,
            times: times.to_vec(),
            arrays: BTreeMap::new(),
        };
        for variable in task().variables() {
            if !variable.is_derived_forcing() {
                planet.add(&variable);
            }
        }
        planet
    }

    /// Adds a variable of the synthetic weather.
    pub(crate) fn add(&mut self, variable: &Variable) {
        let is_static = variable.is_static();
        let times = if is_static {
            &self.times[..1]
        } else {
            &self.times
        };
        let source = Source::synthetic(self.grid.clone(), &LEVELS, times).unwrap();
        let frame = |&time: &Time| source.unfilled(variable, time).unwrap().data;
        let array = Array {
            units: variable.units().map(str::to_owned),
            on_levels: variable.is_atmospheric(),
            frames: times.iter().map(frame).collect(),
            is_static,
        };
        self.arrays.insert(variable.name().to_owned(), array);
    }

    /// Adds a forcing that is derived from the date `hours` later.
    pub(crate) fn add_forcing(&mut self, variable: &Variable, hours: i64) {
        let frame = |time: &Time| {
            let wanted = std::slice::from_ref(variable);
            let time = time.plus_hours(hours);
            derive_forcings(&self.grid, time, wanted)[variable]
                .data
                .clone()
        };
        let array = Array {
            units: variable.units().map(str::to_owned),
            on_levels: false,
            frames: self.times.iter().map(frame).collect(),
            is_static: false,
        };
        self.arrays.insert(variable.name().to_owned(), array);
    }

    pub(crate) fn array(&mut self, variable: &Variable) -> &mut Array {
        self.arrays.get_mut(variable.name()).unwrap()
    }

    /// Changes every value of a variable.
    pub(crate) fn map(&mut self, variable: &Variable, f: impl Fn(f32) -> f32) {
        for frame in &mut self.array(variable).frames {
            frame.mapv_inplace(&f);
        }
    }

    /// Changes every plane of every array that depends on time, at one time.
    pub(crate) fn turn(&mut self, time: usize, flip: bool, roll: bool) {
        for array in self.arrays.values_mut().filter(|array| !array.is_static) {
            turn(&mut array.frames[time], flip, roll);
        }
    }

    /// Changes every plane of the static arrays.
    pub(crate) fn turn_statics(&mut self, flip: bool, roll: bool) {
        for array in self.arrays.values_mut().filter(|array| array.is_static) {
            turn(&mut array.frames[0], flip, roll);
        }
    }

    /// Writes a Zarr v3 directory and opens it.
    pub(crate) fn open(&self, path: &Path) -> Source {
        self.write(path);
        Source::open_with(path, SourceOptions::default()).unwrap()
    }

    pub(crate) fn write(&self, path: &Path) {
        std::fs::create_dir_all(path).unwrap();
        let group = json!({"zarr_format": 3, "node_type": "group", "attributes": {}});
        std::fs::write(path.join("zarr.json"), group.to_string()).unwrap();
        let hours: Vec<f32> = self
            .times
            .iter()
            .map(|time| time.hours_since(Time(0)) as f32)
            .collect();
        let axis = |name: &str, units: &str, values: &[f32]| {
            let attributes = json!({"units": units});
            array(path, name, &[name], &[values.len()], attributes, values);
        };
        axis("time", "hours since 1970-01-01", &hours);
        axis("level", "hPa", &LEVELS.map(|level| level as f32));
        axis("latitude", "degrees_north", self.grid.lat());
        axis("longitude", "degrees_east", self.grid.lon());
        for (name, field) in &self.arrays {
            let mut dims = vec!["latitude", "longitude"];
            let mut shape = vec![self.grid.n_lat(), self.grid.n_lon()];
            if field.on_levels {
                dims.insert(0, "level");
                shape.insert(0, LEVELS.len());
            }
            if !field.is_static {
                dims.insert(0, "time");
                shape.insert(0, self.times.len());
            }
            let attributes = match &field.units {
                Some(units) => json!({"units": units}),
                None => json!({}),
            };
            let values: Vec<f32> = field.frames.iter().flatten().copied().collect();
            array(path, name, &dims, &shape, attributes, &values);
        }
    }
}

/// Turns every plane of `[level, lat, lon]`.
pub(crate) fn turn(frame: &mut Array3<f32>, flip: bool, roll: bool) {
    let (_, n_lat, n_lon) = frame.dim();
    let before = frame.clone();
    for ((k, i, j), value) in frame.indexed_iter_mut() {
        let row = if flip { n_lat - 1 - i } else { i };
        let column = if roll { (j + n_lon / 2) % n_lon } else { j };
        *value = before[[k, row, column]];
    }
}

/// Writes an array as one uncompressed chunk.
fn array(
    path: &Path,
    name: &str,
    dims: &[&str],
    shape: &[usize],
    attributes: serde_json::Value,
    values: &[f32],
) {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}");
    let metadata = json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN",
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": attributes,
        "dimension_names": dims,
    });
    let directory = path.join(name);
    let chunk = shape
        .iter()
        .fold(directory.join("c"), |path, _| path.join("0"));
    std::fs::create_dir_all(chunk.parent().unwrap()).unwrap();
    std::fs::write(directory.join("zarr.json"), metadata.to_string()).unwrap();
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(chunk, bytes).unwrap();
}
