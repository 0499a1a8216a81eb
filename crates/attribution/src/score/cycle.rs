//! How much of a column follows a cycle.

use std::f64::consts::TAU;

use crate::column::Column;

/// Sums over rows from which a fit of a cycle follows; they add over blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CycleSums {
    n: f64,
    x: f64,
    xx: f64,
    xc: f64,
    xs: f64,
    c: f64,
    s: f64,
    cc: f64,
    ss: f64,
    cs: f64,
}

/// The best fit `x = a + b cos(angle - phase)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CycleFit {
    /// Multiple correlation of the value with (cos, sin) of the angle, 0 to 1.
    pub r: f64,
    /// Angle at which the fit is largest, radians in `[0, tau)`.
    pub phase: f64,
}

impl CycleFit {
    /// The phase as a share of a cycle of this length: hours for 24, days for 365.
    pub fn phase_in(&self, cycle_length: f64) -> f64 {
        self.phase / TAU * cycle_length
    }
}

impl CycleSums {
    /// Adds one row of value `x` at `angle` radians.
    pub fn add(&mut self, x: f64, angle: f64) {
        let (s, c) = angle.sin_cos();
        self.add_angle(c, s);
        self.x += x;
        self.xx += x * x;
        self.xc += x * c;
        self.xs += x * s;
    }

    /// Adds the sums of a block that occurs `weight` times.
    pub fn merge(&mut self, block: &Self, weight: f64) {
        self.n += weight * block.n;
        self.x += weight * block.x;
        self.xx += weight * block.xx;
        self.xc += weight * block.xc;
        self.xs += weight * block.xs;
        self.c += weight * block.c;
        self.s += weight * block.s;
        self.cc += weight * block.cc;
        self.ss += weight * block.ss;
        self.cs += weight * block.cs;
    }

    /// The sum of all blocks, each as often as its weight says.
    pub fn total(blocks: &[Self], weights: &[f64]) -> Self {
        let mut total = Self::default();
        for (block, weight) in blocks.iter().zip(weights) {
            total.merge(block, *weight);
        }
        total
    }

    fn add_angle(&mut self, c: f64, s: f64) {
        self.n += 1.0;
        self.c += c;
        self.s += s;
        self.cc += c * c;
        self.ss += s * s;
        self.cs += c * s;
    }

    /// Centred sums (xx, xc, xs, cc, ss, cs).
    fn centred(&self) -> [f64; 6] {
        let n = self.n;
        [
            self.xx - self.x * self.x / n,
            self.xc - self.x * self.c / n,
            self.xs - self.x * self.s / n,
            self.cc - self.c * self.c / n,
            self.ss - self.s * self.s / n,
            self.cs - self.c * self.s / n,
        ]
    }

    /// Least squares; `None` if the value is constant or the angles do not cover the cycle.
    pub fn fit(&self) -> Option<CycleFit> {
        let [xx, xc, xs, cc, ss, cs] = self.centred();
        let determinant = cc * ss - cs * cs;
        let varies = xx > 1e-12 * self.xx.max(f64::MIN_POSITIVE);
        if self.n < 3.0 || !varies || determinant <= 1e-9 * self.n * self.n {
            return None;
        }
        let b_c = (xc * ss - xs * cs) / determinant;
        let b_s = (xs * cc - xc * cs) / determinant;
        let explained = (b_c * xc + b_s * xs) / xx;
        Some(CycleFit {
            r: explained.clamp(0.0, 1.0).sqrt(),
            phase: b_s.atan2(b_c).rem_euclid(TAU),
        })
    }

    /// Pearson correlation of the value with `cos(angle - phase)` for a phase found elsewhere.
    pub fn correlation_at(&self, phase: f64) -> Option<f64> {
        let [xx, xc, xs, cc, ss, cs] = self.centred();
        let (s, c) = phase.sin_cos();
        let yy = c * c * cc + s * s * ss + 2.0 * c * s * cs;
        let varies = xx > 1e-12 * self.xx.max(f64::MIN_POSITIVE) && yy > 1e-12 * self.n;
        varies.then(|| ((c * xc + s * xs) / (xx * yy).sqrt()).clamp(-1.0, 1.0))
    }
}

/// The rows that a cycle is looked for in: their angle and their block. Row `r` belongs to node `r % n_nodes`.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleCases {
    n_nodes: usize,
    n_blocks: usize,
    cos_sin: Vec<[f32; 2]>,
    block: Vec<Option<u16>>,
    /// Rows, sum of cos, sum of sin of each `[block, node]`.
    cells: Vec<[f64; 3]>,
    /// The sums of each block that do not depend on the values.
    angles: Vec<CycleSums>,
}

impl CycleCases {
    /// Rows with an angle in radians; a row without a block is left out.
    ///
    /// # Panics
    /// If `angle` and `block` have different lengths.
    pub fn new(n_nodes: usize, angle: &[f64], block: Vec<Option<u16>>) -> Self {
        assert_eq!(angle.len(), block.len(), "one block per row");
        let n_blocks = block
            .iter()
            .flatten()
            .max()
            .map_or(0, |&b| usize::from(b) + 1);
        let mut cells = vec![[0.0; 3]; n_blocks * n_nodes];
        let mut angles = vec![CycleSums::default(); n_blocks];
        let cos_sin: Vec<[f32; 2]> = angle
            .iter()
            .map(|a| [a.cos() as f32, a.sin() as f32])
            .collect();
        for (row, (block, [c, s])) in block.iter().zip(&cos_sin).enumerate() {
            let Some(block) = *block else { continue };
            let (block, c, s) = (usize::from(block), f64::from(*c), f64::from(*s));
            let cell = &mut cells[block * n_nodes + row % n_nodes];
            cell[0] += 1.0;
            cell[1] += c;
            cell[2] += s;
            angles[block].add_angle(c, s);
        }
        Self {
            n_nodes,
            n_blocks,
            cos_sin,
            block,
            cells,
            angles,
        }
    }

