use dropsonde_fields::{State, Variable};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::disc::Near;
use super::{Minimum, StormFinder};
use crate::Result;

/// A storm at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east, 0 to 360.
    pub lon: f64,
    /// Central sea-level pressure.
    pub pressure_hpa: f64,
    /// Mean sea-level pressure of the ring around minus central pressure.
    pub depth_hpa: f64,
    /// Highest 10 m wind speed around.
    pub max_wind_m_s: f64,
    /// Core minus ring temperature, mean over the levels that were asked for; none if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_core_k: Option<f64>,
    /// Mean precipitation of 6 h around, if the state has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precipitation_mm: Option<f64>,
}

impl Storm {
    /// (Latitude, longitude) in degrees.
    pub fn position(&self) -> (f64, f64) {
        (self.lat, self.lon)
    }
}

/// Area-weighted mean of a plane over nodes.
struct Mean<'a> {
    finder: &'a StormFinder,
    nodes: Vec<usize>,
}

impl Mean<'_> {
    fn of(&self, plane: ArrayView2<'_, f32>) -> f64 {
        let n_lon = self.finder.grid.n_lon();
        let weight = |node: usize| self.finder.weights[node].max(1e-12);
        let value = |node: usize| f64::from(plane[[node / n_lon, node % n_lon]]);
        let sum: f64 = self.nodes.iter().map(|&n| weight(n) * value(n)).sum();
        sum / self.nodes.iter().map(|&n| weight(n)).sum::<f64>()
    }
}

impl StormFinder {
    /// Measures the storm around a minimum.
    pub(super) fn measure(&self, state: &State, minimum: Minimum) -> Result<Storm> {
        let centre = (minimum.lat, minimum.lon);
        let core = self.region(minimum.node, centre, [0.0, self.config.core_radius_km]);
        let ring = self.region(minimum.node, centre, self.config.ring_km);
        let pressure = self.plane(state, &Variable::MEAN_SEA_LEVEL_PRESSURE, None)?;
        Ok(Storm {
            lat: minimum.lat,
            lon: minimum.lon,
            pressure_hpa: minimum.pressure_pa / 100.0,
            depth_hpa: (ring.of(pressure) - minimum.pressure_pa) / 100.0,
            max_wind_m_s: self.max_wind(state, centre)?,
            warm_core_k: self.warm_core(state, &core, &ring)?,
            precipitation_mm: self.precipitation(state, minimum.node, centre)?,
        })
    }

    /// Lowest sea-level pressure in hPa and highest 10 m wind speed in m/s within the wind radius of a point.
    ///
    /// # Errors
    /// If the state lacks pressure or wind, or lies on another grid.
    pub fn extremes(&self, state: &State, centre: (f64, f64)) -> Result<(f64, f64)> {
        let pressure = self.plane(state, &Variable::MEAN_SEA_LEVEL_PRESSURE, None)?;
        let n_lon = self.grid.n_lon();
        let value = |near: Near| f64::from(pressure[[near.node / n_lon, near.node % n_lon]]);
        let around = self.discs.within(centre, self.config.wind_radius_km);
        let lowest = around.into_iter().map(value).fold(f64::INFINITY, f64::min);
        Ok((lowest / 100.0, self.max_wind(state, centre)?))
    }

