//! The regular latitude-longitude grid and its area weights.

mod axes;

use crate::error::{Error, Result};
use crate::sphere::unit_vector;

/// How the latitudes of a grid lie.
///
/// Informative only: one weight formula serves all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridKind {
    /// Equally spaced rows, the first and the last on the poles.
    WithPoles,
    /// Equally spaced rows at the centres of bands that fill the sphere.
    CellCentres,
    /// Anything else: Gaussian rows, coarsened Gaussian rows, a region.
    General,
}

/// A latitude-longitude grid, node `ilat * n_lon + ilon`, latitudes in the order they were given.
///
/// ```
/// use dropsonde_mesh::{GridKind, LatLonGrid};
///
/// let grid = LatLonGrid::with_poles(10.0)?;
/// assert_eq!((grid.n_lat(), grid.n_lon(), grid.kind()), (19, 36, GridKind::WithPoles));
/// assert_eq!(grid.position(36), (-80.0, 0.0));
/// # Ok::<(), dropsonde_mesh::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LatLonGrid {
    lat: Vec<f32>,
    lon: Vec<f32>,
}

impl LatLonGrid {
    /// A grid from its axes in degrees.
    ///
    /// `lat` is strictly monotonic in either direction within -90 to 90;
    /// `lon` is strictly ascending and equally spaced within `[0, 360)`.
    ///
    /// # Errors
    /// A variant of [`Error`] naming the first value that breaks these rules.
    pub fn new(lat: Vec<f32>, lon: Vec<f32>) -> Result<Self> {
        axes::check_latitudes(&lat)?;
        axes::check_longitudes(&lon)?;
        if lat.len().saturating_mul(lon.len()) > (u32::MAX / 3) as usize {
            return Err(Error::TooManyPoints {
                n_lat: lat.len(),
                n_lon: lon.len(),
            });
        }
        Ok(Self { lat, lon })
    }

    /// The grid with rows on both poles: latitude -90 to 90 ascending, longitude 0 to 360 minus one step.
    ///
    /// # Errors
    /// [`Error::Resolution`] unless `resolution_deg` divides 180 degrees into at least two steps.
    pub fn with_poles(resolution_deg: f64) -> Result<Self> {
        let n_steps = (180.0 / resolution_deg).round();
        let divides = (n_steps * resolution_deg - 180.0).abs() < 1e-6;
        if !(divides && (2.0..=20_000.0).contains(&n_steps)) {
            return Err(Error::Resolution {
                found: resolution_deg,
            });
        }
        let n_steps = n_steps as usize;
        let degrees = |step: usize| step as f64 * 180.0 / n_steps as f64;
        let lat = (0..=n_steps).map(|i| (degrees(i) - 90.0) as f32).collect();
        let lon = (0..2 * n_steps).map(|i| degrees(i) as f32).collect();
        Self::new(lat, lon)
    }

    /// Latitudes in degrees north, `[n_lat]`.
    pub fn lat(&self) -> &[f32] {
        &self.lat
    }

    /// Longitudes in degrees east, `[n_lon]`.
    pub fn lon(&self) -> &[f32] {
        &self.lon
    }

    /// Number of latitudes.
    pub fn n_lat(&self) -> usize {
        self.lat.len()
    }

    /// Number of longitudes.
    pub fn n_lon(&self) -> usize {
        self.lon.len()
    }

    /// Number of nodes, `n_lat * n_lon`.
    pub fn n_nodes(&self) -> usize {
        self.lat.len() * self.lon.len()
    }

    /// How the latitudes lie.
    pub fn kind(&self) -> GridKind {
        axes::kind(&self.lat)
    }

    /// Whether the longitudes close the circle, so that the last column is a neighbour of the first.
    pub fn is_periodic(&self) -> bool {
        axes::is_periodic(&self.lon)
    }

    /// (latitude, longitude) in degrees of a node.
    ///
    /// # Panics
    /// If `node >= n_nodes()`.
    pub fn position(&self, node: usize) -> (f32, f32) {
        (self.lat[node / self.n_lon()], self.lon[node % self.n_lon()])
    }

