//! The three edge sets of the model and their features.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::features::{NodeFrame, edge_features};
use crate::grid::LatLonGrid;
use crate::locate::Locator;
use crate::multimesh::MultiMesh;
use crate::radius::pairs_within;
use crate::sphere::Spherical;

/// GraphCast's query radius in lengths of the longest edge of the finest mesh.
const RADIUS_FRACTION: f64 = 0.6;

/// What a [`Graph`] is built from besides its grid.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphConfig {
    /// Number of splits of the icosahedron, 0 to 8; GraphCast uses 6, its 1 degree version 5.
    pub mesh_size: u8,
    /// A grid node sends to the mesh nodes within this many lengths of the longest finest edge, in (0, 4].
    ///
    /// GraphCast uses 0.6: nearly every grid node of a fine grid sends, and few send to many.
    pub radius_fraction: f64,
    /// Length that divides the mesh-to-grid edge features; the longest such edge if absent.
    ///
    /// Checkpoints name it `mesh2grid_edge_normalization_factor`.
    pub mesh2grid_normalization: Option<f64>,
}

impl GraphConfig {
    /// GraphCast's choices for a mesh of `mesh_size` splits: radius fraction 0.6, own normalisation.
    pub fn new(mesh_size: u8) -> Self {
        Self {
            mesh_size,
            radius_fraction: RADIUS_FRACTION,
            mesh2grid_normalization: None,
        }
    }

    fn check(&self) -> Result<()> {
        // Written so that NaN fails.
        if !(self.radius_fraction > 0.0 && self.radius_fraction <= 4.0) {
            return Err(Error::RadiusFraction {
                found: self.radius_fraction,
            });
        }
        match self.mesh2grid_normalization {
            Some(found) if !(found > 0.0 && found.is_finite()) => {
                Err(Error::Normalization { found })
            }
            _ => Ok(()),
        }
    }
}

/// Directed edges and their geometric features.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeSet {
    /// Index of each edge's sender in its node set, `[n_edges]`.
    pub senders: Vec<u32>,
    /// Index of each edge's receiver in its node set, `[n_edges]`.
    pub receivers: Vec<u32>,
    /// `(|d|, d_x, d_y, d_z) / normalization`, where `d` leads from the receiver to the sender in the receiver's
    /// frame (x outward, y east, z north), `[n_edges]`.
    pub features: Vec<[f32; 4]>,
    /// The length that divided the features, on the unit sphere's scale.
    pub normalization: f64,
}

impl EdgeSet {
    /// Number of edges.
    pub fn len(&self) -> usize {
        self.senders.len()
    }

    /// Whether there is no edge.
    pub fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }

    fn new(
        (senders, sender_frames): (Vec<u32>, &[NodeFrame]),
        (receivers, receiver_frames): (Vec<u32>, &[NodeFrame]),
        normalization: Option<f64>,
    ) -> Self {
        let computed = edge_features(
            (&senders, sender_frames),
            (&receivers, receiver_frames),
            normalization,
        );
        Self {
            senders,
            receivers,
            features: computed.features,
            normalization: computed.normalization,
        }
    }
}

/// The geometry of one model: a grid, a multi-mesh, and the edges between and within them.
///
/// Node features are `[cos(theta), cos(phi), sin(phi)]` with colatitude theta and longitude phi.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// The grid, `N` nodes.
    pub grid: LatLonGrid,
    /// The multi-mesh, `M` nodes.
    pub mesh: MultiMesh,
    /// Structural features of the grid nodes, `[N]`.
    pub grid_features: Vec<[f32; 3]>,
    /// Structural features of the mesh nodes, `[M]`.
    pub mesh_features: Vec<[f32; 3]>,
    /// Grid (senders) to mesh (receivers) within the radius, by grid index, then mesh index.
    pub grid2mesh: EdgeSet,
    /// Mesh to mesh: the edges of all levels in the order of [`MultiMesh::edges`].
    pub processor: EdgeSet,
    /// Mesh (senders) to grid (receivers): three edges per grid node, in the corner order of its triangle.
    pub mesh2grid: EdgeSet,
    /// Index of the finest triangle closest to each grid node, `[N]`; of equally close ones the reference's choice
    /// (see [`Locator`]).
    pub triangles: Vec<u32>,
    /// Barycentric weights of each grid node's closest point on its triangle, in corner order, `[N]`.
    pub barycentric: Vec<[f32; 3]>,
    /// The chord radius of the grid-to-mesh edges on the unit sphere.
    pub radius: f64,
}

impl Graph {
    /// Builds mesh, edges and features for `grid`.
    ///
    /// Runs on the current rayon thread pool; the result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`Error::MeshSize`], [`Error::RadiusFraction`] or [`Error::Normalization`] if `config` is out of range.
    pub fn build(grid: LatLonGrid, config: &GraphConfig) -> Result<Self> {
        config.check()?;
        let mesh = MultiMesh::new(config.mesh_size)?;
        let mesh_nodes: Vec<_> = mesh
            .lat_lon()
            .iter()
            .map(|&[lat, lon]| Spherical::from_degrees(lat, lon))
            .collect();
        let grid_nodes = Spherical::of_grid(&grid);
        let (on_mesh, on_grid) = (frames(&mesh_nodes), frames(&grid_nodes));

        // The reference multiplies in single precision.
        let radius = f64::from(mesh.finest().longest_edge() * config.radius_fraction as f32);
        let (senders, receivers) = pairs_within(&grid_nodes, &mesh.finest().vertices, radius);
        let grid2mesh = EdgeSet::new((senders, &on_grid), (receivers, &on_mesh), None);

        let (senders, receivers) = mesh.edges();
        let processor = EdgeSet::new((senders, &on_mesh), (receivers, &on_mesh), None);

        let Triangles { faces, weights } = triangles_below(&grid_nodes, &mesh);
        let corners = faces
            .iter()
            .flat_map(|&face| mesh.finest().faces[face as usize])
            .collect();
        let receivers = (0..grid.n_nodes() as u32)
            .flat_map(|node| [node; 3])
            .collect();
        let mesh2grid = EdgeSet::new(
            (corners, &on_mesh),
            (receivers, &on_grid),
            config.mesh2grid_normalization,
        );

        Ok(Self {
            grid,
            mesh,
            grid_features: grid_nodes.into_iter().map(Spherical::features).collect(),
            mesh_features: mesh_nodes.into_iter().map(Spherical::features).collect(),
            grid2mesh,
            processor,
            mesh2grid,
            triangles: faces,
            barycentric: weights,
            radius,
        })
    }
}

fn frames(nodes: &[Spherical]) -> Vec<NodeFrame> {
    nodes.par_iter().map(NodeFrame::new).collect()
}

struct Triangles {
    faces: Vec<u32>,
    weights: Vec<[f32; 3]>,
}

/// The closest triangle of every grid node.
fn triangles_below(grid_nodes: &[Spherical], mesh: &MultiMesh) -> Triangles {
    let locator = Locator::new(mesh);
    let (faces, weights) = grid_nodes
        .par_iter()
        .map(|node| locator.locate(node.position()))
        .map(|location| (location.face, location.weights.map(|w| w as f32)))
        .unzip();
    Triangles { faces, weights }
}
