//! A mean and some harmonics of the year, fitted to values at irregular days.

use std::f64::consts::TAU;

/// Days of a mean year, so that leap years and others share a phase.
const DAYS_PER_YEAR: f64 = 365.25;

/// Values of the basis at a day of the year (1 to 366, fractions allowed): 1, cos, sin, cos 2, sin 2, ...
pub(super) fn basis(day_of_year: f64, n_harmonics: usize) -> Vec<f64> {
    let angle = TAU * (day_of_year - 1.0) / DAYS_PER_YEAR;
    let pairs = (1..=n_harmonics).flat_map(|k| {
        let (sin, cos) = (k as f64 * angle).sin_cos();
        [cos, sin]
    });
    std::iter::once(1.0).chain(pairs).collect()
}

/// Least-squares sums of one basis for many points at once.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    n_basis: usize,
    /// Sums of products of the basis, `[n_basis, n_basis]`.
    normal: Vec<f64>,
    /// Sums of basis times value, `[n_basis, n_points]`.
    projections: Vec<Vec<f64>>,
}

impl Fit {
    pub(super) fn new(n_harmonics: usize, n_points: usize) -> Self {
        let n_basis = 1 + 2 * n_harmonics;
        Self {
            n_basis,
            normal: vec![0.0; n_basis * n_basis],
            projections: vec![vec![0.0; n_points]; n_basis],
        }
    }

    /// Adds the values of all points where the basis has these values.
    pub(super) fn add<'a>(&mut self, basis: &[f64], values: impl Iterator<Item = &'a f32> + Clone) {
        for (i, &a) in basis.iter().enumerate() {
            for (j, &b) in basis.iter().enumerate() {
                self.normal[i * self.n_basis + j] += a * b;
            }
            for (sum, &value) in self.projections[i].iter_mut().zip(values.clone()) {
                *sum += a * f64::from(value);
            }
        }
    }

    /// The coefficients `[n_basis, n_points]`, or `None` if the days cannot tell the harmonics apart.
    pub(super) fn solve(mut self) -> Option<Vec<Vec<f64>>> {
        let lower = cholesky(&self.normal, self.n_basis)?;
        let n = self.n_basis;
        // Forward and back substitution, for all points of a row at once.
        for i in 0..n {
            for j in 0..i {
                self.subtract(i, j, lower[i * n + j]);
            }
            self.projections[i]
                .iter_mut()
                .for_each(|x| *x /= lower[i * n + i]);
        }
        for i in (0..n).rev() {
            for j in i + 1..n {
                self.subtract(i, j, lower[j * n + i]);
            }
            self.projections[i]
                .iter_mut()
                .for_each(|x| *x /= lower[i * n + i]);
        }
        Some(self.projections)
    }

    /// Row `i` minus `factor` times row `j`.
    fn subtract(&mut self, i: usize, j: usize, factor: f64) {
        let other = std::mem::take(&mut self.projections[j]);
        for (x, y) in self.projections[i].iter_mut().zip(&other) {
            *x -= factor * y;
        }
        self.projections[j] = other;
    }
}

/// The lower Cholesky factor of a symmetric matrix, or `None` if it is not safely positive definite.
fn cholesky(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            let rest = matrix[i * n + j] - known;
            if i != j {
                lower[i * n + j] = rest / lower[j * n + j];
            } else if rest > 1e-6 * matrix[i * n + i] {
                lower[i * n + i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(lower)
}

/// The sum of coefficients times basis, one number per point.
pub(super) fn evaluate(coefficients: &[Vec<f64>], basis: &[f64]) -> Vec<f32> {
    let n_points = coefficients.first().map_or(0, Vec::len);
    let mut sums = vec![0.0; n_points];
    for (row, weight) in coefficients.iter().zip(basis) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += weight * x;
        }
    }
    sums.into_iter().map(|x| x as f32).collect()
}

/// The longest stretch of days of the year (around its end) between two that are there, in days; the year if none is.
pub(super) fn longest_gap(days_of_year: &[u32]) -> u32 {
    let mut days = days_of_year.to_vec();
    days.sort_unstable();
    days.dedup();
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return 366;
    };
    let around = first + 366 - last;
    let inside = days.windows(2).map(|pair| pair[1] - pair[0]);
    inside.fold(around, u32::max)
}

/// The longest gap over which this many harmonics are held by their neighbours: the spacing at which regular samples
/// just determine them.
pub(super) fn allowed_gap(n_harmonics: usize) -> u32 {
    (DAYS_PER_YEAR / (1 + 2 * n_harmonics) as f64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_harmonics_is_found_again() {
        let truth = |day: f64, shift: f64| {
            let b = basis(day, 2);
            5.0 + shift + 3.0 * b[1] - 2.0 * b[2] + 0.5 * b[4]
        };
        let mut fit = Fit::new(2, 2);
        // Two seasons only, irregular days.
        let days = (1..100).chain(150..290).filter(|day| day % 3 != 0);
        for day in days.map(f64::from) {
            let values = [truth(day, 0.0) as f32, truth(day, 1.0) as f32];
            fit.add(&basis(day, 2), values.iter());
        }
        let coefficients = fit.solve().unwrap();
        for day in [1.0, 120.5, 200.0, 330.0, 366.0] {
            let found = evaluate(&coefficients, &basis(day, 2));
            assert!(
                (f64::from(found[0]) - truth(day, 0.0)).abs() < 1e-4,
                "{day}"
            );
            assert!(
                (f64::from(found[1]) - truth(day, 1.0)).abs() < 1e-4,
                "{day}"
            );
        }
    }

    #[test]
    fn too_few_days_do_not_tell_harmonics_apart() {
        let mut fit = Fit::new(3, 1);
        for day in [10.0, 11.0, 12.0, 13.0] {
            fit.add(&basis(day, 3), [1.0].iter());
        }
        assert!(fit.solve().is_none());
    }

    #[test]
    fn gaps_reach_around_the_year() {
        assert_eq!(longest_gap(&[]), 366);
        assert_eq!(longest_gap(&[100]), 366);
        assert_eq!(longest_gap(&[10, 300, 20]), 280);
        assert_eq!(longest_gap(&[50, 200, 330]), 150);
        assert_eq!(
            (allowed_gap(1), allowed_gap(2), allowed_gap(3)),
            (121, 73, 52)
        );
    }
}
