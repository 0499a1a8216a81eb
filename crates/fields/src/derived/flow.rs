//! Speed, vorticity and divergence of a horizontal wind on the sphere.

use dropsonde_mesh::{EARTH_RADIUS_KM, LatLonGrid};
use ndarray::{Array2, ArrayView2};

use super::check_shape;
use crate::Result;

/// Rows this close to a pole (degrees) count as the pole.
const POLE_MARGIN_DEG: f64 = 1e-3;

/// Length of a vector field, same shape as its components.
///
/// # Panics
/// If the components have different shapes.
pub fn wind_speed(u: ArrayView2<'_, f32>, v: ArrayView2<'_, f32>) -> Array2<f32> {
    assert_eq!(u.dim(), v.dim(), "wind components of different shapes");
    ndarray::Zip::from(u).and(v).map_collect(|u, v| u.hypot(*v))
}

/// Relative vorticity in s-1, `[lat, lon]`: `(dv/dlon - d(u cos lat)/dlat) / (a cos lat)`.
///
/// Centred differences, second order on unequal rows too; one-sided in the outermost rows.
/// On a pole it is the circulation around the next row divided by the area of that cap (Stokes).
///
/// # Errors
/// [`crate::Error::Shape`] if a component is not on `grid`.
pub fn relative_vorticity(
    u: ArrayView2<'_, f32>,
    v: ArrayView2<'_, f32>,
    grid: &LatLonGrid,
) -> Result<Array2<f32>> {
    check_shape("eastward wind", grid, u.shape())?;
    check_shape("northward wind", grid, v.shape())?;
    let derivatives = Derivatives::new(grid);
    Ok(derivatives.combine(v, u, -1.0))
}

/// Divergence in s-1, `[lat, lon]`: `(du/dlon + d(v cos lat)/dlat) / (a cos lat)`.
///
/// The same differences as [`relative_vorticity`]; on a pole the outflow through the next row (Gauss).
///
/// # Errors
/// [`crate::Error::Shape`] if a component is not on `grid`.
pub fn divergence(
    u: ArrayView2<'_, f32>,
    v: ArrayView2<'_, f32>,
    grid: &LatLonGrid,
) -> Result<Array2<f32>> {
    check_shape("eastward wind", grid, u.shape())?;
    check_shape("northward wind", grid, v.shape())?;
    let derivatives = Derivatives::new(grid);
    Ok(derivatives.combine(u, v, 1.0))
}

/// Difference formulas of one grid.
struct Derivatives {
    lat: Vec<f64>,
    lon_step: f64,
    periodic: bool,
}

impl Derivatives {
    fn new(grid: &LatLonGrid) -> Self {
        let radians = |x: &f32| f64::from(*x).to_radians();
        let lon: Vec<f64> = grid.lon().iter().map(radians).collect();
        Self {
            lat: grid.lat().iter().map(radians).collect(),
            lon_step: if lon.len() > 1 { lon[1] - lon[0] } else { 1.0 },
            periodic: grid.is_periodic(),
        }
    }

    /// `(d east/dlon + sign d(north cos lat)/dlat) / (a cos lat)`.
    fn combine(
        &self,
        east: ArrayView2<'_, f32>,
        north: ArrayView2<'_, f32>,
        sign: f64,
    ) -> Array2<f32> {
        let radius = 1e3 * EARTH_RADIUS_KM;
        let flux = Array2::from_shape_fn(north.dim(), |(i, j)| {
            f64::from(north[[i, j]]) * self.lat[i].cos()
        });
        Array2::from_shape_fn(east.dim(), |(i, j)| {
            if let Some(cap) = self.polar_cap(i, &flux) {
                return (sign * cap / radius) as f32;
            }
            let sum = self.along_row(east, i, j) + sign * self.across_rows(&flux, i, j);
            (sum / (radius * self.lat[i].cos())) as f32
        })
    }

    /// Derivative with respect to longitude (radians).
    fn along_row(&self, plane: ArrayView2<'_, f32>, i: usize, j: usize) -> f64 {
        let n = plane.ncols();
        if n < 2 {
            return 0.0;
        }
        let (west, east, steps) = match (self.periodic, j) {
            (true, _) => ((j + n - 1) % n, (j + 1) % n, 2.0),
            (false, 0) => (0, 1, 1.0),
            (false, j) if j + 1 == n => (j - 1, j, 1.0),
            (false, j) => (j - 1, j + 1, 2.0),
        };
        (f64::from(plane[[i, east]]) - f64::from(plane[[i, west]])) / (steps * self.lon_step)
    }

    /// Derivative with respect to latitude (radians).
    fn across_rows(&self, plane: &Array2<f64>, i: usize, j: usize) -> f64 {
        let last = self.lat.len() - 1;
        let slope =
            |a: usize, b: usize| (plane[[b, j]] - plane[[a, j]]) / (self.lat[b] - self.lat[a]);
        match i {
            _ if last == 0 => 0.0,
            0 => slope(0, 1),
            i if i == last => slope(last - 1, last),
            i => {
                let (before, after) =
                    (self.lat[i] - self.lat[i - 1], self.lat[i + 1] - self.lat[i]);
                (after * slope(i - 1, i) + before * slope(i, i + 1)) / (before + after)
            }
        }
    }

