//! The nodes within a distance of a node.

use dropsonde_mesh::{LatLonGrid, great_circle_km};

/// For each row of a grid the nodes within a radius of a node in that row.
///
/// On a grid with equally spaced longitudes the nodes of one row within a distance of a point of a column are
/// a run of columns centred on it, so a disc is a list of (row, half width).
#[derive(Clone, Debug, PartialEq)]
pub struct Disc {
    rows: Vec<Vec<(usize, usize)>>,
    n_lon: usize,
    periodic: bool,
}

impl Disc {
    /// Discs of a radius in kilometres for all rows of a grid.
    pub fn new(grid: &LatLonGrid, radius_km: f64) -> Self {
        let rows = (0..grid.n_lat())
            .map(|centre| {
                (0..grid.n_lat())
                    .filter_map(|row| Some((row, half_width(grid, centre, row, radius_km)?)))
                    .collect()
            })
            .collect();
        Self {
            rows,
            n_lon: grid.n_lon(),
            periodic: grid.is_periodic(),
        }
    }

    /// The nodes of the disc around a node, itself included, each once, in an order fixed by the grid.
    ///
    /// # Panics
    /// If `node` is not a node of the grid.
    pub fn nodes(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let (centre_row, centre_column) = (node / self.n_lon, node % self.n_lon);
        self.rows[centre_row].iter().flat_map(move |&(row, half)| {
            self.columns(centre_column, half)
                .map(move |column| row * self.n_lon + column)
        })
    }

    /// The columns within `half` of one.
    fn columns(&self, centre: usize, half: usize) -> impl Iterator<Item = usize> + use<> {
        let n = self.n_lon;
        let (first, count) = match (self.periodic, 2 * half + 1 >= n) {
            (true, true) => (0, n),
            (true, false) => (centre + n - half, 2 * half + 1),
            (false, _) => {
                let first = centre.saturating_sub(half);
                (first, (centre + half).min(n - 1) - first + 1)
            }
        };
        (first..first + count).map(move |column| column % n)
    }
}

/// Columns to either side of a node in row `centre` whose node in `row` is within the radius;
/// `None` if not even the nearest is.
fn half_width(grid: &LatLonGrid, centre: usize, row: usize, radius_km: f64) -> Option<usize> {
    let lat = |row: usize| f64::from(grid.lat()[row]);
    let lon = |column: usize| f64::from(grid.lon()[column] - grid.lon()[0]);
    let within =
        |column: usize| great_circle_km((lat(centre), 0.0), (lat(row), lon(column))) <= radius_km;
    let largest = if grid.is_periodic() {
        grid.n_lon() / 2
    } else {
        grid.n_lon() - 1
    };
    within(0).then(|| (1..=largest).take_while(|&column| within(column)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brute_force(grid: &LatLonGrid, node: usize, radius_km: f64) -> Vec<usize> {
        let at = |node: usize| {
            let (lat, lon) = grid.position(node);
            (f64::from(lat), f64::from(lon))
        };
        (0..grid.n_nodes())
            .filter(|&other| great_circle_km(at(node), at(other)) <= radius_km)
            .collect()
    }

    #[test]
    fn same_as_brute_force_near_the_pole_and_across_the_date_line() {
        let global = LatLonGrid::with_poles(7.5).unwrap();
        let lat = (0..12).map(|i| 5.0 * i as f32).collect();
        let region =
            LatLonGrid::new(lat, (0..20).map(|j| 100.0 + 5.0 * j as f32).collect()).unwrap();
        for grid in [global, region] {
            for radius in [300.0, 1001.0, 4000.0] {
                let disc = Disc::new(&grid, radius);
                for node in (0..grid.n_nodes()).step_by(13) {
                    let mut found: Vec<usize> = disc.nodes(node).collect();
                    found.sort_unstable();
                    assert_eq!(found, brute_force(&grid, node, radius), "{node} {radius}");
                }
            }
        }
    }
}
