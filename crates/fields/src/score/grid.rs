//! Weights of latitudes, and whether two grids are one.

use dropsonde_mesh::LatLonGrid;

use crate::{Error, Result};

/// Largest difference in degrees of coordinates that are the same.
const TOLERANCE: f32 = 1e-3;

/// Weight of each latitude in the scores of WeatherBench 2, `[n_lat]`, mean 1.
///
/// A row stands for the band between the midpoints to its neighbours, the outermost rows for all up to the
/// pole; its weight is the difference of the sines of the edges of the band (arXiv 2308.15560, section on
/// deterministic metrics). On global grids these are [`LatLonGrid::latitude_weights`]; they differ where
/// the rows end more than one step before a pole.
pub fn score_latitude_weights(grid: &LatLonGrid) -> Vec<f64> {
    let rows: Vec<f64> = grid.lat().iter().map(|&lat| f64::from(lat)).collect();
    // A grid has at least two rows.
    let pole = 90_f64.copysign(rows[1] - rows[0]);
    let between = rows.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
    let edges: Vec<f64> = [-pole].into_iter().chain(between).chain([pole]).collect();
    let sine = |degrees: f64| degrees.to_radians().sin();
    let areas = edges
        .windows(2)
        .map(|band| (sine(band[1]) - sine(band[0])).abs());
    let areas: Vec<f64> = areas.collect();
    let mean = areas.iter().sum::<f64>() / areas.len() as f64;
    areas.into_iter().map(|area| area / mean).collect()
}

/// Checks that a forecast and its truth are on the same grid: nothing is interpolated.
///
/// # Errors
/// [`Error::InvalidParameter`] that describes both grids.
pub fn check_same_grid(forecast: &LatLonGrid, truth: &LatLonGrid) -> Result<()> {
    let close = |a: &[f32], b: &[f32]| {
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= TOLERANCE)
    };
    if close(forecast.lat(), truth.lat()) && close(forecast.lon(), truth.lon()) {
        return Ok(());
    }
    Err(Error::InvalidParameter {
        name: "truth",
        expected: format!("the grid of the forecast, {}", describe(forecast)),
        found: format!(
            "{}\nhint: regrid one of them, conservatively if it becomes coarser",
            describe(truth)
        ),
    })
}

fn describe(grid: &LatLonGrid) -> String {
    let axis = |degrees: &[f32]| match degrees {
        [first, .., last] => format!("{} from {first} to {last}", degrees.len()),
        _ => degrees.len().to_string(),
    };
    format!(
        "latitudes {}, longitudes {}",
        axis(grid.lat()),
        axis(grid.lon())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_global_grids_are_areas() {
        let gaussian = vec![-88.0, -65.0, -40.0, -14.0, 14.0, 40.0, 65.0, 88.0];
        let grids = [
            LatLonGrid::with_poles(10.0).unwrap(),
            LatLonGrid::new(gaussian, vec![0.0, 90.0, 180.0, 270.0]).unwrap(),
            LatLonGrid::new(vec![60.0, 0.0, -60.0], vec![0.0, 180.0]).unwrap(),
        ];
        for grid in grids {
            let ours = score_latitude_weights(&grid);
            for (a, b) in ours.iter().zip(grid.latitude_weights()) {
                assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }
    }

    #[test]
    fn outermost_rows_stand_for_all_up_to_the_pole() {
        let grid = LatLonGrid::new(vec![-30.0, 0.0, 30.0], vec![0.0, 180.0]).unwrap();
        let weights = score_latitude_weights(&grid);
        let middle = 2.0 * 15_f64.to_radians().sin();
        let expected = [1.0 - middle / 2.0, middle, 1.0 - middle / 2.0].map(|w| w * 1.5);
        for (found, expected) in weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn different_grids_are_both_described() {
        let (a, b) = (
            LatLonGrid::with_poles(10.0).unwrap(),
            LatLonGrid::with_poles(5.0).unwrap(),
        );
        assert!(check_same_grid(&a, &a).is_ok());
        let error = check_same_grid(&a, &b).unwrap_err().to_string();
        assert!(error.contains("19 from -90 to 90"), "{error}");
        assert!(error.contains("37 from -90 to 90"), "{error}");
        let reversed = a.lat().iter().rev().copied().collect();
        let reversed = LatLonGrid::new(reversed, a.lon().to_vec()).unwrap();
        assert!(check_same_grid(&a, &reversed).is_err());
    }
}
