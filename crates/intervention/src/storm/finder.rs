use dropsonde_fields::{State, Variable};
use dropsonde_mesh::{EARTH_RADIUS_KM, LatLonGrid};
use ndarray::ArrayView2;

use super::disc::{Discs, Near, dot, lat_lon};
use super::quadratic::{Sample, minimum};
use super::{Storm, StormConfig};
use crate::{Error, Result};

/// Finds storms on one grid.
#[derive(Clone, Debug)]
pub struct StormFinder {
    pub(super) config: StormConfig,
    pub(super) grid: LatLonGrid,
    pub(super) discs: Discs,
    /// Area weights of the nodes, `[N]`, sum 1.
    pub(super) weights: Vec<f64>,
    minimum_radius_km: f64,
}

/// A local minimum of sea-level pressure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minimum {
    /// The lowest grid node.
    pub node: usize,
    /// Degrees north, between nodes if refined.
    pub lat: f64,
    /// Degrees east, 0 to 360.
    pub lon: f64,
    /// Pressure at the minimum in Pa, at most that of the node.
    pub pressure_pa: f64,
}

impl StormFinder {
    /// A finder on a grid.
    ///
    /// # Errors
    /// [`crate::Error::Config`] for distances that hold nothing.
    pub fn new(grid: &LatLonGrid, config: StormConfig) -> Result<Self> {
        config.check()?;
        let spacing = (f64::from(grid.lat()[1]) - f64::from(grid.lat()[0])).abs();
        let spacing_km = EARTH_RADIUS_KM * spacing.to_radians();
        Ok(Self {
            minimum_radius_km: config.minimum_radius_km.unwrap_or(1.5 * spacing_km),
            discs: Discs::new(grid),
            weights: grid.node_weights(),
            grid: grid.clone(),
            config,
        })
    }

    /// How storms are found and measured.
    pub fn config(&self) -> &StormConfig {
        &self.config
    }

    /// The storm nearest to a first guess (degrees north and east), or `None` if there is no minimum near.
    ///
    /// # Errors
    /// If the state lacks pressure, wind or temperature, or lies on another grid.
    pub fn find(&self, state: &State, guess: (f64, f64)) -> Result<Option<Storm>> {
        let pressure = self.plane(state, &Variable::MEAN_SEA_LEVEL_PRESSURE, None)?;
        let found = self.minimum(pressure, guess);
        found
            .map(|minimum| self.measure(state, minimum))
            .transpose()
    }

    /// The local minimum of `pressure` (`[lat, lon]`, Pa) nearest to a first guess within the search radius.
    ///
    /// Of equally near ones the lowest; flat regions have none.
    pub fn minimum(&self, pressure: ArrayView2<'_, f32>, guess: (f64, f64)) -> Option<Minimum> {
        let value = |node: usize| pressure[[node / self.grid.n_lon(), node % self.grid.n_lon()]];
        let candidates = self.discs.within(guess, self.config.search_radius_km);
        let lowest = |near: &Near| self.is_lowest(near.node, &value);
        let nearest = candidates.into_iter().filter(lowest).min_by(|a, b| {
            a.km.total_cmp(&b.km)
                .then(value(a.node).total_cmp(&value(b.node)))
        })?;
        Some(self.refined(nearest.node, &value))
    }

    /// `[lat, lon]` of a state, if it is on the grid of the finder.
    pub(super) fn plane<'a>(
        &self,
        state: &'a State,
        variable: &Variable,
        level: Option<u32>,
    ) -> Result<ArrayView2<'a, f32>> {
        let plane = state.plane(variable, level)?;
        let (expected, found) = ((self.grid.n_lat(), self.grid.n_lon()), plane.dim());
        if found != expected {
            let (expected, found) = (expected.into(), found.into());
            return Err(Error::Shape {
                what: variable.to_string(),
                expected,
                found,
            });
        }
        Ok(plane)
    }

    pub(super) fn position(&self, node: usize) -> (f64, f64) {
        let (lat, lon) = self.grid.position(node);
        (lat.into(), lon.into())
    }

    /// Whether no node around is lower; of equally low ones the first counts.
    fn is_lowest(&self, node: usize, value: &impl Fn(usize) -> f32) -> bool {
        let own = value(node);
        let around = self
            .discs
            .within(self.position(node), self.minimum_radius_km);
        let lower = |n: &Near| value(n.node) < own || (value(n.node) == own && n.node < node);
        own.is_finite() && !around.iter().any(lower) && around.iter().any(|n| value(n.node) > own)
    }

    /// The minimum between the nodes, if there is one within half the radius.
    fn refined(&self, node: usize, value: &impl Fn(usize) -> f32) -> Minimum {
        let (lat, lon) = self.position(node);
        let own = f64::from(value(node));
        let at_node = Minimum {
            node,
            lat,
            lon,
            pressure_pa: own,
        };
        if !self.config.refine {
            return at_node;
        }
        let plane = Tangent::new(self.discs.unit(node), lon);
        let scale = self.minimum_radius_km;
        let around = self.discs.within((lat, lon), self.minimum_radius_km);
        let sample = |near: &Near| {
            let (x, y) = plane.project(self.discs.unit(near.node));
            Sample {
                x: x / scale,
                y: y / scale,
                rise: f64::from(value(near.node)) - own,
            }
        };
        let samples: Vec<_> = around.iter().map(sample).collect();
        match minimum(&samples, 0.5) {
            Some((x, y, fall)) => {
                let (lat, lon) = plane.place(x * scale, y * scale);
                Minimum {
                    node,
                    lat,
                    lon,
                    pressure_pa: own + fall,
                }
            }
            None => at_node,
        }
    }
}

