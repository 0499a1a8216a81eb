//! Icosahedral multi-mesh, lat-lon grid with its area weights, the edges between them, their geometric features, and interpolation both ways.
//!
//! The geometry follows GraphCast (Lam et al. 2023, <https://arxiv.org/abs/2212.12794>, supplement 3):
//! a refined icosahedron whose levels all contribute edges, every grid point within a radius of a mesh node
//! sending to it, and every grid point receiving from the three corners of the triangle below it.
//! Nothing here reads files or knows tensors.
//!
//! ```
//! use dropsonde_mesh::{Graph, GraphConfig, GridToMesh, LatLonGrid, MeshToGrid};
//!
//! let grid = LatLonGrid::with_poles(10.0)?;
//! let graph = Graph::build(grid, &GraphConfig::new(2))?;
//! assert_eq!(graph.mesh.n_nodes(), 162);
//! assert_eq!(graph.processor.len(), 1260);
//! assert_eq!(graph.mesh2grid.len(), 3 * graph.grid.n_nodes());
//!
//! let mesh_field = vec![1.0; graph.mesh.n_nodes()];
//! let grid_field = MeshToGrid::new(&graph).apply(&mesh_field);
//! let back = GridToMesh::new(&graph).apply(&grid_field);
//! assert!(back.iter().all(|x| (x - 1.0).abs() < 1e-6));
//! # Ok::<(), dropsonde_mesh::Error>(())
//! ```
//!
//! # Index conventions
//! Grid nodes are flattened latitude-major in the order of the given axes: `node = ilat * n_lon + ilon`.
//! Vertex `k` of a coarse level is vertex `k` of every finer level.

mod closest;
mod error;
mod features;
mod graph;
mod grid;
mod icosahedron;
mod interpolate;
mod locate;
mod multimesh;
mod published;
mod radius;
mod sphere;
mod trig;
mod visit_order;

pub use error::{Axis, Error, Result};
pub use graph::{EdgeSet, Graph, GraphConfig};
pub use grid::{GridKind, LatLonGrid};
pub use icosahedron::TriMesh;
pub use interpolate::{GridToMesh, MeshToGrid};
pub use locate::{Location, Locator};
pub use multimesh::{MAX_MESH_SIZE, MultiMesh};
pub use published::PublishedMapper;
pub use sphere::{EARTH_RADIUS_KM, great_circle_km};

/// Runs the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
