//! How variance is spread over scales.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, s};

use crate::derived::check_shape;
use crate::{Error, Result, score_latitude_weights};

/// Power of a field by zonal wavenumber: how often a wave fits around a circle of latitude.
///
/// With `x_j` the values of a row of `n` longitudes and `X_k = 1/n sum_j x_j exp(-2 pi i j k / n)`, the power of the
/// row is `P_0 = |X_0|^2`, `P_k = 2 |X_k|^2`, and `P_(n/2) = |X_(n/2)|^2` for an even `n`, so that the sum over all
/// wavenumbers is the mean of the squares of the row (Parseval). The power of a band is the mean over its rows
/// with the weights of the scores ([`score_latitude_weights`]); that of a vector is the sum over its components.
///
/// Zonal and not total wavenumber, because rows of equally spaced longitudes have an exact transform whatever the
/// latitudes are, while spherical harmonics need the nodes of a quadrature, which cell averages and coarsened
/// Gaussian rows are not. The price is that one wavenumber is a shorter wave at higher latitude, so bands should
/// be narrow; WeatherBench 2 takes its spectra along rows too, between 30 and 60 degrees (arXiv 2308.15560).
///
/// The transform is a product with a matrix of sines and cosines: exact for every `n`, and fast enough up to 0.25
/// degrees.
///
/// ```
/// use dropsonde_fields::ZonalSpectrum;
/// use dropsonde_mesh::LatLonGrid;
/// use ndarray::Array2;
///
/// let grid = LatLonGrid::with_poles(10.0)?;
/// let wave = Array2::from_shape_fn((19, 36), |(_, j)| 3.0 * (4.0 * 10.0 * j as f64).to_radians().sin());
/// let power = ZonalSpectrum::new(&grid, [0.0, 90.0])?.power(&[wave])?;
/// assert_eq!(power.len(), 19);
/// assert!((power[4] - 4.5).abs() < 1e-12); // half the square of the amplitude
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ZonalSpectrum {
    grid: LatLonGrid,
    /// Rows of the band and their weights, sum 1.
    rows: Vec<(usize, f64)>,
    /// `[n_lon, 2 n_wavenumbers]`: cosines, then sines, divided by `n_lon`.
    waves: Array2<f64>,
}

impl ZonalSpectrum {
    /// For the rows of a grid whose distance from the equator in degrees lies between two values, both hemispheres.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if no row lies there, or if the grid does not go around the Earth.
    pub fn new(grid: &LatLonGrid, band: [f64; 2]) -> Result<Self> {
        if !grid.is_periodic() {
            return Err(Error::InvalidParameter {
                name: "grid",
                expected: "longitudes all around the Earth".to_owned(),
                found: format!("{} longitudes of a part of it", grid.n_lon()),
            });
        }
        let weights = score_latitude_weights(grid);
        let inside = |row: &usize| {
            let distance = f64::from(grid.lat()[*row].abs());
            (band[0]..=band[1]).contains(&distance)
        };
        let rows: Vec<usize> = (0..grid.n_lat()).filter(inside).collect();
        let total: f64 = rows.iter().map(|&row| weights[row]).sum();
        if rows.is_empty() || total <= 0.0 {
            return Err(Error::InvalidParameter {
                name: "band",
                expected: "two distances from the equator in degrees with rows of the grid between"
                    .to_owned(),
                found: format!("{} to {}", band[0], band[1]),
            });
        }
        Ok(Self {
            rows: rows
                .into_iter()
                .map(|row| (row, weights[row] / total))
                .collect(),
            waves: waves(grid.n_lon()),
            grid: grid.clone(),
        })
    }

    /// Number of wavenumbers, from 0 to half the number of longitudes.
    pub fn n_wavenumbers(&self) -> usize {
        self.waves.ncols() / 2
    }

    /// Power by wavenumber of a field with these components, each `[lat, lon]`, in the square of its units.
    ///
    /// # Errors
    /// [`Error::Shape`] if a component is not on the grid.
    pub fn power(&self, components: &[Array2<f64>]) -> Result<Vec<f64>> {
        let n = self.n_wavenumbers();
        let mut power = vec![0.0; n];
        for component in components {
            check_shape("field", &self.grid, component.shape())?;
            for &(row, weight) in &self.rows {
                let amplitudes = component.row(row).dot(&self.waves);
                let (cosines, sines) = (amplitudes.slice(s![..n]), amplitudes.slice(s![n..]));
                for (k, (c, s)) in cosines.iter().zip(sines).enumerate() {
                    power[k] += weight * self.count(k) * (c * c + s * s);
                }
            }
        }
        Ok(power)
    }

