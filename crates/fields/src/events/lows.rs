//! Finding tropical lows in one state.

use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

use super::tracks::link;
use super::{Disc, Track, TropicalLowConfig};
use crate::derived::{check_shape, mean_temperature, relative_vorticity, wind_speed};
use crate::{Result, State, Time, Variable};

/// A tropical low at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Low {
    /// Latitude in degrees north of the centre: the minimum of parabolas through the pressures of neighbouring nodes.
    pub lat: f64,
    /// Longitude in degrees east of the centre, from 0 up to 360.
    pub lon: f64,
    /// Sea-level pressure in Pa of the node with the lowest one.
    pub pressure_pa: f32,
    /// Mean pressure of the surroundings minus the lowest, in Pa.
    pub depth_pa: f32,
    /// Warmest column of the core minus the mean of the surroundings, in K.
    pub warm_core_k: f32,
    /// Strongest cyclonic vorticity of the core in s-1.
    pub vorticity: f32,
    /// Strongest 10 m wind of the core in m/s.
    pub max_wind: f32,
    /// Sea-surface temperature in K, if the state has it.
    pub sst: Option<f32>,
}

/// Detector of tropical lows on one grid.
///
/// A low is a node over sea with the lowest sea-level pressure of its core disc that is deep, warm-cored, cyclonic and
/// windy enough ([`TropicalLowConfig`]). The idea is that of the common trackers (for example Zhao et al. 2009,
/// <https://doi.org/10.1175/2009JCLI3049.1>), reduced to one pass.
#[derive(Clone, Debug)]
pub struct TropicalLows {
    grid: LatLonGrid,
    config: TropicalLowConfig,
    core: Disc,
    environment: Disc,
    weights: Vec<f64>,
}

/// What the detector looks at, one value per node.
struct Planes {
    pressure: Vec<f32>,
    temperature: Vec<f32>,
    cyclonic: Vec<f32>,
    wind: Vec<f32>,
    land: Vec<f32>,
    sst: Option<Vec<f32>>,
}

