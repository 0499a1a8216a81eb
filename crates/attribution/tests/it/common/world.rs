//! A made-up world: storms over a sea beside a continent, rain that drifts, and latents into which features for them
//! are planted. Used by the example and by the tests.

use std::path::Path;

use dropsonde_activations::{ActivationReader, ActivationWriter, Dtype, LatentsMeta, Record, Rng};
use dropsonde_attribution::{LabelConfig, StudyConfig, StudyInputs};
use dropsonde_fields::{Field, Source, State, StateWriter, Task, Time, Variable, day_progress};
use dropsonde_mesh::{Graph, GraphConfig, LatLonGrid, great_circle_km};
use dropsonde_sae::{Preprocessing, Sae, SaeConfig, SaeMeta};
use ndarray::{Array2, Array3};
use tch::Tensor;

pub(crate) type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// Numbers of the planted features.
pub(crate) const LOW: u32 = 3;
pub(crate) const LAND: u32 = 7;
pub(crate) const RAIN: u32 = 11;
pub(crate) const AFTERNOON: u32 = 15;
/// Channels of the latents and features of the dictionary.
pub(crate) const WIDTH: usize = 24;
/// Storms in each window.
pub(crate) const STORMS: usize = 3;

const LEVELS: [u32; 3] = [300, 500, 850];
const STATES_PER_WINDOW: i64 = 9;

/// All that a study needs.
pub(crate) struct World {
    pub(crate) graph: Graph,
    pub(crate) source: Source,
    pub(crate) latents: ActivationReader,
    pub(crate) sae: Sae,
    pub(crate) task: Task,
}

/// One uninterrupted stretch of time.
struct Window {
    split: &'static str,
    start: Time,
    /// Where each storm and each area of rain begins.
    storms: Vec<(f64, f64)>,
    rain: Vec<(f64, f64)>,
}

impl World {
    /// Writes states and latents into a directory and opens them.
    pub(crate) fn make(directory: &Path, seed: u64) -> AnyResult<Self> {
        let grid = LatLonGrid::with_poles(4.0)?;
        let graph = Graph::build(grid.clone(), &GraphConfig::new(3))?;
        let windows = windows(seed);
        write_states(&directory.join("states.zarr"), &grid, &windows)?;
        let sae = planted_autoencoder(seed)?;
        write_latents(
            &directory.join("latents.zarr"),
            &graph,
            &windows,
            &sae,
            seed,
        )?;
        Ok(Self {
            graph,
            source: Source::open(directory.join("states.zarr"))?,
            latents: ActivationReader::open(directory.join("latents.zarr"))?,
            sae,
            task: task(),
        })
    }

    pub(crate) fn inputs(&self) -> StudyInputs<'_> {
        StudyInputs {
            latents: &self.latents,
            sae: &self.sae,
            source: &self.source,
            task: &self.task,
            graph: &self.graph,
        }
    }
}

/// The mesh is coarse here (about 890 km), so a storm takes up more room.
pub(crate) fn config() -> StudyConfig {
    StudyConfig {
        resamples: 200,
        block_hours: 24,
        labels: LabelConfig {
            low_radius_km: 1000.0,
            ..LabelConfig::default()
        },
        ..StudyConfig::default()
    }
}

fn task() -> Task {
    let targets = vec![
        Variable::TEMPERATURE,
        Variable::U_WIND,
        Variable::V_WIND,
        Variable::SPECIFIC_HUMIDITY,
        Variable::MEAN_SEA_LEVEL_PRESSURE,
        Variable::U_WIND_10M,
        Variable::V_WIND_10M,
        Variable::TOTAL_PRECIPITATION_6HR,
    ];
    let forcings = vec![
        Variable::TOA_INCIDENT_SOLAR_RADIATION,
        Variable::DAY_PROGRESS_SIN,
        Variable::DAY_PROGRESS_COS,
        Variable::SEA_ICE_COVER,
    ];
    let mut inputs = [targets.clone(), forcings.clone()].concat();
    inputs.push(Variable::LAND_SEA_MASK);
    Task {
        input_variables: inputs,
        target_variables: targets,
        forcing_variables: forcings,
        pressure_levels: LEVELS.to_vec(),
        input_duration_hours: 12,
    }
}

