//! Weather made of formulas, for trying a model of any size without any data.
//!
//! Nothing here is a solution of the equations of motion. The fields have the units, the magnitudes, the dependence on
//! latitude, height and time of day, and the smoothness of real ones, so that features are of order one after
//! normalisation and the checks of inputs have nothing to say.

mod ground;

use std::sync::LazyLock;

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3};
use rayon::prelude::*;

use crate::derived::STANDARD_GRAVITY;
use crate::{Result, STEP_HOURS, Source, Statistics, Task, Time, Variable, compute_statistics};

/// Where the phases of all waves are zero, 2022-11-08T00.
pub(crate) const EPOCH: Time = Time(1_667_865_600);

/// What there are formulas for.
pub(crate) const VARIABLES: [Variable; 16] = [
    Variable::GEOPOTENTIAL,
    Variable::TEMPERATURE,
    Variable::U_WIND,
    Variable::V_WIND,
    Variable::VERTICAL_VELOCITY,
    Variable::SPECIFIC_HUMIDITY,
    Variable::TEMPERATURE_2M,
    Variable::U_WIND_10M,
    Variable::V_WIND_10M,
    Variable::MEAN_SEA_LEVEL_PRESSURE,
    Variable::SURFACE_PRESSURE,
    Variable::TOTAL_PRECIPITATION_6HR,
    Variable::SEA_SURFACE_TEMPERATURE,
    Variable::SEA_ICE_COVER,
    Variable::GEOPOTENTIAL_AT_SURFACE,
    Variable::LAND_SEA_MASK,
];

impl Statistics {
    /// The statistics of [`Source::synthetic`] and of the forcings that are derived from dates, for a task.
    ///
    /// Means and deviations over four seasons, and the deviation of the change over 6 hours in each, on 3 degrees: the
    /// fields are so smooth that other grids have the same.
    ///
    /// # Errors
    /// [`Error::InvalidTask`](crate::Error::InvalidTask), or
    /// [`Error::MissingInputs`](crate::Error::MissingInputs) with the variables that there is no formula for.
    pub fn synthetic(task: &Task) -> Result<Self> {
        const HOURS_PER_SEASON: i64 = 365 * 6;
        let times: Vec<Time> = (0..4)
            .map(|season| EPOCH.plus_hours(season * HOURS_PER_SEASON))
            .flat_map(|time| [time, time.plus_hours(STEP_HOURS)])
            .collect();
        let grid = LatLonGrid::with_poles(3.0)
            .unwrap_or_else(|_| unreachable!("3 degrees divide 180 degrees"));
        let source = Source::synthetic(grid, &task.pressure_levels, &times)?;
        compute_statistics(&source, task, &times, |_| ())
    }
}

/// Latitudes and longitudes on which formulas are evaluated.
pub(crate) struct World {
    lat: Vec<f64>,
    lon: Vec<f64>,
}

/// A pressure level, with what is computed once for it.
struct Level {
    /// In m, from the pressure by a scale height of 7 km; 0 for fields without levels.
    height: f64,
    /// Share of the surface's vapour.
    vapour: f64,
    /// How much of the ground is felt.
    near_ground: f64,
    /// Strength of the jet.
    jet: f64,
    /// Strength of vertical motion: none at the top and little at the ground.
    lift: f64,
}

/// A place, with waves that travel.
struct Point<'a> {
    row: usize,
    column: usize,
    sin: f64,
    cos: f64,
    waves: &'a [Wave],
}

/// sin(n (longitude - 50 sin(latitude) - speed t)): tilted, so that north and south differ.
///
/// Rows and columns enter as a sum, so that a product of tables gives every point.
struct Wave {
    rows: Vec<(f64, f64)>,
    columns: Vec<(f64, f64)>,
}

/// Number and speed in degrees per hour; [`Point::wave`] counts in this order.
const WAVES: [(f64, f64); 5] = [(1.0, 0.2), (3.0, 0.9), (4.0, 0.5), (5.0, 0.7), (6.0, 1.5)];

impl World {
    /// From degrees.
    pub(crate) fn new(lat: Vec<f64>, lon: Vec<f64>) -> Self {
        Self { lat, lon }
    }

    /// `[level (1 if none), lat, lon]` in SI units; `None` for a variable without a formula.
    pub(crate) fn field(
        &self,
        name: &str,
        pressures: Option<&[u32]>,
        time: Time,
    ) -> Option<Array3<f32>> {
        let hours = time.hours_since(EPOCH) as f64;
        let levels: Vec<Level> = match pressures {
            Some(pressures) => pressures
                .iter()
                .map(|&p| Level::new(f64::from(p)))
                .collect(),
            None => vec![Level::new(1000.0)],
        };
        Some(match name {
            "geopotential" => self.fill(&levels, hours, |level, p| {
                let thickness = 1.02 - 0.12 * p.sin * p.sin + 0.02 * p.sin;
                STANDARD_GRAVITY * (level.height * thickness + 60.0 * p.storms())
            }),
            "temperature" => self.fill(&levels, hours, |level, p| {
                let troposphere = p.warmth() - 0.0062 * level.height;
                troposphere.max(200.0 + 12.0 * p.cos) + 2.0 * p.storms()
            }),
            "u_component_of_wind" => self.fill(&levels, hours, |level, p| {
                50.0 * level.jet * (p.sin * p.cos).abs() + 8.0 * p.storms()
            }),
            "v_component_of_wind" => self.fill(&levels, hours, |_, p| {
                8.0 * p.cos * p.wave(1) + 3.0 * p.wave(2) * p.sin
            }),
            "vertical_velocity" => {
                self.fill(&levels, hours, |level, p| level.lift * p.cos * p.wave(4))
            }
            "specific_humidity" => self.humidity(&levels, hours),
            _ => self.surface_field(name, &levels, hours)?,
        })
    }

