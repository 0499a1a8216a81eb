//! Means over the sphere and over ranks.

use dropsonde_mesh::{LatLonGrid, great_circle_km};

/// Area weights of a grid and the means that follow from them; sums run in index order in double precision.
#[derive(Clone, Debug)]
pub struct AreaMean {
    grid: LatLonGrid,
    weights: Vec<f64>,
}

impl AreaMean {
    /// The means of a grid.
    pub fn new(grid: &LatLonGrid) -> Self {
        Self {
            grid: grid.clone(),
            weights: grid.node_weights(),
        }
    }

    /// Mean over the grid of `values`, `[N]`.
    pub fn mean(&self, values: impl IntoIterator<Item = f64>) -> f64 {
        self.weights.iter().zip(values).map(|(w, x)| w * x).sum()
    }

    /// Root of the mean square of `values`, `[N]`.
    pub fn rms(&self, values: impl IntoIterator<Item = f64>) -> f64 {
        self.mean(values.into_iter().map(|x| x * x)).sqrt()
    }

    /// Share of the area-weighted sum of `squares` (`[N]`) that lies within a distance of a point (degrees north and
    /// east); `None` if the sum is 0.
    pub fn share_within(
        &self,
        squares: impl IntoIterator<Item = f64>,
        centre: (f64, f64),
        radius_km: f64,
    ) -> Option<f64> {
        let (mut inside, mut total) = (0.0, 0.0);
        for (node, (w, square)) in self.weights.iter().zip(squares).enumerate() {
            let (lat, lon) = self.grid.position(node);
            total += w * square;
            if great_circle_km(centre, (lat.into(), lon.into())) <= radius_km {
                inside += w * square;
            }
        }
        (total > 0.0).then(|| inside / total)
    }
}

/// Spearman's rank correlation, mean ranks for ties; `None` for fewer than three pairs or a constant side.
///
/// ```
/// use dropsonde_intervention::spearman;
/// assert_eq!(spearman(&[-1.0, 0.0, 1.0, 3.0], &[8.0, 0.0, -1.0, -30.0]), Some(-1.0));
/// assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() != y.len() || x.len() < 3 {
        return None;
    }
    let (x, y) = (ranks(x), ranks(y));
    let middle = (x.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(p, q)| (p - middle) * (q - middle))
            .sum()
    };
    let scale = (product(&x, &x) * product(&y, &y)).sqrt();
    (scale > 0.0).then(|| (product(&x, &y) / scale).clamp(-1.0, 1.0))
}

/// Rank of each value from 0, the mean of their ranks for equal ones.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |x: &f64| {
        let lower = values.iter().filter(|v| *v < x).count();
        let equal = values.iter().filter(|v| *v == x).count();
        lower as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// The middle value, or the mean of the two middle ones; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[n / 2]),
        _ => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_function_of_height_has_mean_zero_and_the_known_rms() {
        let grid = LatLonGrid::with_poles(1.0).unwrap();
        let area = AreaMean::new(&grid);
        let height = |node| f64::from(grid.position(node).0).to_radians().sin();
        assert!(area.mean((0..grid.n_nodes()).map(height)).abs() < 1e-12);
        // The mean of sin^2 over the sphere is 1/3.
        assert!((area.rms((0..grid.n_nodes()).map(height)) - (1.0_f64 / 3.0).sqrt()).abs() < 1e-3);
        assert!((area.mean(vec![7.0; grid.n_nodes()]) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn share_within_is_the_area_of_the_cap() {
        let grid = LatLonGrid::with_poles(1.0).unwrap();
        let area = AreaMean::new(&grid);
        let ones = || std::iter::repeat_n(1.0, grid.n_nodes());
        for (centre, radius_km) in [((0.0, 180.0), 3000.0), ((90.0, 0.0), 5000.0)] {
            let angle: f64 = radius_km / dropsonde_mesh::EARTH_RADIUS_KM;
            let cap = (1.0 - angle.cos()) / 2.0;
            let share = area.share_within(ones(), centre, radius_km).unwrap();
            // Half a row more or less.
            let tolerance = 0.25_f64.to_radians() * angle.sin();
            assert!((share - cap).abs() < tolerance, "{share} {cap}");
        }
        assert_eq!(
            area.share_within(std::iter::repeat_n(0.0, grid.n_nodes()), (0.0, 0.0), 1.0),
            None
        );
    }

    #[test]
    fn ranks_with_ties() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        // By hand: ranks 0,1,2,3 and 2.5,0,2.5,1; covariance -1.5 * 1 + 0.5 * 1.5 + 0.5 * 1 - 1.5 * 0.5 = -1.
        let expected = -1.0 / (5.0_f64 * 4.5).sqrt();
        let found = spearman(&[0.0, 1.0, 2.0, 3.0], &[3.0, 1.0, 3.0, 2.0]).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found}");
        assert_eq!(spearman(&[0.0, 1.0, 2.0], &[5.0, 5.0, 5.0]), None);
    }

    #[test]
    fn median_of_odd_even_none() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
