//! Masks from thresholds on a plane and from tracks.

use dropsonde_mesh::{LatLonGrid, great_circle_km};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::Track;
use crate::derived::check_shape;
use crate::{Error, Result, State, Time, Variable};

/// Ice cover from which sea counts as ice-covered, the customary ice edge.
pub(super) const ICE_EDGE: f32 = 0.15;

/// A value that a field has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// A value in the field's unit.
    AtLeast(f32),
    /// The area-weighted quantile of the field itself at that time, from 0 to 1.
    Quantile(f64),
}

impl Threshold {
    /// The threshold in the field's unit, for values with area weights.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if a quantile is outside 0..=1 or there are no values.
    pub fn value(self, values: &[f32], weights: &[f64]) -> Result<f32> {
        match self {
            Self::AtLeast(value) => Ok(value),
            Self::Quantile(q) => weighted_quantile(values, weights, q),
        }
    }
}

/// The smallest value below or at which a share `q` of the weight lies.
///
/// # Errors
/// [`Error::InvalidParameter`] if `q` is outside 0..=1 or there is no value; [`Error::Shape`] if the lengths differ.
pub fn weighted_quantile(values: &[f32], weights: &[f64], q: f64) -> Result<f32> {
    if values.len() != weights.len() {
        return Err(Error::Shape {
            what: "weights of a quantile".to_owned(),
            expected: vec![values.len()],
            found: vec![weights.len()],
        });
    }
    if !(0.0..=1.0).contains(&q) || values.is_empty() {
        return Err(Error::InvalidParameter {
            name: "quantile",
            expected: "a number from 0 to 1, and one value at least".to_owned(),
            found: format!("{q} of {} values", values.len()),
        });
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let wanted = q * weights.iter().sum::<f64>();
    let mut reached = 0.0;
    for &index in &order {
        reached += weights[index];
        // the slack absorbs rounding of the running sum, so that q = 1 is the largest value
        if reached >= wanted * (1.0 - 1e-12) {
            return Ok(values[index]);
        }
    }
    Ok(values[order[order.len() - 1]])
}

/// Nodes with precipitation at or above a threshold (m in six hours), `[n_nodes]`; dry nodes never count.
///
/// # Errors
/// [`Error::MissingVariable`], [`Error::Shape`], or a bad quantile.
pub fn heavy_precipitation_mask(
    state: &State,
    grid: &LatLonGrid,
    threshold: Threshold,
) -> Result<Vec<bool>> {
    let values = flat(state, &Variable::TOTAL_PRECIPITATION_6HR, grid)?;
    let limit = threshold.value(&values, &grid.node_weights())?;
    Ok(values.iter().map(|&x| x > 0.0 && x >= limit).collect())
}

/// Nodes whose sea-ice cover is 0.15 or more, `[n_nodes]`.
///
/// # Errors
/// [`Error::MissingVariable`] or [`Error::Shape`].
pub fn sea_ice_mask(state: &State, grid: &LatLonGrid) -> Result<Vec<bool>> {
    let cover = flat(state, &Variable::SEA_ICE_COVER, grid)?;
    Ok(cover.iter().map(|&x| x >= ICE_EDGE).collect())
}

/// Nodes that are at least half land, `[n_nodes]`.
///
/// # Errors
/// [`Error::MissingVariable`] or [`Error::Shape`].
pub fn land_mask(state: &State, grid: &LatLonGrid) -> Result<Vec<bool>> {
    let share = flat(state, &Variable::LAND_SEA_MASK, grid)?;
    Ok(share.iter().map(|&x| x >= 0.5).collect())
}

/// Nodes within a radius of the centre of a track's low at exactly `time`, `[n_nodes]`.
pub fn tropical_low_mask(
    tracks: &[Track],
    time: Time,
    grid: &LatLonGrid,
    radius_km: f64,
) -> Vec<bool> {
    let centres: Vec<(f64, f64)> = tracks
        .iter()
        .filter_map(|track| track.at(time))
        .map(|point| (point.lat, point.lon))
        .collect();
    (0..grid.n_nodes())
        .map(|node| {
            let (lat, lon) = grid.position(node);
            let here = (f64::from(lat), f64::from(lon));
            centres
                .iter()
                .any(|&centre| great_circle_km(here, centre) <= radius_km)
        })
        .collect()
}

/// The values of a single-level variable by node.
pub(super) fn flat(state: &State, variable: &Variable, grid: &LatLonGrid) -> Result<Vec<f32>> {
    let plane: ArrayView2<'_, f32> = state.plane(variable, None)?;
    check_shape(variable.name(), grid, plane.shape())?;
    Ok(plane.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::Field;
    use crate::events::TrackPoint;

    fn state_with(variable: Variable, plane: Array2<f32>) -> State {
        let mut state = State::new(Time(0));
        state.insert(variable, Field::surface(plane));
        state
    }

    #[test]
    fn quantiles_count_area() {
        let values = [3.0, 1.0, 2.0];
        let weights = [0.5, 0.25, 0.25];
        for (q, expected) in [
            (0.0, 1.0),
            (0.25, 1.0),
            (0.26, 2.0),
            (0.5, 2.0),
            (0.51, 3.0),
            (1.0, 3.0),
        ] {
            assert_eq!(
                weighted_quantile(&values, &weights, q).unwrap(),
                expected,
                "{q}"
            );
        }
        assert!(weighted_quantile(&values, &weights, 1.5).is_err());
        assert!(weighted_quantile(&[], &[], 0.5).is_err());
        assert!(weighted_quantile(&values, &weights[..2], 0.5).is_err());
    }

    #[test]
    fn a_tenth_of_the_area_rains_heavily() {
        let grid = LatLonGrid::with_poles(3.0).unwrap();
        let plane =
            Array2::from_shape_fn((61, 120), |(i, j)| ((7 * i + 31 * j) % 101) as f32 * 1e-4);
        let state = state_with(Variable::TOTAL_PRECIPITATION_6HR, plane);
        let mask = heavy_precipitation_mask(&state, &grid, Threshold::Quantile(0.9)).unwrap();
        let weights = grid.node_weights();
        let area: f64 = mask
            .iter()
            .zip(&weights)
            .filter(|(m, _)| **m)
            .map(|(_, w)| w)
            .sum();
        assert!((0.1..0.125).contains(&area), "{area}");
        let all = heavy_precipitation_mask(&state, &grid, Threshold::AtLeast(0.0)).unwrap();
        assert!(all.iter().zip(&mask).all(|(all, heavy)| *all || !heavy));
        assert!(all.iter().any(|wet| !wet), "dry nodes count");
    }

    #[test]
    fn ice_and_land_edges() {
        let grid = LatLonGrid::with_poles(90.0).unwrap();
        let plane = Array2::from_shape_fn((3, 4), |(i, j)| {
            [0.0, 0.14, 0.15, 0.6][j] * (i > 0) as u8 as f32
        });
        let ice = sea_ice_mask(&state_with(Variable::SEA_ICE_COVER, plane.clone()), &grid).unwrap();
        let land = land_mask(&state_with(Variable::LAND_SEA_MASK, plane), &grid).unwrap();
        assert_eq!(ice[..4], [false; 4]);
        assert_eq!(ice[4..8], [false, false, true, true]);
        assert_eq!(land[8..], [false, false, false, true]);
    }

    #[test]
    fn discs_around_the_lows_of_that_time_only() {
        let grid = LatLonGrid::with_poles(2.0).unwrap();
        let point = |hours: i64, lon: f64| TrackPoint {
            time: Time(3600 * hours),
            lat: 15.0,
            lon,
            pressure_pa: 99_000.0,
            depth_pa: 800.0,
            warm_core_k: 2.0,
            vorticity: 1e-4,
            max_wind: 25.0,
        };
        let tracks = [Track {
            id: 1,
            points: vec![point(0, 359.5), point(6, 350.0)],
        }];
        let mask = tropical_low_mask(&tracks, Time(0), &grid, 500.0);
        assert!(mask[grid.nearest(15.0, 1.0)] && !mask[grid.nearest(15.0, 350.0)]);
        assert!(!mask[grid.nearest(20.0, 359.0)]);
        assert!(
            tropical_low_mask(&tracks, Time(60), &grid, 500.0)
                .iter()
                .all(|inside| !inside)
        );
    }
}