    /// Area weight of each row, `[n_lat]`, mean 1.
    ///
    /// A row stands for the band between the midpoints to its neighbours, the outermost rows up to the pole;
    /// its weight is the difference of the sines of the band's edges.
    /// On equally spaced grids these are GraphCast's loss weights up to their mean: `cos(lat)`, and
    /// `sin^2(step / 4)` relative to `cos(lat) sin(step / 2)` on the poles
    /// (Lam et al. 2023, supplement 4.2; `losses.normalized_latitude_weights`).
    /// The outermost row of a grid that ends more than one step before the pole stands for a band that is
    /// symmetric about it instead.
    pub fn latitude_weights(&self) -> Vec<f64> {
        let bands = axes::bands(&self.lat);
        let areas: Vec<f64> = bands.iter().map(|&band| axes::band_area(band)).collect();
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        areas.into_iter().map(|area| area / mean).collect()
    }

    /// The (southern, northern) edge in degrees of the band that each row stands for, `[n_lat]`, as in
    /// [`LatLonGrid::latitude_weights`].
    pub fn latitude_bands(&self) -> Vec<(f64, f64)> {
        axes::bands(&self.lat)
    }

    /// Area of a band between two latitudes in degrees, `sin(north) - sin(south)`; the whole sphere has 2.
    pub fn band_area(south: f64, north: f64) -> f64 {
        axes::band_area((south, north))
    }

    /// Area weight of each node, `[n_nodes]`, sum 1: the latitude weights spread evenly over the longitudes.
    pub fn node_weights(&self) -> Vec<f64> {
        let n_nodes = self.n_nodes() as f64;
        self.latitude_weights()
            .into_iter()
            .flat_map(|weight| std::iter::repeat_n(weight / n_nodes, self.n_lon()))
            .collect()
    }

    /// The node nearest to a point in great-circle distance; of equally near ones the first on each axis.
    ///
    /// `lat` and `lon` in degrees; any longitude is taken modulo 360.
    pub fn nearest(&self, lat: f64, lon: f64) -> usize {
        let distance = |candidate: f32| {
            let d = (lon - f64::from(candidate)).rem_euclid(360.0);
            d.min(360.0 - d)
        };
        let ilon = argmin(self.lon.iter().map(|&x| distance(x)));
        // On that meridian the cosine of the distance is proportional to cos(row - peak).
        let to_meridian = (lon - f64::from(self.lon[ilon])).to_radians().cos();
        let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
        let peak = sin_lat.atan2(cos_lat * to_meridian).to_degrees();
        let ilat = argmin(self.lat.iter().map(|&x| (f64::from(x) - peak).abs()));
        ilat * self.n_lon() + ilon
    }

    /// The four nodes around a point and their bilinear weights (sum 1), `lat` and `lon` in degrees.
    ///
    /// Beyond the first and the last row, and beyond the ends of a grid that does not close the circle,
    /// the nearest row or column is used alone.
    pub fn bilinear(&self, lat: f64, lon: f64) -> [(usize, f64); 4] {
        let (south, north, v) = axes::bracket_latitude(&self.lat, lat);
        let (west, east, u) = axes::bracket_longitude(&self.lon, lon);
        let node = |ilat: usize, ilon: usize| ilat * self.n_lon() + ilon;
        [
            (node(south, west), (1.0 - v) * (1.0 - u)),
            (node(south, east), (1.0 - v) * u),
            (node(north, west), v * (1.0 - u)),
            (node(north, east), v * u),
        ]
    }

    /// Unit vectors of all nodes in double precision, `[n_nodes]`.
    pub fn unit_vectors(&self) -> Vec<[f64; 3]> {
        (0..self.n_nodes())
            .map(|node| self.position(node))
            .map(|(lat, lon)| unit_vector(f64::from(lat), f64::from(lon)))
            .collect()
    }
}

/// Index of the smallest value, the first of equal ones.
fn argmin(values: impl Iterator<Item = f64>) -> usize {
    values
        .enumerate()
        .reduce(|best, next| if next.1 < best.1 { next } else { best })
        .map_or(0, |(index, _)| index)
}
