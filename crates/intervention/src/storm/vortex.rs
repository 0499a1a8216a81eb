//! Synthetic vortices for tests.

use dropsonde_fields::{Field, State, Time, Variable};
use dropsonde_mesh::{LatLonGrid, great_circle_km};
use ndarray::{Array2, Array3};

/// A circular storm: a Gaussian hole in the pressure, a warm core, a ring of wind, rain in the middle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vortex {
    pub(crate) place: (f64, f64),
    pub(crate) depth_pa: f64,
    pub(crate) width_km: f64,
    pub(crate) wind: f64,
    pub(crate) warm: f64,
}

impl Vortex {
    pub(crate) fn at(place: (f64, f64)) -> Self {
        Self {
            place,
            depth_pa: 2000.0,
            width_km: 400.0,
            wind: 25.0,
            warm: 4.0,
        }
    }

    /// Adds the storm to the fields of a state; the wind blows eastward everywhere.
    pub(crate) fn add_to(&self, state: &mut State, grid: &LatLonGrid) {
        let n_lon = grid.n_lon();
        let ratio = |i: usize, j: usize| {
            let (lat, lon) = grid.position(i * n_lon + j);
            great_circle_km(self.place, (lat.into(), lon.into())) / self.width_km
        };
        let hole = |r: f64| (-r * r).exp();
        // The highest wind is at r = 1 / sqrt(2).
        let ring = |r: f64| r * hole(r) * (2.0_f64 * std::f64::consts::E).sqrt();
        let mut add = |variable: &Variable, shape: &dyn Fn(f64) -> f64| {
            if let Some(field) = state.fields.get_mut(variable) {
                for ((_, i, j), x) in field.data.indexed_iter_mut() {
                    *x += shape(ratio(i, j)) as f32;
                }
            }
        };
        add(&Variable::MEAN_SEA_LEVEL_PRESSURE, &|r| {
            -self.depth_pa * hole(r)
        });
        add(&Variable::U_WIND_10M, &|r| self.wind * ring(r));
        add(&Variable::TEMPERATURE, &|r| self.warm * hole(r));
        add(&Variable::TOTAL_PRECIPITATION_6HR, &|r| 0.03 * hole(r));
    }
}

/// A calm state: 1010 hPa with a weak slope, 250 K, no wind.
pub(crate) fn plain_state(grid: &LatLonGrid) -> State {
    let shape = (grid.n_lat(), grid.n_lon());
    let slope = |(i, _): (usize, usize)| 101_000.0 + 0.01 * grid.lat()[i];
    let mut state = State::new(Time(0));
    let zero = || Field::surface(Array2::zeros(shape));
    let pressure = Array2::from_shape_fn(shape, slope);
    state.insert(Variable::MEAN_SEA_LEVEL_PRESSURE, Field::surface(pressure));
    state.insert(Variable::U_WIND_10M, zero());
    state.insert(Variable::V_WIND_10M, zero());
    state.insert(Variable::TOTAL_PRECIPITATION_6HR, zero());
    let warm = Array3::from_elem((2, shape.0, shape.1), 250.0);
    let temperature = Field {
        levels: vec![300, 500],
        data: warm,
    };
    state.insert(Variable::TEMPERATURE, temperature);
    state
}