    /// Number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.n_blocks
    }

    /// Number of rows that take part.
    pub fn n_used(&self) -> u64 {
        self.block.iter().flatten().count() as u64
    }
}

/// Sums per block of a column from which every node's own mean has been removed.
///
/// The mean of a node is taken over all rows of `cases` at that node, so that geography plays no part.
///
/// # Panics
/// If `column` does not have the rows of `cases`.
pub fn cycle_sums(column: &Column, cases: &CycleCases) -> Vec<CycleSums> {
    assert_eq!(column.n_rows, cases.block.len(), "one value per row");
    let mut sums = cases.angles.clone();
    let mut cell_sums = vec![0.0; cases.cells.len()];
    for (row, value) in column.entries() {
        let Some(block) = cases.block[row] else {
            continue;
        };
        let (block, x) = (usize::from(block), f64::from(value));
        let [c, s] = cases.cos_sin[row].map(f64::from);
        let sum = &mut sums[block];
        sum.x += x;
        sum.xx += x * x;
        sum.xc += x * c;
        sum.xs += x * s;
        cell_sums[block * cases.n_nodes + row % cases.n_nodes] += x;
    }
    let cells = |node: usize| (0..cases.n_blocks).map(move |b| (b, b * cases.n_nodes + node));
    for node in 0..cases.n_nodes {
        let total: f64 = cells(node).map(|(_, cell)| cell_sums[cell]).sum();
        if total == 0.0 {
            continue;
        }
        let mean = total
            / cells(node)
                .map(|(_, cell)| cases.cells[cell][0])
                .sum::<f64>();
        for (block, cell) in cells(node) {
            let [n, c, s] = cases.cells[cell];
            let sum = &mut sums[block];
            sum.x -= mean * n;
            sum.xx += mean * (mean * n - 2.0 * cell_sums[cell]);
            sum.xc -= mean * c;
            sum.xs -= mean * s;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_cosine_is_found_with_its_phase() {
        let mut sums = CycleSums::default();
        for i in 0..360 {
            let angle = f64::from(i).to_radians();
            sums.add(5.0 + 2.0 * (angle - 1.25).cos(), angle);
        }
        let fit = sums.fit().unwrap();
        assert!((fit.r - 1.0).abs() < 1e-12 && (fit.phase - 1.25).abs() < 1e-12);
        assert!((fit.phase_in(24.0) - 1.25 / TAU * 24.0).abs() < 1e-12);
        assert!((sums.correlation_at(1.25).unwrap() - 1.0).abs() < 1e-12);
        assert!((sums.correlation_at(1.25 + TAU / 2.0).unwrap() + 1.0).abs() < 1e-12);
        assert!(sums.correlation_at(1.25 + TAU / 4.0).unwrap().abs() < 1e-12);
    }

    #[test]
    fn signal_and_noise_of_equal_variance_give_the_root_of_a_half() {
        // The second harmonic is orthogonal to the first one on equally spaced angles.
        let mut sums = CycleSums::default();
        for i in 0..360 {
            let angle = f64::from(i).to_radians();
            sums.add(angle.cos() + (2.0 * angle).sin(), angle);
        }
        assert!((sums.fit().unwrap().r - 0.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_constant_or_a_single_angle_has_no_fit() {
        let mut constant = CycleSums::default();
        let mut single = CycleSums::default();
        for i in 0..12 {
            constant.add(0.1, f64::from(i) * TAU / 12.0);
            single.add(f64::from(i), 0.3);
        }
        assert_eq!(constant.fit(), None);
        assert_eq!(single.fit(), None);
    }

    #[test]
    fn node_means_are_removed_exactly() {
        let (n_nodes, n_records) = (3, 8);
        let angle: Vec<f64> = (0..n_nodes * n_records)
            .map(|row| (row / n_nodes) as f64 * 0.7 + (row % n_nodes) as f64)
            .collect();
        let block = (0..angle.len())
            .map(|row| (row % n_nodes != 1).then_some(((row / n_nodes) / 3) as u16))
            .collect();
        let cases = CycleCases::new(n_nodes, &angle, block);
        let values: Vec<f32> = (0..angle.len())
            .map(|row| {
                if row % 5 == 0 {
                    0.0
                } else {
                    (row * row % 17) as f32
                }
            })
            .collect();
        let sums = cycle_sums(&Column::dense(values.clone()), &cases);
        let total = CycleSums::total(&sums, &[1.0; 3]);
        let mut expected = CycleSums::default();
        for node in [0, 2] {
            let of = |r: usize| f64::from(values[r * n_nodes + node]);
            let mean = (0..n_records).map(of).sum::<f64>() / n_records as f64;
            for r in 0..n_records {
                expected.add(of(r) - mean, angle[r * n_nodes + node]);
            }
        }
        assert!((total.xx - expected.xx).abs() < 1e-9 && total.x.abs() < 1e-9);
        let (a, b) = (total.fit().unwrap(), expected.fit().unwrap());
        assert!((a.r - b.r).abs() < 1e-6 && (a.phase - b.phase).abs() < 1e-6);
    }
}
