//! All refinement levels of the icosahedron together.

use crate::error::{Error, Result};
use crate::icosahedron::{TriMesh, directed_edges};
use crate::sphere::{lat_lon_f32, solid_angle};

/// The largest supported number of splits (655,362 nodes).
pub const MAX_MESH_SIZE: u8 = 8;

/// The icosahedral meshes of levels 0 to `mesh_size`, whose edges together form GraphCast's multi-mesh.
///
/// ```
/// let mesh = dropsonde_mesh::MultiMesh::new(3)?;
/// assert_eq!(mesh.n_nodes(), 642);
/// assert_eq!(mesh.edges().0.len(), 5100);
/// # Ok::<(), dropsonde_mesh::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultiMesh {
    levels: Vec<TriMesh>,
}

impl MultiMesh {
    /// Splits the icosahedron `mesh_size` times: `10 * 4^mesh_size + 2` nodes.
    ///
    /// # Errors
    /// [`Error::MeshSize`] above [`MAX_MESH_SIZE`].
    pub fn new(mesh_size: u8) -> Result<Self> {
        if mesh_size > MAX_MESH_SIZE {
            return Err(Error::MeshSize {
                found: mesh_size,
                max: MAX_MESH_SIZE,
            });
        }
        let levels = std::iter::successors(Some(TriMesh::icosahedron()), |mesh| Some(mesh.split()))
            .take(usize::from(mesh_size) + 1)
            .collect();
        Ok(Self { levels })
    }

    /// Number of splits of the finest level.
    pub fn mesh_size(&self) -> u8 {
        (self.levels.len() - 1) as u8
    }

    /// The finest level, whose vertices are the mesh nodes.
    pub fn finest(&self) -> &TriMesh {
        &self.levels[self.levels.len() - 1]
    }

    /// Level `k` (0 is the icosahedron), or `None` above [`MultiMesh::mesh_size`].
    pub fn level(&self, k: u8) -> Option<&TriMesh> {
        self.levels.get(usize::from(k))
    }

    /// All levels, coarse to fine.
    pub fn levels(&self) -> &[TriMesh] {
        &self.levels
    }

    /// Number of mesh nodes.
    pub fn n_nodes(&self) -> usize {
        self.finest().vertices.len()
    }

    /// Directed edges of all levels as (senders, receivers).
    ///
    /// The faces of all levels are concatenated coarse to fine; then come all first edges, all second ones and
    /// all third ones. Each directed edge occurs once per level.
    pub fn edges(&self) -> (Vec<u32>, Vec<u32>) {
        let faces: Vec<_> = self
            .levels
            .iter()
            .flat_map(|mesh| mesh.faces.iter().copied())
            .collect();
        directed_edges(&faces)
    }

    /// Latitude and longitude in degrees of every node, longitude in `[0, 360)`, `[n_nodes]`.
    pub fn lat_lon(&self) -> Vec<[f32; 2]> {
        self.finest()
            .vertices
            .iter()
            .map(|&v| lat_lon_f32(v))
            .collect()
    }

    /// Share of the sphere that belongs to each node: a third of the area of each adjacent spherical triangle.
    ///
    /// Returns `[n_nodes]`, sum 1.
    pub fn node_areas(&self) -> Vec<f64> {
        let mesh = self.finest();
        let mut areas = vec![0.0; self.n_nodes()];
        for (face_idx, face) in mesh.faces.iter().enumerate() {
            let [a, b, c] = mesh.corners(face_idx);
            let third = solid_angle(a, b, c) / 3.0;
            for &v in face {
                areas[v as usize] += third;
            }
        }
        let total: f64 = areas.iter().sum();
        areas.iter_mut().for_each(|area| *area /= total);
        areas
    }
}
