//! Conservative averages from one latitude-longitude grid to a coarser one.

mod overlap;
mod target;

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::{Error, Field, Result};
use overlap::Overlap;
pub use target::TargetGrid;

/// Averages of fields over the cells of a coarser grid, first-order conservative.
///
/// A value of the fine grid stands for its cell: a band in latitude as in
/// [`LatLonGrid::latitude_weights`] and one step in longitude. A value of the coarse grid is the mean of the fine
/// values, weighted with the area that their cells share with its own (Jones 1999,
/// <https://doi.org/10.1175/1520-0493(1999)127%3C2204:FASOCR%3E2.0.CO;2>). The areas are products of a difference
/// of longitudes and one of sines of latitudes, so a plane is multiplied by two small sparse matrices.
///
/// Sums are in f64. Missing values (NaN) have no weight; a coarse value is missing when nothing known lies in its cell.
/// Winds are averaged by component, which blurs them at the poles.
///
/// ```
/// use dropsonde_fields::{Coarsening, TargetGrid};
/// use dropsonde_mesh::LatLonGrid;
///
/// let fine = LatLonGrid::with_poles(0.5)?;
/// let to_1_degree = Coarsening::new(&fine, &"1.0".parse::<TargetGrid>()?)?;
/// assert_eq!((to_1_degree.grid().n_lat(), to_1_degree.grid().n_lon()), (181, 360));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Coarsening {
    grid: LatLonGrid,
    source_shape: [usize; 2],
    rows: Overlap,
    columns: Overlap,
}

impl Coarsening {
    /// From a grid that closes the circle to a coarser one of the same sphere.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if the source grid does not close the circle or the target is finer than it.
    pub fn new(source: &LatLonGrid, target: &TargetGrid) -> Result<Self> {
        let invalid = |expected: String, found: String| Error::InvalidParameter {
            name: "grid",
            expected,
            found,
        };
        if !source.is_periodic() {
            let found = format!("{} longitudes of a part of it", source.n_lon());
            let expected = "a source whose longitudes close the circle".to_owned();
            return Err(invalid(expected, found));
        }
        let cells = target.cells(source)?;
        let (n_lat, n_lon) = (cells.grid.n_lat(), cells.grid.n_lon());
        if n_lat > source.n_lat() || n_lon > source.n_lon() {
            let expected = format!(
                "a grid not finer than the source's {}x{}",
                source.n_lon(),
                source.n_lat()
            );
            return Err(invalid(expected, format!("{n_lon}x{n_lat}")));
        }
        Ok(Self {
            rows: Overlap::of_bands(&cells.bands, &source.latitude_bands()),
            columns: Overlap::of_arcs(cells.grid.lon(), source.lon()),
            grid: cells.grid,
            source_shape: [source.n_lat(), source.n_lon()],
        })
    }

    /// The coarse grid.
    pub fn grid(&self) -> &LatLonGrid {
        &self.grid
    }

    /// The share of the sphere of each coarse row, `[n_lat]`, sum 1: the area of the cells that were averaged.
    ///
    /// Where the coarse rows are equally spaced these are the grid's own
    /// [`latitude_weights`](LatLonGrid::latitude_weights) over `n_lat`; for pairs of Gaussian rows the two differ a
    /// little, since the midpoints between pairs are not exactly the edges of the pairs.
    pub fn row_shares(&self) -> Vec<f64> {
        let areas: Vec<f64> = (0..self.rows.len()).map(|row| self.rows.sum(row)).collect();
        let total: f64 = areas.iter().sum();
        areas.into_iter().map(|area| area / total).collect()
    }

    /// The averages of a plane `[lat, lon]` of the source grid, `[lat, lon]` of the coarse one.
    ///
    /// # Errors
    /// [`Error::Shape`] if the plane is not on the source grid.
    pub fn plane(&self, plane: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        if plane.shape() != self.source_shape {
            return Err(Error::Shape {
                what: "plane to be coarsened".to_owned(),
                expected: self.source_shape.to_vec(),
                found: plane.shape().to_vec(),
            });
        }
        Ok(self.means(plane).mapv(|x| x as f32))
    }