/// Two windows for each split, far apart.
fn windows(seed: u64) -> Vec<Window> {
    let mut rng = Rng::new(seed);
    let splits = ["train", "select", "report", "train", "select", "report"];
    let mut place = |lat: std::ops::Range<f64>, lon: std::ops::Range<f64>| {
        let at = |r: &std::ops::Range<f64>, u: f64| r.start + u * (r.end - r.start);
        (at(&lat, rng.uniform()), at(&lon, rng.uniform()))
    };
    let mut window = |(i, split): (usize, &&'static str)| Window {
        split,
        start: Time((200 + 40 * i as i64) * 86_400),
        storms: (0..STORMS as i32)
            .map(|s| {
                let lon = 130.0 + 70.0 * f64::from(s);
                let (lat, lon) = place(8.0..18.0, lon..lon + 40.0);
                (if s == 1 { -lat } else { lat }, lon)
            })
            .collect(),
        rain: (0..8).map(|_| place(-60.0..60.0, 0.0..360.0)).collect(),
    };
    splits.iter().enumerate().map(&mut window).collect()
}

impl Window {
    /// Times of its states; the first one only serves as the earlier input frame.
    fn times(&self) -> Vec<Time> {
        (0..STATES_PER_WINDOW)
            .map(|k| self.start.plus_hours(6 * k))
            .collect()
    }

    /// Storms drift polewards and west, rain drifts east.
    fn storms_at(&self, time: Time) -> Vec<(f64, f64)> {
        let days = time.hours_since(self.start) as f64 / 24.0;
        self.storms
            .iter()
            .map(|s| (s.0 + 2.0 * days * s.0.signum(), s.1 - 3.0 * days))
            .collect()
    }

    fn rain_at(&self, time: Time, here: (f64, f64)) -> f64 {
        let days = time.hours_since(self.start) as f64 / 24.0;
        let areas = self
            .rain
            .iter()
            .map(|r| (r.0, (r.1 + 8.0 * days).rem_euclid(360.0)));
        areas.map(|area| bump(area, here, 1100.0)).sum()
    }

    fn storm_at(&self, time: Time, here: (f64, f64), radius: f64) -> f64 {
        self.storms_at(time)
            .into_iter()
            .map(|s| bump(s, here, radius))
            .sum()
    }
}

fn bump(centre: (f64, f64), here: (f64, f64), radius_km: f64) -> f64 {
    (-0.5 * (great_circle_km(centre, here) / radius_km).powi(2)).exp()
}

fn is_land(here: (f64, f64)) -> bool {
    here.1 < 70.0
}

fn state(grid: &LatLonGrid, window: &Window, time: Time) -> AnyResult<State> {
    let shape = (grid.n_lat(), grid.n_lon());
    let place = |i: usize, j: usize| (f64::from(grid.lat()[i]), f64::from(grid.lon()[j]));
    let plane = |f: &dyn Fn((f64, f64)) -> f64| {
        Array2::from_shape_fn(shape, |(i, j)| f(place(i, j)) as f32)
    };
    let radius = 300.0;
    let swirl = |here: (f64, f64)| {
        let mut wind = (0.0, 0.0);
        for storm in window.storms_at(time) {
            let strength = 60.0 * bump(storm, here, radius) * storm.0.signum() / radius;
            let east = ((here.1 - storm.1 + 540.0).rem_euclid(360.0) - 180.0) * 111.2;
            wind.0 -= strength * 111.2 * (here.0 - storm.0);
            wind.1 += strength * east * here.0.to_radians().cos();
        }
        wind
    };
    let mut state = State::new(time);
    let mut surface = |variable, plane| state.insert(variable, Field::surface(plane));
    let low = |here| window.storm_at(time, here, radius);
    surface(
        Variable::MEAN_SEA_LEVEL_PRESSURE,
        plane(&|h| 101_000.0 - 2500.0 * low(h)),
    );
    surface(Variable::U_WIND_10M, plane(&|h| swirl(h).0));
    surface(Variable::V_WIND_10M, plane(&|h| swirl(h).1));
    surface(
        Variable::LAND_SEA_MASK,
        plane(&|h| f64::from(u8::from(is_land(h)))),
    );
    surface(Variable::SEA_SURFACE_TEMPERATURE, plane(&|_| 301.0));
    surface(
        Variable::SEA_ICE_COVER,
        plane(&|h| if h.0 > 70.0 && !is_land(h) { 0.9 } else { 0.0 }),
    );
    surface(
        Variable::TOTAL_PRECIPITATION_6HR,
        plane(&|h| 0.02 * window.rain_at(time, h)),
    );
    let levels = |f: &dyn Fn((f64, f64)) -> f64| {
        let data = plane(f);
        let data = Array3::from_shape_fn((3, shape.0, shape.1), |(_, i, j)| data[[i, j]]);
        Field::on_levels(LEVELS.to_vec(), data)
    };
    state.insert(Variable::TEMPERATURE, levels(&|h| 250.0 + 5.0 * low(h))?);
    state.insert(Variable::U_WIND, levels(&|h| swirl(h).0)?);
    state.insert(Variable::V_WIND, levels(&|h| swirl(h).1)?);
    state.insert(
        Variable::SPECIFIC_HUMIDITY,
        levels(&|h| 0.004 * (1.0 + h.0.to_radians().cos()))?,
    );
    Ok(state)
}

