//! Fields from the mesh to the grid and back.

use crate::graph::Graph;
use crate::sphere::{dot, sub, to_f64};

/// Mesh to grid: barycentric interpolation on the triangle closest to each grid node.
///
/// Exact for constants, and for linear functions of position evaluated on the flat triangle below the node.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshToGrid {
    n_mesh: usize,
    corners: Vec<[u32; 3]>,
    weights: Vec<[f32; 3]>,
}

impl MeshToGrid {
    /// Takes over the triangles that `graph` has found.
    pub fn new(graph: &Graph) -> Self {
        let faces = &graph.mesh.finest().faces;
        Self {
            n_mesh: graph.mesh.n_nodes(),
            corners: graph
                .triangles
                .iter()
                .map(|&face| faces[face as usize])
                .collect(),
            weights: graph.barycentric.clone(),
        }
    }

    /// A mesh field `[M]` on the grid `[N]`.
    ///
    /// # Panics
    /// If `mesh` does not have one value per mesh node.
    pub fn apply(&self, mesh: &[f32]) -> Vec<f32> {
        assert_eq!(mesh.len(), self.n_mesh, "one value per mesh node");
        self.corners
            .iter()
            .zip(&self.weights)
            .map(|(corners, weights)| (0..3).map(|i| weights[i] * mesh[corners[i] as usize]).sum())
            .collect()
    }
}

/// Grid to mesh: area-weighted mean of the grid nodes that have this mesh node as their nearest.
///
/// A mesh node that is nearest to none takes the bilinear value at its place instead.
#[derive(Clone, Debug, PartialEq)]
pub struct GridToMesh {
    n_grid: usize,
    /// Terms of mesh node `m`: `starts[m]..starts[m + 1]`.
    starts: Vec<usize>,
    /// Grid node and weight of each term; the weights of a mesh node sum to 1.
    terms: Vec<(u32, f64)>,
}

impl GridToMesh {
    /// Collects the grid nodes of every mesh node of `graph`.
    pub fn new(graph: &Graph) -> Self {
        let mut cells = vec![Vec::new(); graph.mesh.n_nodes()];
        let weights = graph.grid.node_weights();
        for (node, weight) in weights.into_iter().enumerate() {
            cells[nearest_mesh_node(graph, node) as usize].push((node as u32, weight));
        }
        let mut starts = vec![0];
        let mut terms = Vec::with_capacity(graph.grid.n_nodes());
        for (cell, [lat, lon]) in cells.iter().zip(graph.mesh.lat_lon()) {
            let total: f64 = cell.iter().map(|&(_, weight)| weight).sum();
            match cell.is_empty() {
                false => terms.extend(cell.iter().map(|&(node, weight)| (node, weight / total))),
                true => {
                    let around = graph.grid.bilinear(f64::from(lat), f64::from(lon));
                    terms.extend(around.map(|(node, weight)| (node as u32, weight)));
                }
            }
            starts.push(terms.len());
        }
        Self {
            n_grid: graph.grid.n_nodes(),
            starts,
            terms,
        }
    }

    /// A grid field `[N]` on the mesh `[M]`.
    ///
    /// # Panics
    /// If `grid` does not have one value per grid node.
    pub fn apply(&self, grid: &[f32]) -> Vec<f32> {
        self.means(grid.len(), |node| f64::from(grid[node]))
            .map(|mean| mean as f32)
            .collect()
    }

    /// A grid mask `[N]` on the mesh `[M]`: true where at least half of the node's weight is.
    ///
    /// # Panics
    /// If `mask` does not have one value per grid node.
    pub fn apply_mask(&self, mask: &[bool]) -> Vec<bool> {
        // Half a cell counts however its weights were rounded.
        let half = 0.5 - 1e-9;
        self.means(mask.len(), |node| f64::from(u8::from(mask[node])))
            .map(|share| share >= half)
            .collect()
    }

    fn means<'a>(
        &'a self,
        n_values: usize,
        value: impl Fn(usize) -> f64 + 'a,
    ) -> impl Iterator<Item = f64> + 'a {
        assert_eq!(n_values, self.n_grid, "one value per grid node");
        self.starts.windows(2).map(move |w| {
            let terms = &self.terms[w[0]..w[1]];
            // A bilinear corner of weight 0 must not let a missing value in.
            let used = terms.iter().filter(|(_, weight)| *weight > 0.0);
            used.map(|&(node, weight)| weight * value(node as usize))
                .sum()
        })
    }
}

/// The mesh node nearest to a grid node: a corner of its triangle, the lowest index of equally near ones.
fn nearest_mesh_node(graph: &Graph, node: usize) -> u32 {
    let (lat, lon) = graph.grid.position(node);
    let point = crate::sphere::unit_vector(f64::from(lat), f64::from(lon));
    let mesh = graph.mesh.finest();
    let mut corners = mesh.faces[graph.triangles[node] as usize];
    corners.sort_unstable();
    let squared_distance = |corner: u32| {
        let d = sub(point, to_f64(mesh.vertices[corner as usize]));
        dot(d, d)
    };
    let [a, b, c] = corners;
    [b, c].into_iter().fold(a, |best, next| {
        if squared_distance(next) < squared_distance(best) {
            next
        } else {
            best
        }
    })
}
