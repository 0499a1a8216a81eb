//! How much the cells of two axes overlap.

use dropsonde_mesh::LatLonGrid;

/// Overlaps thinner than this (degrees) come from rounding of coordinates in f32.
const NOTHING: f64 = 1e-5;

/// For each coarse cell of an axis, the fine cells that it overlaps and by how much.
#[derive(Clone, Debug)]
pub(super) struct Overlap {
    parts: Vec<Vec<(usize, f64)>>,
    sums: Vec<f64>,
}

impl Overlap {
    fn new(parts: Vec<Vec<(usize, f64)>>) -> Self {
        let sum = |parts: &Vec<(usize, f64)>| parts.iter().map(|(_, weight)| weight).sum();
        Self {
            sums: parts.iter().map(sum).collect(),
            parts,
        }
    }

    /// Of bands given by their (southern, northern) edges in degrees; the measure is area.
    pub(super) fn of_bands(coarse: &[(f64, f64)], fine: &[(f64, f64)]) -> Self {
        let shared = |a: (f64, f64), b: (f64, f64)| {
            let (south, north) = (a.0.max(b.0), a.1.min(b.1));
            (north - south > NOTHING).then(|| LatLonGrid::band_area(south, north))
        };
        let parts = coarse.iter().map(|&band| {
            let of_fine = |(index, &other)| Some((index, shared(band, other)?));
            fine.iter().enumerate().filter_map(of_fine).collect()
        });
        Self::new(parts.collect())
    }

    /// Of arcs around equally spaced longitudes (degrees) that close the circle; the measure is degrees.
    pub(super) fn of_arcs(coarse: &[f32], fine: &[f32]) -> Self {
        let (wide, narrow) = (360.0 / coarse.len() as f64, 360.0 / fine.len() as f64);
        // Spaced equally in f64: steps that f32 cannot hold would leave gaps.
        let begin = |axis: &[f32]| axis.first().map_or(0.0, |&first| f64::from(first));
        let (first_wide, first_narrow) = (begin(coarse), begin(fine));
        let shared = |a: usize, b: usize| {
            let (a, b) = (
                first_wide + a as f64 * wide,
                first_narrow + b as f64 * narrow,
            );
            // The fine centre as seen from the coarse one, from -180 up to 180.
            let offset = (b - a + 180.0).rem_euclid(360.0) - 180.0;
            let (west, east) = (offset - narrow / 2.0, offset + narrow / 2.0);
            let inside = |shift: f64| {
                let length = (east + shift).min(wide / 2.0) - (west + shift).max(-wide / 2.0);
                length.max(0.0)
            };
            // A fine cell opposite of a very wide coarse one may touch it on both sides.
            let length = inside(0.0) + inside(-360.0) + inside(360.0);
            (length > NOTHING).then_some(length)
        };
        let parts = (0..coarse.len()).map(|cell| {
            let of_fine = |index| Some((index, shared(cell, index)?));
            (0..fine.len()).filter_map(of_fine).collect()
        });
        Self::new(parts.collect())
    }

    /// Number of coarse cells.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The fine cells in a coarse one.
    pub(super) fn parts(&self, cell: usize) -> &[(usize, f64)] {
        &self.parts[cell]
    }

    /// The whole overlap of a coarse cell.
    pub(super) fn sum(&self, cell: usize) -> f64 {
        self.sums[cell]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_close_the_circle() {
        let overlap = Overlap::of_arcs(&[0.0, 120.0, 240.0], &[0.0, 90.0, 180.0, 270.0]);
        assert_eq!(overlap.parts(0), [(0, 90.0), (1, 15.0), (3, 15.0)]);
        assert_eq!(overlap.parts(1), [(1, 75.0), (2, 45.0)]);
        for cell in 0..overlap.len() {
            assert!((overlap.sum(cell) - 120.0).abs() < 1e-12);
        }
    }

    #[test]
    fn two_cells_take_each_the_half_across() {
        let overlap = Overlap::of_arcs(&[0.0, 180.0], &[0.0, 90.0, 180.0, 270.0]);
        assert_eq!(overlap.parts(0), [(0, 90.0), (1, 45.0), (3, 45.0)]);
        let whole = Overlap::of_arcs(&[10.0], &[0.0, 180.0]);
        assert_eq!(whole.parts(0), [(0, 180.0), (1, 180.0)]);
    }
}