fn write_states(path: &Path, grid: &LatLonGrid, windows: &[Window]) -> AnyResult<()> {
    let template = state(grid, &windows[0], windows[0].start)?;
    let mut writer = StateWriter::create(path, grid, &template, serde_json::Map::new())?;
    for window in windows {
        for time in window.times() {
            writer.append(&state(grid, window, time)?)?;
        }
    }
    Ok(writer.finish()?)
}

/// Orthonormal features that no single channel stands for.
fn planted_autoencoder(seed: u64) -> AnyResult<Sae> {
    let mut rng = Rng::from_stream(seed, &[1]);
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for _ in 0..WIDTH {
        let mut row: Vec<f32> = (0..WIDTH).map(|_| rng.normal()).collect();
        for other in &rows {
            let dot: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
        }
        let norm = row.iter().map(|a| a * a).sum::<f32>().sqrt();
        row.iter_mut().for_each(|a| *a /= norm);
        rows.push(row);
    }
    let matrix = Tensor::from_slice(&rows.concat()).view([WIDTH as i64, WIDTH as i64]);
    let mut config = SaeConfig::new(WIDTH, WIDTH, 8);
    config.preprocessing = Preprocessing::None;
    let bias = Tensor::zeros([WIDTH as i64], (tch::Kind::Float, tch::Device::Cpu));
    let tensors = [("w_enc", matrix.copy()), ("w_dec", matrix), ("b_dec", bias)];
    let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
    Ok(Sae::from_tensors(config, tensors, SaeMeta::default())?)
}

fn write_latents(
    path: &Path,
    graph: &Graph,
    windows: &[Window],
    sae: &Sae,
    seed: u64,
) -> AnyResult<()> {
    let mut rng = Rng::from_stream(seed, &[2]);
    let mut meta = LatentsMeta::new("processor/01", graph.mesh.n_nodes(), WIDTH);
    meta.dtype = Dtype::F32;
    let n_records = windows.len() * (STATES_PER_WINDOW as usize - 1);
    let mut writer = ActivationWriter::create(path, meta, n_records)?;
    for window in windows {
        for time in window.times().into_iter().skip(1) {
            let mut codes = Vec::new();
            for [lat, lon] in graph.mesh.lat_lon() {
                codes.extend(planted_codes(
                    window,
                    time,
                    (f64::from(lat), f64::from(lon)),
                    &mut rng,
                ));
            }
            let codes = Tensor::from_slice(&codes).view([-1, WIDTH as i64]);
            let x = codes.matmul(&sae.w_dec).contiguous().view(-1);
            let mut latents = vec![0.0; x.numel()];
            x.copy_data(&mut latents, x.numel());
            let mut record = Record::new(time.unix_seconds(), 0);
            record.split = Some(window.split.to_owned());
            writer.append(&record, &latents)?;
        }
    }
    writer.finish()?;
    Ok(())
}

/// The planted features, and noise on all others.
fn planted_codes(window: &Window, time: Time, here: (f64, f64), rng: &mut Rng) -> Vec<f32> {
    let mut codes: Vec<f32> = (0..WIDTH)
        .map(|_| {
            if rng.uniform() < 0.2 {
                rng.normal().abs()
            } else {
                0.0
            }
        })
        .collect();
    let noise = |rng: &mut Rng| 0.05 * rng.normal().abs();
    let hour = 24.0 * f64::from(day_progress(time, here.1 as f32));
    let afternoon = (std::f64::consts::TAU * (hour - 15.0) / 24.0).cos();
    codes[LOW as usize] = 3.0 * window.storm_at(time, here, 600.0) as f32 + noise(rng);
    codes[LAND as usize] = f32::from(u8::from(is_land(here))) + noise(rng);
    codes[RAIN as usize] = 2.0 * window.rain_at(time, here) as f32 + noise(rng);
    codes[AFTERNOON as usize] = afternoon.max(0.0) as f32 + noise(rng);
    codes
}
