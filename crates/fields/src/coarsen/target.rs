//! The grids that fields can be averaged to.

use std::fmt;
use std::str::FromStr;

use dropsonde_mesh::LatLonGrid;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// More rows or columns than any grid in use has.
const MOST: usize = 10_000;

/// A coarse grid as one writes it: `96x48` or `1.0`.
///
/// - `96x48`: longitudes times latitudes, cells that fill the sphere. Where both numbers divide those of the source and
///   the source has no rows on the poles, whole blocks of cells are averaged: a latitude is the mean of the block's
///   (pairs of Gaussian rows stay nearly Gaussian), and so is a longitude (0 and 1.875 give 0.9375).
///   Otherwise rows are equal-angle, at the centres of bands of `180 / n_lat` degrees, and longitudes begin at 0,
///   as on the coarse grids of WeatherBench 2. `128x64` from 192 x 96 is of this kind: equal-angle, not Gaussian.
/// - `1.0`: degrees; rows on both poles, longitudes from 0, as GraphCast has them (181 x 360).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TargetGrid {
    /// Cells that fill the sphere.
    Cells {
        /// Number of longitudes.
        n_lon: usize,
        /// Number of latitudes.
        n_lat: usize,
    },
    /// Equally spaced rows with both poles, and the step in degrees.
    WithPoles(f64),
}

/// A grid and the edges in degrees of its rows' bands.
pub(super) struct Cells {
    pub(super) grid: LatLonGrid,
    pub(super) bands: Vec<(f64, f64)>,
}

impl TargetGrid {
    /// The grid and its bands, for a source.
    pub(super) fn cells(&self, source: &LatLonGrid) -> Result<Cells> {
        let grid = match *self {
            Self::WithPoles(step) => LatLonGrid::with_poles(step),
            Self::Cells { n_lon, n_lat } => match blocks(source, n_lon, n_lat) {
                Some((by_lat, by_lon)) => return paired(source, by_lat, by_lon),
                None => equal_angle(n_lon, n_lat),
            },
        }
        .map_err(|e| invalid(self.to_string(), &e.to_string()))?;
        Ok(Cells {
            bands: grid.latitude_bands(),
            grid,
        })
    }
}

/// How many rows and columns make a cell, if whole blocks of the source do.
fn blocks(source: &LatLonGrid, n_lon: usize, n_lat: usize) -> Option<(usize, usize)> {
    let divides = source.n_lat().is_multiple_of(n_lat) && source.n_lon().is_multiple_of(n_lon);
    let on_pole = source.lat().iter().any(|lat| lat.abs() > 89.999);
    (divides && !on_pole).then(|| (source.n_lat() / n_lat, source.n_lon() / n_lon))
}

/// Blocks of `by_lat` rows and `by_lon` columns.
fn paired(source: &LatLonGrid, by_lat: usize, by_lon: usize) -> Result<Cells> {
    let mean = |block: &[f32]| {
        let sum: f64 = block.iter().map(|&x| f64::from(x)).sum();
        (sum / block.len() as f64) as f32
    };
    let lat = source.lat().chunks(by_lat).map(mean).collect();
    let lon = source.lon().chunks(by_lon).map(mean).collect();
    let edges = source.latitude_bands();
    let union = |block: &[(f64, f64)]| {
        let south = block
            .iter()
            .map(|band| band.0)
            .fold(f64::INFINITY, f64::min);
        let north = block.iter().map(|band| band.1).fold(-90.0, f64::max);
        (south, north)
    };
    let grid =
        LatLonGrid::new(lat, lon).map_err(|e| invalid("blocks".to_owned(), &e.to_string()))?;
    Ok(Cells {
        grid,
        bands: edges.chunks(by_lat).map(union).collect(),
    })
}

/// Rows at the centres of equal bands, longitudes from 0.
fn equal_angle(n_lon: usize, n_lat: usize) -> dropsonde_mesh::Result<LatLonGrid> {
    let row = |i: usize| ((i as f64 + 0.5) * 180.0 / n_lat as f64 - 90.0) as f32;
    let column = |i: usize| (i as f64 * 360.0 / n_lon as f64) as f32;
    LatLonGrid::new(
        (0..n_lat).map(row).collect(),
        (0..n_lon).map(column).collect(),
    )
}

fn invalid(found: String, why: &str) -> Error {
    Error::InvalidParameter {
        name: "grid",
        expected: format!(
            "a grid such as `96x48` (longitudes x latitudes) or `1.0` (degrees, with poles){why}"
        ),
        found: format!("`{found}`"),
    }
}

impl FromStr for TargetGrid {
    type Err = Error;

    /// # Errors
    /// [`Error::InvalidParameter`] for another form, less than 2 rows or columns, or more than 10,000.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || invalid(text.to_owned(), "");
        if let Some((n_lon, n_lat)) = text.split_once('x') {
            let number = |part: &str| {
                part.parse::<usize>()
                    .ok()
                    .filter(|n| (2..=MOST).contains(n))
            };
            return match (number(n_lon), number(n_lat)) {
                (Some(n_lon), Some(n_lat)) => Ok(Self::Cells { n_lon, n_lat }),
                _ => Err(bad()),
            };
        }
        let step: f64 = text.parse().map_err(|_| bad())?;
        let is_step = (0.02..=90.0).contains(&step) && LatLonGrid::with_poles(step).is_ok();
        is_step.then_some(Self::WithPoles(step)).ok_or_else(bad)
    }
}

impl fmt::Display for TargetGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cells { n_lon, n_lat } => write!(f, "{n_lon}x{n_lat}"),
            Self::WithPoles(step) => write!(f, "{step:?}"),
        }
    }
}

impl TryFrom<String> for TargetGrid {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<TargetGrid> for String {
    fn from(grid: TargetGrid) -> Self {
        grid.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_as_one_writes_them() {
        for text in ["96x48", "1.0", "0.25", "128x64"] {
            assert_eq!(text.parse::<TargetGrid>().unwrap().to_string(), text);
        }
        for text in [
            "", "96", "96x", "1x48", "-1", "0.7", "nan", "96x48x2", "99999x5",
        ] {
            let error = text.parse::<TargetGrid>().unwrap_err().to_string();
            assert!(error.contains("96x48"), "{text}: {error}");
        }
    }

    #[test]
    fn blocks_where_they_divide_and_equal_angle_elsewhere() {
        let gaussian = LatLonGrid::new(
            vec![-85.0, -55.0, -20.0, 20.0, 55.0, 85.0],
            vec![0.0, 90.0, 180.0, 270.0],
        )
        .unwrap();
        let blocks = "2x3"
            .parse::<TargetGrid>()
            .unwrap()
            .cells(&gaussian)
            .unwrap();
        assert_eq!(blocks.grid.lat(), [-70.0, 0.0, 70.0]);
        assert_eq!(blocks.grid.lon(), [45.0, 225.0]);
        assert_eq!(blocks.bands[0], (-90.0, -37.5));
        let other = "4x4"
            .parse::<TargetGrid>()
            .unwrap()
            .cells(&gaussian)
            .unwrap();
        assert_eq!(other.grid.lat(), [-67.5, -22.5, 22.5, 67.5]);
        assert_eq!(other.grid.lon(), [0.0, 90.0, 180.0, 270.0]);
    }
}