    /// How many of the `n_lon` complex amplitudes a wavenumber stands for: itself and its mirror image, if it has one.
    fn count(&self, wavenumber: usize) -> f64 {
        let is_own_mirror = wavenumber == 0 || 2 * wavenumber == self.grid.n_lon();
        if is_own_mirror { 1.0 } else { 2.0 }
    }
}

fn waves(n_lon: usize) -> Array2<f64> {
    let n = n_lon / 2 + 1;
    let step = std::f64::consts::TAU / n_lon as f64;
    Array2::from_shape_fn((n_lon, 2 * n), |(j, column)| {
        // The product is reduced first: whole turns would only cost digits.
        let angle = step * ((j * (column % n)) % n_lon) as f64;
        let wave = if column < n { angle.cos() } else { angle.sin() };
        wave / n_lon as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(n_lat: usize, n_lon: usize) -> LatLonGrid {
        let lat = (0..n_lat).map(|i| -87.0 + 174.0 * i as f32 / (n_lat - 1) as f32);
        let lon = (0..n_lon).map(|j| 360.0 * j as f32 / n_lon as f32);
        LatLonGrid::new(lat.collect(), lon.collect()).unwrap()
    }

    /// Something without symmetry.
    fn rough(n_lat: usize, n_lon: usize) -> Array2<f64> {
        Array2::from_shape_fn((n_lat, n_lon), |(i, j)| {
            let x = (i * 7919 + j * 104_729) % 1009;
            x as f64 / 100.0 - 3.0 + i as f64
        })
    }

    #[test]
    fn a_single_wave_has_all_its_power_at_its_wavenumber() {
        let grid = grid(12, 24);
        let spectrum = ZonalSpectrum::new(&grid, [0.0, 90.0]).unwrap();
        for (wavenumber, power) in [(0, 4.0), (1, 2.0), (5, 2.0), (12, 4.0)] {
            let wave = Array2::from_shape_fn((12, 24), |(_, j)| {
                2.0 * (std::f64::consts::TAU * (wavenumber * j) as f64 / 24.0).cos()
            });
            for (k, found) in spectrum.power(&[wave]).unwrap().into_iter().enumerate() {
                let expected = if k == wavenumber { power } else { 0.0 };
                assert!((found - expected).abs() < 1e-12, "{wavenumber} {k} {found}");
            }
        }
    }

    #[test]
    fn power_adds_up_to_the_mean_square() {
        for n_lon in [24, 25] {
            let grid = grid(12, n_lon);
            let (u, v) = (rough(12, n_lon), rough(12, n_lon).mapv(|x| x * x - 2.0));
            let spectrum = ZonalSpectrum::new(&grid, [0.0, 90.0]).unwrap();
            let power: f64 = spectrum
                .power(&[u.clone(), v.clone()])
                .unwrap()
                .iter()
                .sum();
            let weights = score_latitude_weights(&grid);
            let squares = u.mapv(|x| x * x) + v.mapv(|x| x * x);
            let rows = squares.rows().into_iter().zip(&weights);
            let mean: f64 = rows.map(|(row, w)| w * row.sum()).sum::<f64>() / (12 * n_lon) as f64;
            assert!((power / mean - 1.0).abs() < 1e-12, "{power} {mean}");
        }
    }

    #[test]
    fn only_rows_of_the_band_count() {
        let grid = grid(30, 24);
        let spectrum = ZonalSpectrum::new(&grid, [30.0, 60.0]).unwrap();
        let inside = |i: usize| (30.0..=60.0).contains(&grid.lat()[i].abs());
        let field = Array2::from_shape_fn((30, 24), |(i, _)| if inside(i) { 1.0 } else { 7.0 });
        let power = spectrum.power(&[field]).unwrap();
        assert!((power[0] - 1.0).abs() < 1e-12, "{power:?}");
    }

    #[test]
    fn regions_empty_bands_and_other_grids_are_refused() {
        let region = LatLonGrid::new(vec![0.0, 5.0], vec![0.0, 5.0, 10.0]).unwrap();
        let error = ZonalSpectrum::new(&region, [0.0, 90.0]).unwrap_err();
        assert!(error.to_string().contains("all around"), "{error}");
        let grid = grid(12, 24);
        let error = ZonalSpectrum::new(&grid, [89.0, 90.0]).unwrap_err();
        assert!(error.to_string().contains("89 to 90"), "{error}");
        let spectrum = ZonalSpectrum::new(&grid, [0.0, 90.0]).unwrap();
        assert!(spectrum.power(&[rough(12, 25)]).is_err());
    }
}
