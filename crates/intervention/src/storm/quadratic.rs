//! The minimum of a quadratic surface through scattered values.

/// A value at a place in a plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Value minus the value at the origin.
    pub(crate) rise: f64,
}

/// Place and value (at most 0) of the minimum of `a x + b y + c x^2 + d x y + e y^2`, fitted by least squares.
///
/// The surface goes through 0 at the origin. `None` if the samples do not fix it, if it has no minimum,
/// or if the minimum lies farther from the origin than `reach`.
pub(crate) fn minimum(samples: &[Sample], reach: f64) -> Option<(f64, f64, f64)> {
    let [a, b, c, d, e] = fit(samples)?;
    let determinant = 4.0 * c * e - d * d;
    if !(c > 0.0 && e > 0.0 && determinant > 0.0) {
        return None;
    }
    let x = (d * b - 2.0 * e * a) / determinant;
    let y = (d * a - 2.0 * c * b) / determinant;
    let value = a * x + b * y + c * x * x + d * x * y + e * y * y;
    (x.hypot(y) <= reach && value.is_finite()).then_some((x, y, value.min(0.0)))
}

/// Least squares by the normal equations.
fn fit(samples: &[Sample]) -> Option<[f64; 5]> {
    let mut system = [[0.0; 6]; 5];
    for s in samples {
        let terms = [s.x, s.y, s.x * s.x, s.x * s.y, s.y * s.y];
        for (row, &left) in system.iter_mut().zip(&terms) {
            for (cell, &right) in row.iter_mut().zip(terms.iter().chain([&s.rise])) {
                *cell += left * right;
            }
        }
    }
    solve(system)
}

/// Gaussian elimination with column pivots.
fn solve(mut system: [[f64; 6]; 5]) -> Option<[f64; 5]> {
    for column in 0..5 {
        let pivot = (column..5)
            .max_by(|&i, &j| system[i][column].abs().total_cmp(&system[j][column].abs()))?;
        system.swap(column, pivot);
        if system[column][column].abs() < 1e-9 {
            return None;
        }
        let top = system[column];
        for row in system.iter_mut().skip(column + 1) {
            let factor = row[column] / top[column];
            row.iter_mut()
                .zip(&top)
                .for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let mut solution = [0.0; 5];
    for row in (0..5).rev() {
        let known: f64 = (row + 1..5).map(|i| system[row][i] * solution[i]).sum();
        solution[row] = (system[row][5] - known) / system[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(surface: impl Fn(f64, f64) -> f64) -> Vec<Sample> {
        let places = (-1..=1).flat_map(|i| (-1..=1).map(move |j| (f64::from(i), f64::from(j))));
        places
            .map(|(x, y)| Sample {
                x,
                y,
                rise: surface(x, y) - surface(0.0, 0.0),
            })
            .collect()
    }

    #[test]
    fn finds_the_minimum_of_a_paraboloid_exactly() {
        let bowl = |x: f64, y: f64| 3.0 * (x - 0.3).powi(2) + 2.0 * (y + 0.2).powi(2) + x * y;
        let (x, y, value) = minimum(&samples(bowl), 1.0).unwrap();
        // Gradient zero: 6 (x - 0.3) + y = 0 and 4 (y + 0.2) + x = 0.
        assert!((6.0 * (x - 0.3) + y).abs() < 1e-9 && (4.0 * (y + 0.2) + x).abs() < 1e-9);
        assert!((value - (bowl(x, y) - bowl(0.0, 0.0))).abs() < 1e-9);
    }

    #[test]
    fn saddles_planes_and_far_minima_have_none() {
        assert!(minimum(&samples(|x, y| x * x - y * y), 1.0).is_none());
        assert!(minimum(&samples(|x, _| x), 1.0).is_none());
        assert!(minimum(&samples(|x, y| (x - 3.0).powi(2) + y * y), 1.0).is_none());
        assert!(minimum(&samples(|x, y| x * x + y * y)[..4], 1.0).is_none());
    }
}