    /// On a pole of a closed grid: the mean northward flux through the next row over the cap's area,
    /// times the Earth's radius; `None` elsewhere.
    fn polar_cap(&self, i: usize, flux: &Array2<f64>) -> Option<f64> {
        let last = self.lat.len() - 1;
        let pole = std::f64::consts::FRAC_PI_2 - self.lat[i].abs() < POLE_MARGIN_DEG.to_radians();
        if !pole || !self.periodic || last == 0 {
            return None;
        }
        let next = if i == 0 { 1 } else { last - 1 };
        let mean = flux.row(next).sum() / flux.ncols() as f64;
        let outward = -self.lat[i].signum() * mean;
        Some(outward / (1.0 - self.lat[next].sin().abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEED: f64 = 30.0;

    /// Solid-body rotation about an axis tilted by `tilt` radians: u, v and twice the angular velocity
    /// along the local vertical.
    fn rotation(grid: &LatLonGrid, tilt: f64) -> (Array2<f32>, Array2<f32>, Array2<f64>) {
        let make = |f: &dyn Fn(f64, f64) -> f64| {
            Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), |(i, j)| {
                f(
                    f64::from(grid.lat()[i]).to_radians(),
                    f64::from(grid.lon()[j]).to_radians(),
                )
            })
        };
        let u =
            make(&|lat, lon| SPEED * (lat.cos() * tilt.cos() + lat.sin() * lon.cos() * tilt.sin()));
        let v = make(&|_, lon| -SPEED * lon.sin() * tilt.sin());
        let vorticity = make(&|lat, lon| {
            2.0 * SPEED / (1e3 * EARTH_RADIUS_KM)
                * (lat.sin() * tilt.cos() - lat.cos() * lon.cos() * tilt.sin())
        });
        let single = |plane: Array2<f64>| plane.mapv(|x| x as f32);
        (single(u), single(v), vorticity)
    }

    /// Largest error of vorticity and divergence relative to the largest vorticity.
    fn errors(grid: &LatLonGrid, tilt: f64, margin: usize) -> (f64, f64) {
        let (u, v, expected) = rotation(grid, tilt);
        let scale = 2.0 * SPEED / (1e3 * EARTH_RADIUS_KM);
        let vorticity = relative_vorticity(u.view(), v.view(), grid).unwrap();
        let divergence = divergence(u.view(), v.view(), grid).unwrap();
        let mut worst = (0.0_f64, 0.0_f64);
        for i in margin..grid.n_lat() - margin {
            for j in 0..grid.n_lon() {
                let error = (f64::from(vorticity[[i, j]]) - expected[[i, j]]).abs();
                worst.0 = worst.0.max(error / scale);
                worst.1 = worst.1.max(f64::from(divergence[[i, j]]).abs() / scale);
            }
        }
        worst
    }

    #[test]
    fn rotation_about_the_poles_is_exact_up_to_second_order() {
        let (vorticity, divergence) = errors(&LatLonGrid::with_poles(1.0).unwrap(), 0.0, 0);
        assert!(vorticity < 5e-4, "{vorticity}");
        assert!(divergence < 1e-6, "{divergence}");
    }

    #[test]
    fn tilted_rotation_converges_at_second_order() {
        // Away from the poles; there the winds turn within a few columns.
        let at = |step: f64| {
            let margin = (30.0 / step) as usize;
            errors(&LatLonGrid::with_poles(step).unwrap(), 0.7, margin)
        };
        let (coarse, fine) = (at(3.0), at(1.5));
        assert!(coarse.0 < 5e-3 && coarse.1 < 5e-3, "{coarse:?}");
        assert!(
            (3.0..5.0).contains(&(coarse.0 / fine.0)),
            "{coarse:?} {fine:?}"
        );
    }

    #[test]
    fn poles_by_circulation() {
        let grid = LatLonGrid::with_poles(2.0).unwrap();
        let (u, v, expected) = rotation(&grid, 0.7);
        let vorticity = relative_vorticity(u.view(), v.view(), &grid).unwrap();
        for i in [0, grid.n_lat() - 1] {
            let (found, expected) = (f64::from(vorticity[[i, 5]]), expected[[i, 5]]);
            assert!((found / expected - 1.0).abs() < 2e-3, "{found} {expected}");
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let up = LatLonGrid::with_poles(5.0).unwrap();
        let lat = up.lat().iter().rev().copied().collect();
        let down = LatLonGrid::new(lat, up.lon().to_vec()).unwrap();
        let (u, v, _) = rotation(&up, 0.4);
        let (u_down, v_down, _) = rotation(&down, 0.4);
        let a = relative_vorticity(u.view(), v.view(), &up).unwrap();
        let b = relative_vorticity(u_down.view(), v_down.view(), &down).unwrap();
        for i in 0..up.n_lat() {
            for j in 0..up.n_lon() {
                assert!((a[[i, j]] - b[[up.n_lat() - 1 - i, j]]).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn convergent_flow_on_uneven_rows() {
        // v = -V sin(lat) cos(lat) has divergence -V/a (cos^2 - 2 sin^2): a belt of convergence at the equator.
        let lat: Vec<f32> = (0..40)
            .map(|i| -60.0 + 3.0 * i as f32 + 0.2 * (i % 3) as f32)
            .collect();
        let lon = (0..36).map(|j| 10.0 * j as f32).collect();
        let grid = LatLonGrid::new(lat, lon).unwrap();
        let v = Array2::from_shape_fn((40, 36), |(i, _)| {
            let lat = f64::from(grid.lat()[i]).to_radians();
            (-SPEED * lat.sin() * lat.cos()) as f32
        });
        let u = Array2::zeros((40, 36));
        let found = divergence(u.view(), v.view(), &grid).unwrap();
        for i in 1..39 {
            let lat = f64::from(grid.lat()[i]).to_radians();
            let expected =
                -SPEED / (1e3 * EARTH_RADIUS_KM) * (lat.cos().powi(2) - 2.0 * lat.sin().powi(2));
            let error = (f64::from(found[[i, 7]]) - expected).abs();
            assert!(
                error < 1e-2 * SPEED / (1e3 * EARTH_RADIUS_KM),
                "row {i}: {error}"
            );
        }
    }
}
