//! All pairs of grid and mesh nodes within a chord distance.

use kiddo::{ImmutableKdTree, SquaredEuclidean};
use rayon::prelude::*;

use crate::sphere::{Spherical, to_f64};

/// Number of grid nodes that one task searches for; the result does not depend on it.
const CHUNK: usize = 1024;

/// Pairs (grid, mesh) at most `radius` apart, by grid index and then by mesh index.
///
/// Positions are single precision, distances double precision.
pub(crate) fn pairs_within(
    grid: &[Spherical],
    vertices: &[[f32; 3]],
    radius: f64,
) -> (Vec<u32>, Vec<u32>) {
    let points: Vec<[f64; 3]> = vertices.iter().map(|&v| to_f64(v)).collect();
    let tree: ImmutableKdTree<f64, 3> = ImmutableKdTree::new_from_slice(&points)
        .expect("mesh vertices are finite, distinct and fewer than 2^32");
    let chunks: Vec<_> = grid
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, nodes)| pairs_of(nodes, CHUNK * chunk, &tree, radius * radius))
        .collect();
    let n_pairs = chunks.iter().map(|(senders, _)| senders.len()).sum();
    let (mut senders, mut receivers) = (Vec::with_capacity(n_pairs), Vec::with_capacity(n_pairs));
    for (grid_idx, mesh_idx) in chunks {
        senders.extend(grid_idx);
        receivers.extend(mesh_idx);
    }
    (senders, receivers)
}

/// Pairs of some grid nodes, the first of which has index `first_node`.
fn pairs_of(
    nodes: &[Spherical],
    first_node: usize,
    tree: &ImmutableKdTree<f64, 3>,
    squared_radius: f64,
) -> (Vec<u32>, Vec<u32>) {
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for (offset, node) in nodes.iter().enumerate() {
        let first = receivers.len();
        tree.query(&node.position())
            .within::<SquaredEuclidean<f64>>(squared_radius)
            .unsorted()
            .visit(|found| receivers.push(found.item));
        receivers[first..].sort_unstable();
        senders.resize(receivers.len(), (first_node + offset) as u32);
    }
    (senders, receivers)
}