/// The azimuthal equidistant plane at a point: x eastward, y northward, km.
struct Tangent {
    up: [f64; 3],
    east: [f64; 3],
    north: [f64; 3],
}

impl Tangent {
    fn new(up: [f64; 3], lon: f64) -> Self {
        let (sin, cos) = lon.to_radians().sin_cos();
        let east = [-sin, cos, 0.0];
        let north = [-up[2] * cos, -up[2] * sin, up[0] * cos + up[1] * sin];
        Self { up, east, north }
    }

    fn project(&self, point: [f64; 3]) -> (f64, f64) {
        let (x, y) = (dot(point, self.east), dot(point, self.north));
        let sin = x.hypot(y);
        let km = EARTH_RADIUS_KM * sin.atan2(dot(point, self.up));
        if sin == 0.0 {
            (0.0, 0.0)
        } else {
            (km * x / sin, km * y / sin)
        }
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let km = x.hypot(y);
        let (sin, cos) = (km / EARTH_RADIUS_KM).sin_cos();
        let along = |i: usize| (x * self.east[i] + y * self.north[i]) / km.max(1e-12);
        lat_lon([0, 1, 2].map(|i| cos * self.up[i] + sin * along(i)))
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_mesh::great_circle_km;

    use super::super::vortex::{Vortex, plain_state};
    use super::*;

    fn finder(refine: bool) -> StormFinder {
        let grid = LatLonGrid::with_poles(2.0).unwrap();
        StormFinder::new(
            &grid,
            StormConfig {
                refine,
                ..StormConfig::default()
            },
        )
        .unwrap()
    }

    #[test]
    fn finds_vortices_across_the_date_line_and_near_the_poles() {
        for place in [
            (15.3, 131.2),
            (-18.7, 179.6),
            (20.1, 359.4),
            (0.4, 0.3),
            (88.7, 40.0),
            (-89.4, 200.0),
        ] {
            let (coarse, fine) = (finder(false), finder(true));
            let mut state = plain_state(&coarse.grid);
            Vortex::at(place).add_to(&mut state, &coarse.grid);
            let guess = (place.0 - 2.0, place.1 + 2.0);
            let plane = state
                .plane(&Variable::MEAN_SEA_LEVEL_PRESSURE, None)
                .unwrap();
            let [node, refined] = [&coarse, &fine].map(|f| f.minimum(plane, guess).unwrap());
            let off = |m: Minimum| great_circle_km((m.lat, m.lon), place);
            assert!(off(node) < 180.0, "{place:?}: {node:?}");
            assert!(
                off(refined) < 40.0,
                "{place:?}: {refined:?}, {} km",
                off(refined)
            );
            assert!(refined.pressure_pa <= node.pressure_pa);
        }
    }

    #[test]
    fn takes_the_nearest_of_two_and_none_when_all_are_far() {
        let finder = finder(true);
        let mut state = plain_state(&finder.grid);
        Vortex::at((15.0, 130.0)).add_to(&mut state, &finder.grid);
        Vortex {
            depth_pa: 5000.0,
            ..Vortex::at((15.0, 145.0))
        }
        .add_to(&mut state, &finder.grid);
        let plane = state
            .plane(&Variable::MEAN_SEA_LEVEL_PRESSURE, None)
            .unwrap();
        assert!((finder.minimum(plane, (16.0, 132.0)).unwrap().lon - 130.0).abs() < 1.0);
        assert!((finder.minimum(plane, (16.0, 143.0)).unwrap().lon - 145.0).abs() < 1.0);
        assert!(finder.minimum(plane, (-20.0, 130.0)).is_none());
    }

    #[test]
    fn a_flat_field_has_no_minimum() {
        let finder = finder(true);
        let flat =
            ndarray::Array2::from_elem((finder.grid.n_lat(), finder.grid.n_lon()), 101_325.0);
        assert!(finder.minimum(flat.view(), (10.0, 20.0)).is_none());
    }
}
