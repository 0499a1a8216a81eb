//! All pairs of grid and mesh nodes within a chord distance.

use kiddo::{ImmutableKdTree, SquaredEuclidean};
use rayon::prelude::*;

use crate::grid::LatLonGrid;
use crate::sphere::{SphericalF32, to_f64};

/// Pairs (grid, mesh) closer than `radius`, by grid index and then by mesh index.
///
/// Positions are single precision, distances double precision, the radius included.
pub(crate) fn pairs_within(
    grid: &LatLonGrid,
    vertices: &[[f32; 3]],
    radius: f64,
) -> (Vec<u32>, Vec<u32>) {
    let points: Vec<[f64; 3]> = vertices.iter().map(|&v| to_f64(v)).collect();
    let tree: ImmutableKdTree<f64, 3> = ImmutableKdTree::new_from_slice(&points)
        .expect("mesh vertices are finite, distinct and fewer than 2^32");
    let rows: Vec<(Vec<u32>, Vec<u32>)> = (0..grid.n_lat())
        .into_par_iter()
        .map(|ilat| pairs_of_row(grid, ilat, &tree, radius * radius))
        .collect();
    let n_pairs = rows.iter().map(|(grid_idx, _)| grid_idx.len()).sum();
    let (mut senders, mut receivers) = (Vec::with_capacity(n_pairs), Vec::with_capacity(n_pairs));
    for (grid_idx, mesh_idx) in rows {
        senders.extend(grid_idx);
        receivers.extend(mesh_idx);
    }
    (senders, receivers)
}

fn pairs_of_row(
    grid: &LatLonGrid,
    ilat: usize,
    tree: &ImmutableKdTree<f64, 3>,
    squared_radius: f64,
) -> (Vec<u32>, Vec<u32>) {
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for (ilon, &lon) in grid.lon().iter().enumerate() {
        let point = to_f64(SphericalF32::from_degrees(grid.lat()[ilat], lon).position());
        let first = receivers.len();
        tree.query(&point)
            .within::<SquaredEuclidean<f64>>(squared_radius)
            .unsorted()
            .visit(|found| receivers.push(found.item));
        receivers[first..].sort_unstable();
        senders.resize(receivers.len(), (ilat * grid.n_lon() + ilon) as u32);
    }
    (senders, receivers)
}