    /// The nodes between two distances, or the node of the minimum if the grid is too coarse to have one there.
    fn region(&self, node: usize, centre: (f64, f64), [inner, outer]: [f64; 2]) -> Mean<'_> {
        let near = self.discs.within(centre, outer);
        let mut nodes: Vec<_> = near
            .iter()
            .filter(|n| n.km >= inner)
            .map(|n| n.node)
            .collect();
        if nodes.is_empty() {
            nodes.push(node);
        }
        Mean {
            finder: self,
            nodes,
        }
    }

    fn max_wind(&self, state: &State, centre: (f64, f64)) -> Result<f64> {
        let u = self.plane(state, &Variable::U_WIND_10M, None)?;
        let v = self.plane(state, &Variable::V_WIND_10M, None)?;
        let n_lon = self.grid.n_lon();
        let speed = |near: Near| {
            let at = [near.node / n_lon, near.node % n_lon];
            f64::from(u[at]).hypot(f64::from(v[at]))
        };
        let around = self.discs.within(centre, self.config.wind_radius_km);
        Ok(around.into_iter().map(speed).fold(0.0, f64::max))
    }

    fn warm_core(&self, state: &State, core: &Mean<'_>, ring: &Mean<'_>) -> Result<Option<f64>> {
        let levels = &self.config.warm_core_levels;
        let mut sum = 0.0;
        for &level in levels {
            let plane = self.plane(state, &Variable::TEMPERATURE, Some(level))?;
            sum += core.of(plane) - ring.of(plane);
        }
        Ok((!levels.is_empty()).then(|| sum / levels.len() as f64))
    }

    fn precipitation(&self, state: &State, node: usize, centre: (f64, f64)) -> Result<Option<f64>> {
        let variable = Variable::TOTAL_PRECIPITATION_6HR;
        if !state.fields.contains_key(&variable) {
            return Ok(None);
        }
        let plane = self.plane(state, &variable, None)?;
        let around = self.region(node, centre, [0.0, self.config.precipitation_radius_km]);
        Ok(Some(1000.0 * around.of(plane)))
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_mesh::LatLonGrid;

    use super::super::vortex::{Vortex, plain_state};
    use super::super::{StormConfig, StormFinder};
    use super::*;

    #[test]
    fn measures_what_the_vortex_was_made_of() {
        let grid = LatLonGrid::with_poles(1.0).unwrap();
        let finder = StormFinder::new(&grid, StormConfig::default()).unwrap();
        let vortex = Vortex::at((-20.0, 180.0));
        let mut state = plain_state(&grid);
        vortex.add_to(&mut state, &grid);
        let storm = finder.find(&state, (-21.0, 178.0)).unwrap().unwrap();
        assert!(
            (storm.pressure_hpa - (1010.0 - vortex.depth_pa / 100.0)).abs() < 0.5,
            "{storm:?}"
        );
        assert!(
            (storm.depth_hpa - vortex.depth_pa / 100.0).abs() < 1.0,
            "{storm:?}"
        );
        assert!((storm.max_wind_m_s - vortex.wind).abs() < 0.5, "{storm:?}");
        let warm = storm.warm_core_k.unwrap();
        assert!(
            (0.5 * vortex.warm..vortex.warm).contains(&warm),
            "{storm:?}"
        );
        assert!(storm.precipitation_mm.unwrap() > 1.0, "{storm:?}");
        let (lowest, wind) = finder.extremes(&state, storm.position()).unwrap();
        assert!(lowest >= storm.pressure_hpa - 1e-9 && wind == storm.max_wind_m_s);
    }

    #[test]
    fn what_a_state_lacks_is_an_error_or_none() {
        let grid = LatLonGrid::with_poles(5.0).unwrap();
        let finder = StormFinder::new(&grid, StormConfig::default()).unwrap();
        let mut state = plain_state(&grid);
        Vortex::at((20.0, 90.0)).add_to(&mut state, &grid);
        state.fields.remove(&Variable::TOTAL_PRECIPITATION_6HR);
        let storm = finder.find(&state, (20.0, 90.0)).unwrap().unwrap();
        assert_eq!(storm.precipitation_mm, None);
        state.fields.remove(&Variable::TEMPERATURE);
        let error = finder.find(&state, (20.0, 90.0)).unwrap_err().to_string();
        assert!(error.contains("temperature"), "{error}");
        let other = StormFinder::new(
            &LatLonGrid::with_poles(6.0).unwrap(),
            StormConfig::default(),
        );
        let error = other
            .unwrap()
            .find(&state, (20.0, 90.0))
            .unwrap_err()
            .to_string();
        assert!(error.contains("[37, 72], expected [31, 60]"), "{error}");
    }
}
