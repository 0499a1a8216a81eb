//! An Earth made of formulas, as a Zarr directory: something that the checks of inputs accept, to be spoilt.

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

    /// Adds a variable by its formula.
    pub(crate) fn add(&mut self, variable: &Variable) {
        let is_static = variable.is_static();
        let times = if is_static {
            &self.times[..1]
        } else {
            &self.times
        };
        let levels: &[u32] = if variable.is_atmospheric() {
            &LEVELS
        } else {
            &[1000]
        };
        let (lat, lon) = (self.grid.lat(), self.grid.lon());
        let frame = |time: &Time| {
            let shape = (levels.len(), lat.len(), lon.len());
            let hours = time.hours_since(INIT) as f64;
            Array3::from_shape_fn(shape, |(k, i, j)| {
                let (lat, lon) = (f64::from(lat[i]), f64::from(lon[j]));
                formula(variable.name(), f64::from(levels[k]), lat, lon, hours) as f32
            })
        };
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

/// A bump of height 1 and this width in degrees.
fn bump(lat: f64, lon: f64, at: (f64, f64), width: f64) -> f64 {
    let d_lon = (lon - at.1 + 180.0).rem_euclid(360.0) - 180.0;
    let x = d_lon * lat.to_radians().cos();
    (-((lat - at.0).powi(2) + x * x) / (width * width)).exp()
}

/// Height of the ground in m: Himalaya, Rockies, Andes, Antarctica, Greenland, Africa.
fn height(lat: f64, lon: f64) -> f64 {
    4800.0 * bump(lat, lon, (33.0, 90.0), 12.0)
        + 2200.0 * bump(lat, lon, (42.0, 250.0), 11.0)
        + 3000.0 * bump(lat, lon, (-20.0, 292.0), 9.0)
        + 2600.0 / (1.0 + ((lat + 74.0) / 2.0).exp()) * (1.0 + 0.3 * lon.to_radians().sin())
        + 2300.0 * bump(lat, lon, (72.0, 320.0), 8.0)
        + 1000.0 * bump(lat, lon, (0.0, 30.0), 18.0)
}

fn land(lat: f64, lon: f64) -> f64 {
    let continents = bump(lat, lon, (50.0, 80.0), 35.0)
        + bump(lat, lon, (48.0, 260.0), 22.0)
        + bump(lat, lon, (-15.0, 300.0), 20.0)
        + bump(lat, lon, (5.0, 28.0), 30.0)
        + bump(lat, lon, (-25.0, 134.0), 15.0)
        + 1.5 / (1.0 + ((lat + 72.0) / 1.5).exp());
    if continents > 0.5 { 1.0 } else { 0.0 }
}

/// The value of a variable; waves move eastwards.
fn formula(name: &str, level: f64, lat: f64, lon: f64, hours: f64) -> f64 {
    let (sin, cos) = lat.to_radians().sin_cos();
    // Tilted, so that north and south differ.
    let wave =
        |number: f64, speed: f64| (number * (lon - 50.0 * sin - speed * hours).to_radians()).sin();
    let z = 7000.0 * (1000.0 / level).ln();
    let storms = cos * cos * (wave(3.0, 0.9) + 0.7 * wave(5.0, 0.7) * sin + 0.5 * wave(1.0, 0.2));
    match name {
        "geopotential_at_surface" => 9.80665 * height(lat, lon),
        "land_sea_mask" => land(lat, lon),
        "temperature" => {
            let ground = 301.0 - 42.0 * sin * sin + 6.0 * sin;
            (ground - 0.0062 * z + 2.0 * storms).max(200.0 + 12.0 * cos + 2.0 * storms)
        }
        "geopotential" => 9.80665 * (z * (1.02 - 0.12 * sin * sin + 0.02 * sin) + 60.0 * storms),
        "specific_humidity" => {
            let dry = 1.0 - 0.5 * land(lat, lon) * (-z / 1500.0).exp();
            0.016 * (-z / 2200.0).exp() * cos * cos * dry * (1.0 + 0.1 * storms) + 2e-6
        }
        "u_component_of_wind" => 25.0 * (2.0 * lat.to_radians()).sin().abs() + 8.0 * storms,
        "v_component_of_wind" => 8.0 * cos * wave(3.0, 0.9) + 3.0 * wave(4.0, 0.5) * sin,
        "vertical_velocity" => 0.2 * cos * wave(6.0, 1.5),
        "2m_temperature" => {
            let day = 4.0 * land(lat, lon) * (lon + 15.0 * hours).to_radians().cos() * cos;
            301.0 - 42.0 * sin * sin + 6.0 * sin - 0.0065 * height(lat, lon) + day + storms
        }
        "mean_sea_level_pressure" => 101_200.0 - 900.0 * sin * sin + 900.0 * storms,
        "surface_pressure" => 101_200.0 * (-height(lat, lon) / 8000.0).exp() + 900.0 * storms,
        "10m_u_component_of_wind" => 8.0 * (3.0 * lat.to_radians()).cos() + 4.0 * storms,
        "10m_v_component_of_wind" => 5.0 * cos * wave(3.0, 0.9),
        "total_precipitation_6hr" => 0.002 * (cos * cos * (1.0 + storms)).max(0.0).powi(3),
        "sea_surface_temperature" => 272.0 + 29.0 * cos * cos,
        other => panic!("no formula for {other}"),
    }
}