    /// The averages before they are rounded to f32.
    fn means(&self, plane: ArrayView2<'_, f32>) -> Array2<f64> {
        if plane.iter().any(|x| x.is_nan()) {
            let known = plane.mapv(|x| if x.is_nan() { 0.0 } else { 1.0 });
            let filled = plane.mapv(|x| if x.is_nan() { 0.0 } else { x });
            let (sums, weights) = (self.sums(filled.view()), self.sums(known.view()));
            // Without weight the quotient is 0 / 0, which is NaN: missing.
            return sums / weights;
        }
        let mut means = self.sums(plane);
        for (row, mut values) in means.rows_mut().into_iter().enumerate() {
            let across = self.rows.sum(row);
            for (column, value) in values.iter_mut().enumerate() {
                *value /= across * self.columns.sum(column);
            }
        }
        means
    }

    /// The averages of every level of a field.
    ///
    /// # Errors
    /// [`Error::Shape`] if the field is not on the source grid.
    pub fn field(&self, field: &Field) -> Result<Field> {
        let shape = (field.data.shape()[0], self.grid.n_lat(), self.grid.n_lon());
        let mut data = Array3::zeros(shape);
        for (plane, mut mean) in field.data.outer_iter().zip(data.axis_iter_mut(Axis(0))) {
            mean.assign(&self.plane(plane)?);
        }
        Ok(Field {
            levels: field.levels.clone(),
            data,
        })
    }

    /// `rows * plane * columns^T` in f64.
    fn sums(&self, plane: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut sums = Array2::zeros((self.rows.len(), self.columns.len()));
        let mut line = vec![0.0; plane.ncols()];
        for (row, mut out) in sums.rows_mut().into_iter().enumerate() {
            line.fill(0.0);
            for &(index, weight) in self.rows.parts(row) {
                for (sum, &value) in line.iter_mut().zip(plane.row(index)) {
                    *sum += weight * f64::from(value);
                }
            }
            for (column, value) in out.iter_mut().enumerate() {
                let parts = self.columns.parts(column);
                *value = parts.iter().map(|&(index, w)| w * line[index]).sum();
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean over the sphere with the share of each row.
    fn mean(plane: &Array2<f64>, shares: &[f64]) -> f64 {
        let rows = plane.rows().into_iter().zip(shares);
        rows.map(|(row, share)| share * row.sum() / row.len() as f64)
            .sum()
    }

    #[test]
    fn the_mean_over_the_sphere_is_kept() {
        let rows = |n: usize| (0..n).map(move |i| (i as f32 + 0.5) / n as f32 * 180.0 - 90.0);
        let uneven = rows(24).map(|lat| lat + 0.3 * (lat * 4.0).to_radians().sin());
        let lon = (0..48).map(|j| j as f32 * 7.5);
        let sources = [
            LatLonGrid::new(uneven.collect(), lon.collect()).unwrap(),
            LatLonGrid::with_poles(3.0).unwrap(),
        ];
        for source in sources {
            let plane = Array2::from_shape_fn((source.n_lat(), source.n_lon()), |(i, j)| {
                (250 + (i * 37 + j * 101) % 83) as f32 + (i as f32 * 0.7).sin()
            });
            let n_lat = source.n_lat() as f64;
            let weights = source.latitude_weights();
            let shares: Vec<f64> = weights.iter().map(|w| w / n_lat).collect();
            let expected = mean(&plane.mapv(f64::from), &shares);
            for target in ["24x12", "16x8", "17x9", "10.0", "2x2"] {
                let coarsening = Coarsening::new(&source, &target.parse().unwrap()).unwrap();
                let found = mean(&coarsening.means(plane.view()), &coarsening.row_shares());
                assert!(
                    (found / expected - 1.0).abs() < 1e-12,
                    "{target}: {found} {expected}"
                );
            }
        }
    }
}