impl TropicalLows {
    /// A detector for states on `grid`.
    ///
    /// # Errors
    /// [`crate::Error::InvalidParameter`] as [`TropicalLowConfig::check`].
    pub fn new(grid: &LatLonGrid, config: TropicalLowConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            core: Disc::new(grid, config.core_km),
            environment: Disc::new(grid, config.environment_km),
            weights: grid.node_weights(),
            grid: grid.clone(),
            config,
        })
    }

    /// The thresholds.
    pub fn config(&self) -> &TropicalLowConfig {
        &self.config
    }

    /// The lows of one state in the order of their nodes.
    ///
    /// # Errors
    /// [`crate::Error::MissingVariable`] or [`crate::Error::MissingLevel`] naming what the state lacks,
    /// [`crate::Error::Shape`] if it is on another grid.
    pub fn detect(&self, state: &State) -> Result<Vec<Low>> {
        let planes = self.planes(state)?;
        let candidates = (0..self.grid.n_nodes()).filter(|&node| self.is_candidate(node, &planes));
        Ok(candidates
            .map(|node| self.describe(node, &planes))
            .filter(|low| self.is_low(low))
            .collect())
    }

    /// The tracks through a time series of states.
    ///
    /// # Errors
    /// As [`TropicalLows::detect`]; the first error of `states` itself.
    pub fn tracks(&self, states: impl IntoIterator<Item = Result<State>>) -> Result<Vec<Track>> {
        let mut found: Vec<(Time, Vec<Low>)> = Vec::new();
        for state in states {
            let state = state?;
            found.push((state.time, self.detect(&state)?));
        }
        Ok(link(&found, &self.config))
    }

    fn planes(&self, state: &State) -> Result<Planes> {
        let surface = |variable: &Variable| -> Result<Array2<f32>> {
            let plane = state.plane(variable, None)?;
            check_shape(variable.name(), &self.grid, plane.shape())?;
            Ok(plane.to_owned())
        };
        let level = Some(self.config.vorticity_level);
        let mut spin = relative_vorticity(
            state.plane(&Variable::U_WIND, level)?,
            state.plane(&Variable::V_WIND, level)?,
            &self.grid,
        )?;
        for (mut row, &lat) in spin.rows_mut().into_iter().zip(self.grid.lat()) {
            row.mapv_inplace(|x| x * lat.signum());
        }
        let temperature = mean_temperature(state, &self.config.warm_core_levels)?;
        check_shape("temperature", &self.grid, temperature.shape())?;
        let (u, v) = (
            surface(&Variable::U_WIND_10M)?,
            surface(&Variable::V_WIND_10M)?,
        );
        let flat = |plane: Array2<f32>| -> Vec<f32> { plane.iter().copied().collect() };
        Ok(Planes {
            pressure: flat(surface(&Variable::MEAN_SEA_LEVEL_PRESSURE)?),
            temperature: flat(temperature),
            cyclonic: flat(spin),
            wind: flat(wind_speed(u.view(), v.view())),
            land: flat(surface(&Variable::LAND_SEA_MASK)?),
            sst: surface(&Variable::SEA_SURFACE_TEMPERATURE).ok().map(flat),
        })
    }

    /// Whether a node has the lowest pressure of its core disc, over sea and not too far from the equator.
    /// Of equal pressures the first node counts.
    fn is_candidate(&self, node: usize, planes: &Planes) -> bool {
        let pressure = &planes.pressure;
        let lat = f64::from(self.grid.position(node).0);
        let lower = |other: usize| (pressure[other], other) < (pressure[node], node);
        lat.abs() <= self.config.max_latitude
            && planes.land[node] < 0.5
            && !self.core.nodes(node).any(lower)
    }

    fn describe(&self, node: usize, planes: &Planes) -> Low {
        let (lat, lon) = self.centre(node, &planes.pressure);
        let highest = |plane: &[f32]| {
            let values = self.core.nodes(node).map(|other| plane[other]);
            values.fold(f32::NEG_INFINITY, f32::max)
        };
        let surroundings = |plane: &[f32]| self.environment_mean(node, plane);
        Low {
            lat,
            lon,
            pressure_pa: planes.pressure[node],
            depth_pa: (surroundings(&planes.pressure) - f64::from(planes.pressure[node])) as f32,
            warm_core_k: (f64::from(highest(&planes.temperature))
                - surroundings(&planes.temperature)) as f32,
            vorticity: highest(&planes.cyclonic),
            max_wind: highest(&planes.wind),
            sst: planes.sst.as_ref().map(|sst| sst[node]),
        }
    }

    fn is_low(&self, low: &Low) -> bool {
        low.depth_pa > self.config.min_depth_pa
            && low.warm_core_k > self.config.min_warm_core_k
            && low.vorticity > self.config.min_vorticity
            && low.max_wind > self.config.min_wind
    }

    /// Area-weighted mean over the surroundings of a node.
    fn environment_mean(&self, node: usize, plane: &[f32]) -> f64 {
        let (sum, weight) =
            self.environment
                .nodes(node)
                .fold((0.0, 0.0), |(sum, weight), other| {
                    (
                        sum + self.weights[other] * f64::from(plane[other]),
                        weight + self.weights[other],
                    )
                });
        sum / weight
    }

    /// Centre of a pressure minimum between the nodes, by a parabola along each axis.
    fn centre(&self, node: usize, pressure: &[f32]) -> (f64, f64) {
        let (n_lat, n_lon) = (self.grid.n_lat(), self.grid.n_lon());
        let (i, j) = (node / n_lon, node % n_lon);
        let (lat, lon) = self.grid.position(node);
        let (lat, lon) = (f64::from(lat), f64::from(lon));
        let at = |i: usize, j: usize| f64::from(pressure[i * n_lon + j]);
        let mut centre = (lat, lon);
        if i > 0 && i + 1 < n_lat {
            let shift = parabola_minimum(at(i - 1, j), at(i, j), at(i + 1, j));
            let step = f64::from(self.grid.lat()[i + 1] - self.grid.lat()[i - 1]) / 2.0;
            centre.0 += shift * step;
        }
        if self.grid.is_periodic() || (j > 0 && j + 1 < n_lon) {
            let shift = parabola_minimum(
                at(i, (j + n_lon - 1) % n_lon),
                at(i, j),
                at(i, (j + 1) % n_lon),
            );
            let step = f64::from(self.grid.lon()[1] - self.grid.lon()[0]);
            centre.1 = (lon + shift * step).rem_euclid(360.0);
        }
        centre
    }
}

/// Where between -1/2 and 1/2 steps the parabola through three values, the middle one lowest, is lowest.
fn parabola_minimum(before: f64, middle: f64, after: f64) -> f64 {
    let curvature = before - 2.0 * middle + after;
    if curvature <= 0.0 {
        return 0.0;
    }
    ((before - after) / (2.0 * curvature)).clamp(-0.5, 0.5)
}
