//! Small forecasts with every kind of variable.

use std::path::Path;

use dropsonde_fields::{
    Error, Field, ForecastHeader, ForecastLayout, ForecastWriter, State, Time, Variable,
};
use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3};

/// Names of both formats.
pub(crate) const FORMATS: [&str; 2] = ["forecast.nc", "forecast.zarr"];

pub(crate) fn init() -> Time {
    "2022-11-08T00".parse().unwrap()
}

/// A small state with every kind of variable, different at each time and on each call with another seed.
pub(crate) fn state(grid: &LatLonGrid, time: Time, seed: u32) -> State {
    let hash = |k: usize, i: usize, j: usize| {
        let mixed = (k as u32 * 7919 + i as u32 * 104_729 + j as u32 * 31 + seed) ^ time.0 as u32;
        (mixed.wrapping_mul(2_654_435_761) >> 8) as f32 * 1e-3 - 4000.0
    };
    let (n_lat, n_lon) = (grid.n_lat(), grid.n_lon());
    let plane = |k| Array2::from_shape_fn((n_lat, n_lon), |(i, j)| hash(k, i, j));
    let mut state = State::new(time);
    for (offset, variable) in [Variable::TEMPERATURE, Variable::GEOPOTENTIAL]
        .into_iter()
        .enumerate()
    {
        let data =
            Array3::from_shape_fn((3, n_lat, n_lon), |(k, i, j)| hash(k + 10 * offset, i, j));
        let field = Field::on_levels(vec![500, 850, 1000], data).unwrap();
        state.insert(variable, field);
    }
    state.insert(Variable::TEMPERATURE_2M, Field::surface(plane(90)));
    state.insert(Variable::new("my_field"), Field::surface(plane(91)));
    let mask = Array2::from_shape_fn((n_lat, n_lon), |(i, j)| ((i + j) % 2) as f32);
    state.insert(Variable::LAND_SEA_MASK, Field::surface(mask));
    state
}

pub(crate) fn grid() -> LatLonGrid {
    LatLonGrid::with_poles(45.0).unwrap()
}

pub(crate) fn header(n_batch: i64, n_steps: usize) -> ForecastHeader {
    ForecastHeader {
        inits: (0..n_batch).map(|b| init().plus_hours(24 * b)).collect(),
        ..ForecastHeader::new(init(), n_steps)
    }
}

pub(crate) fn forecast(header: &ForecastHeader, grid: &LatLonGrid) -> Vec<Vec<State>> {
    let at = |step: usize, seed: usize, init: &Time| {
        let lead = i64::from(header.step_hours) * (step as i64 + 1);
        state(grid, init.plus_hours(lead), seed as u32)
    };
    let batch = |step| {
        let inits = header.inits.iter().enumerate();
        inits.map(|(seed, init)| at(step, seed, init)).collect()
    };
    (0..header.n_steps).map(batch).collect()
}

pub(crate) fn write(
    path: &Path,
    layout: ForecastLayout,
    header: &ForecastHeader,
    steps: &[Vec<State>],
) -> Result<(), Error> {
    let mut writer = ForecastWriter::create(path, layout, &grid(), header, &steps[0][0])?;
    for states in steps {
        writer.append(&states.iter().collect::<Vec<_>>())?;
        assert!(!path.exists() || header.overwrite);
    }
    writer.finish()
}