    fn surface_field(&self, name: &str, levels: &[Level], hours: f64) -> Option<Array3<f32>> {
        let fill = |formula: &(dyn Fn(&Point) -> f64 + Sync)| {
            self.fill(levels, hours, |_, point| formula(point))
        };
        // Only a few variables need them.
        let land = LazyLock::new(|| self.plane(ground::land));
        let height = LazyLock::new(|| self.plane(ground::height));
        let land = |p: &Point| land[[p.row, p.column]];
        let height = |p: &Point| height[[p.row, p.column]];
        Some(match name {
            "geopotential_at_surface" => fill(&|p| STANDARD_GRAVITY * height(p)),
            "land_sea_mask" => fill(&land),
            // Warmest two hours after noon.
            "2m_temperature" => fill(&|p| {
                let hour_angle = (self.lon[p.column] + 15.0 * (hours - 14.0)).to_radians();
                let day = 4.0 * land(p) * hour_angle.cos() * p.cos;
                p.warmth() - 0.0065 * height(p) + day + p.storms()
            }),
            "mean_sea_level_pressure" => {
                fill(&|p| 101_200.0 - 900.0 * p.sin * p.sin + 900.0 * p.storms())
            }
            "surface_pressure" => {
                fill(&|p| 101_200.0 * (-height(p) / 8000.0).exp() + 900.0 * p.storms())
            }
            // -cos(3 latitude): trades, westerlies and polar easterlies.
            "10m_u_component_of_wind" => {
                fill(&|p| 8.0 * p.cos * (3.0 - 4.0 * p.cos * p.cos) + 4.0 * p.storms())
            }
            "10m_v_component_of_wind" => fill(&|p| 5.0 * p.cos * p.wave(1)),
            "total_precipitation_6hr" => {
                fill(&|p| 0.002 * (p.cos * p.cos * (1.0 + p.storms())).max(0.0).powi(3))
            }
            "sea_surface_temperature" => fill(&|p| 272.0 + 29.0 * p.cos * p.cos),
            "sea_ice_cover" => fill(&|p| ((0.34 - p.cos) / 0.1).clamp(0.0, 1.0)),
            _ => return None,
        })
    }

    /// Drier over land, near the ground.
    fn humidity(&self, levels: &[Level], hours: f64) -> Array3<f32> {
        let land = self.plane(ground::land);
        self.fill(levels, hours, |level, p| {
            let dry = 1.0 - 0.5 * land[[p.row, p.column]] * level.near_ground;
            0.016 * level.vapour * p.cos * p.cos * dry * (1.0 + 0.1 * p.storms()) + 2e-6
        })
    }

    /// A formula of latitude and longitude in degrees on every point.
    fn plane(&self, formula: fn(f64, f64) -> f64) -> Array2<f64> {
        let shape = (self.lat.len(), self.lon.len());
        Array2::from_shape_fn(shape, |(i, j)| formula(self.lat[i], self.lon[j]))
    }

    fn fill(
        &self,
        levels: &[Level],
        hours: f64,
        formula: impl Fn(&Level, &Point) -> f64 + Sync,
    ) -> Array3<f32> {
        let (n_lat, n_lon) = (self.lat.len(), self.lon.len());
        let waves = WAVES.map(|(number, speed)| Wave::new(self, number, speed * hours));
        let mut data = Array3::zeros((levels.len(), n_lat, n_lon));
        let mut rows: Vec<_> = data.rows_mut().into_iter().collect();
        rows.par_iter_mut().enumerate().for_each(|(index, values)| {
            let (level, row) = (&levels[index / n_lat], index % n_lat);
            let (sin, cos) = self.lat[row].to_radians().sin_cos();
            for (column, value) in values.iter_mut().enumerate() {
                let point = Point {
                    row,
                    column,
                    sin,
                    cos,
                    waves: &waves,
                };
                *value = formula(level, &point) as f32;
            }
        });
        data
    }
}

impl Level {
    fn new(pressure: f64) -> Self {
        let height = 7000.0 * (1000.0 / pressure).ln();
        let from_tropopause = (height - 11_000.0) / 6000.0;
        Self {
            height,
            vapour: (-height / 2200.0).exp(),
            near_ground: (-height / 1500.0).exp(),
            jet: 0.3 + (-from_tropopause * from_tropopause).exp(),
            lift: 0.2 * (pressure / 1050.0 * std::f64::consts::PI).sin().max(0.0),
        }
    }
}

impl Point<'_> {
    fn wave(&self, index: usize) -> f64 {
        let wave = &self.waves[index];
        let ((sin, cos), (column_sin, column_cos)) =
            (wave.rows[self.row], wave.columns[self.column]);
        sin * column_cos + cos * column_sin
    }

    /// Highs and lows, nothing at the poles.
    fn storms(&self) -> f64 {
        let waves = self.wave(1) + 0.7 * self.wave(3) * self.sin + 0.5 * self.wave(0);
        self.cos * self.cos * waves
    }

    /// Temperature at the ground in K.
    fn warmth(&self) -> f64 {
        301.0 - 42.0 * self.sin * self.sin + 6.0 * self.sin
    }
}

impl Wave {
    /// At a distance in degrees that it has travelled.
    fn new(world: &World, number: f64, travelled: f64) -> Self {
        let table = |axis: &[f64], phase: &dyn Fn(f64) -> f64| {
            axis.iter()
                .map(|&x| (number * phase(x)).to_radians().sin_cos())
                .collect()
        };
        Self {
            rows: table(&world.lat, &|lat| {
                -50.0 * lat.to_radians().sin() - travelled
            }),
            columns: table(&world.lon, &|lon| lon),
        }
    }
}
