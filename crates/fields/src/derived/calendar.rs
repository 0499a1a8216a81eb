//! Where a time and a place stand in the day and the year.

use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

use crate::{Time, day_progress, year_progress};

/// A phase as a point on the unit circle, `[lat, lon]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// Cosine of the phase.
    pub cos: Array2<f32>,
    /// Sine of the phase.
    pub sin: Array2<f32>,
}

impl Cycle {
    fn from_turns(turns: &Array2<f64>) -> Self {
        let phase = turns.mapv(|turn| std::f64::consts::TAU * turn);
        Self {
            cos: phase.mapv(|x| x.cos() as f32),
            sin: phase.mapv(|x| x.sin() as f32),
        }
    }
}

/// Fraction of the mean solar day that has passed at each node, `[lat, lon]`, 0 at midnight.
fn day_fraction(grid: &LatLonGrid, time: Time) -> Array2<f64> {
    let row: Vec<f64> = grid
        .lon()
        .iter()
        .map(|&lon| f64::from(day_progress(time, lon)))
        .collect();
    Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), |(_, j)| row[j])
}

/// Local mean solar time in hours, `[lat, lon]`, from 0 up to 24: UTC plus one hour for each 15 degrees east.
///
/// The equation of time (up to 16 minutes) is left out.
pub fn local_solar_time(grid: &LatLonGrid, time: Time) -> Array2<f32> {
    day_fraction(grid, time).mapv(|fraction| (24.0 * fraction) as f32)
}

/// Local mean solar time as a phase: cosine 1 at midnight, sine 1 at 6 h.
pub fn local_solar_time_cycle(grid: &LatLonGrid, time: Time) -> Cycle {
    Cycle::from_turns(&day_fraction(grid, time))
}

/// The season as a phase that starts with the calendar of [`year_progress`]; the same at all nodes.
pub fn day_of_year_cycle(grid: &LatLonGrid, time: Time) -> Cycle {
    let turns = Array2::from_elem((grid.n_lat(), grid.n_lon()), f64::from(year_progress(time)));
    Cycle::from_turns(&turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_around_the_globe() {
        let grid = LatLonGrid::with_poles(45.0).unwrap();
        let hours = local_solar_time(&grid, "2022-11-08T06".parse().unwrap());
        let row: Vec<f32> = hours.row(2).to_vec();
        let expected = [6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 0.0, 3.0];
        for (found, expected) in row.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{row:?}");
        }
        let cycle = local_solar_time_cycle(&grid, "2022-11-08T06".parse().unwrap());
        assert!((cycle.cos[[0, 2]] + 1.0).abs() < 1e-6 && (cycle.sin[[4, 0]] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn half_a_year_is_half_a_turn() {
        let grid = LatLonGrid::with_poles(90.0).unwrap();
        let start: Time = "2022-03-01".parse().unwrap();
        let (a, b) = (
            day_of_year_cycle(&grid, start),
            day_of_year_cycle(&grid, start.plus_hours(4383)),
        );
        assert!((a.cos[[0, 0]] + b.cos[[2, 3]]).abs() < 1e-3);
        assert!((a.sin[[0, 0]] + b.sin[[2, 3]]).abs() < 1e-3);
    }
}
