//! How much sea is covered by ice.

use dropsonde_mesh::{EARTH_RADIUS_KM, LatLonGrid};
use serde::Serialize;

use super::masks::{ICE_EDGE, flat};
use crate::{Result, State, Variable};

/// Sea ice of one hemisphere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct IceCover {
    /// Area of the ice itself: cover times area of sea, in km2.
    pub area_km2: f64,
    /// Area of sea in cells whose cover is 0.15 or more, in km2.
    pub extent_km2: f64,
}

/// Sea ice north and south of the equator, `[north, south]`; only the share of a cell that is sea counts.
///
/// # Errors
/// [`crate::Error::MissingVariable`] without sea-ice cover or land-sea mask, [`crate::Error::Shape`] if they are
/// not on `grid`.
pub fn ice_cover(state: &State, grid: &LatLonGrid) -> Result<[IceCover; 2]> {
    let cover = flat(state, &Variable::SEA_ICE_COVER, grid)?;
    let land = flat(state, &Variable::LAND_SEA_MASK, grid)?;
    let sphere = 4.0 * std::f64::consts::PI * EARTH_RADIUS_KM.powi(2);
    let mut found = [IceCover::default(); 2];
    for (node, weight) in grid.node_weights().into_iter().enumerate() {
        let sea = sphere * weight * (1.0 - f64::from(land[node])).clamp(0.0, 1.0);
        let hemisphere = &mut found[usize::from(grid.position(node).0 < 0.0)];
        hemisphere.area_km2 += sea * f64::from(cover[node]);
        if cover[node] >= ICE_EDGE {
            hemisphere.extent_km2 += sea;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{Field, Time};

    fn state(grid: &LatLonGrid, cover: impl Fn(f32) -> f32, land: f32) -> State {
        let plane = |f: &dyn Fn(f32) -> f32| {
            Field::surface(Array2::from_shape_fn(
                (grid.n_lat(), grid.n_lon()),
                |(i, _)| f(grid.lat()[i]),
            ))
        };
        let mut state = State::new(Time(0));
        state.insert(Variable::SEA_ICE_COVER, plane(&cover));
        state.insert(Variable::LAND_SEA_MASK, plane(&|_| land));
        state
    }

    #[test]
    fn a_polar_cap_has_the_area_of_a_cap() {
        let grid = LatLonGrid::with_poles(1.0).unwrap();
        let cap = |lat: f32| if lat > 70.0 { 0.5 } else { 0.1 };
        let [north, south] = ice_cover(&state(&grid, cap, 0.0), &grid).unwrap();
        // the edge of the cells at 71 degrees
        let exact = 2.0
            * std::f64::consts::PI
            * EARTH_RADIUS_KM.powi(2)
            * (1.0 - 70.5_f64.to_radians().sin());
        assert!((north.extent_km2 / exact - 1.0).abs() < 2e-3, "{north:?}");
        assert_eq!(south.extent_km2, 0.0);
        let hemisphere = 2.0 * std::f64::consts::PI * EARTH_RADIUS_KM.powi(2);
        let expected = 0.5 * north.extent_km2 + 0.1 * (hemisphere - north.extent_km2);
        // the row at the equator counts as north
        assert!((north.area_km2 / expected - 1.0).abs() < 1e-2, "{north:?}");
        assert!((south.area_km2 / (0.1 * hemisphere) - 1.0).abs() < 1e-2);
    }

    #[test]
    fn land_has_no_sea_ice() {
        let grid = LatLonGrid::with_poles(10.0).unwrap();
        let all = ice_cover(&state(&grid, |_| 1.0, 0.0), &grid).unwrap();
        let half = ice_cover(&state(&grid, |_| 1.0, 0.5), &grid).unwrap();
        let none = ice_cover(&state(&grid, |_| 1.0, 1.0), &grid).unwrap();
        for side in 0..2 {
            assert!((half[side].area_km2 / all[side].area_km2 - 0.5).abs() < 1e-9);
            assert_eq!((none[side].area_km2, none[side].extent_km2), (0.0, 0.0));
        }
    }
}
