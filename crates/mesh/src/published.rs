//! The regridding of the published sparse-autoencoder study.

use crate::graph::Graph;
use crate::sphere::{Spherical, norm, sub, to_f64};

/// The grid-mesh mapper of MacMillan and Ouellette (arXiv 2512.24440), for comparison with their figures.
///
/// Mesh to grid is the plain mean of the triangle's corners.
/// Grid to mesh is taken over the grid-to-mesh edges; mesh nodes without an edge become 0.
/// Prefer [`MeshToGrid`](crate::MeshToGrid) and [`GridToMesh`](crate::GridToMesh) for new work.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedMapper {
    n_grid: usize,
    n_mesh: usize,
    radius: f64,
    /// Grid node, mesh node and chord length of each edge.
    edges: Vec<(u32, u32, f32)>,
    corners: Vec<[u32; 3]>,
}

impl PublishedMapper {
    /// Takes over the edges of `graph`, which must have the radius fraction 0.6 to match the published mapper.
    pub fn new(graph: &Graph) -> Self {
        let mesh = graph.mesh.finest();
        let chord = |grid_idx: u32, mesh_idx: u32| {
            let (lat, lon) = graph.grid.position(grid_idx as usize);
            let point = Spherical::from_degrees(lat, lon).position();
            norm(sub(point, to_f64(mesh.vertices[mesh_idx as usize]))) as f32
        };
        let pairs = graph
            .grid2mesh
            .senders
            .iter()
            .zip(&graph.grid2mesh.receivers);
        Self {
            n_grid: graph.grid.n_nodes(),
            n_mesh: graph.mesh.n_nodes(),
            radius: graph.radius,
            edges: pairs.map(|(&g, &m)| (g, m, chord(g, m))).collect(),
            corners: graph
                .triangles
                .iter()
                .map(|&face| mesh.faces[face as usize])
                .collect(),
        }
    }

    /// Mean of the three corners, `[M]` to `[N]`.
    ///
    /// # Panics
    /// If `mesh` does not have one value per mesh node.
    pub fn mesh_to_grid(&self, mesh: &[f64]) -> Vec<f64> {
        assert_eq!(mesh.len(), self.n_mesh, "one value per mesh node");
        self.corners
            .iter()
            .map(|corners| corners.iter().map(|&v| mesh[v as usize]).sum::<f64>() / 3.0)
            .collect()
    }

    /// Mean over the edges of each mesh node, `[N]` to `[M]`.
    ///
    /// # Panics
    /// If `grid` does not have one value per grid node.
    pub fn grid_to_mesh_mean(&self, grid: &[f64]) -> Vec<f64> {
        self.weighted(grid, |_| 1.0)
    }

    /// Sum over the edges with weights `exp(-(d / (r + 1e-9))^2)`, divided by the sum of weights or 1, whichever
    /// is larger, `[N]` to `[M]`.
    ///
    /// # Panics
    /// If `grid` does not have one value per grid node.
    pub fn grid_to_mesh_distance(&self, grid: &[f64]) -> Vec<f64> {
        self.weighted(grid, |d| (-(d / (self.radius + 1e-9)).powi(2)).exp())
    }

    fn weighted(&self, grid: &[f64], weight: impl Fn(f64) -> f64) -> Vec<f64> {
        assert_eq!(grid.len(), self.n_grid, "one value per grid node");
        let mut sums = vec![(0.0, 0.0); self.n_mesh];
        for &(grid_idx, mesh_idx, chord) in &self.edges {
            let w = weight(f64::from(chord));
            let (sum, total) = &mut sums[mesh_idx as usize];
            *sum += w * grid[grid_idx as usize];
            *total += w;
        }
        sums.into_iter()
            .map(|(sum, total)| sum / total.max(1.0))
            .collect()
    }
}
