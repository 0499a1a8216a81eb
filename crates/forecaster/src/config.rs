use dropsonde_mesh::GraphConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Shape of the network, field for field the `model_config` of a public GraphCast checkpoint.
///
/// Source: `graphcast.py`, `ModelConfig`, <https://github.com/google-deepmind/graphcast>.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Grid spacing in degrees; 0 where the grid is given by the data.
    pub resolution: f64,
    /// How many times the icosahedron is split (GraphCast: 6).
    pub mesh_size: u8,
    /// Width of all latent vectors (GraphCast: 512).
    pub latent_size: i64,
    /// Message-passing steps of the processor (GraphCast: 16).
    pub gnn_msg_steps: u8,
    /// Hidden layers of every MLP (GraphCast: 1).
    pub hidden_layers: u8,
    /// Radius of the grid-to-mesh edges as a fraction of the longest edge of the finest mesh (GraphCast: 0.6).
    pub radius_query_fraction_edge_length: f64,
    /// Normalisation of mesh-to-grid edge lengths; `None` divides by the longest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh2grid_edge_normalization_factor: Option<f64>,
}

impl ModelConfig {
    /// GraphCast, 0.25 degrees, 37 levels (also the 13-level operational model).
    pub fn graphcast() -> Self {
        Self {
            resolution: 0.25,
            mesh_size: 6,
            latent_size: 512,
            gnn_msg_steps: 16,
            hidden_layers: 1,
            radius_query_fraction_edge_length: 0.6,
            mesh2grid_edge_normalization_factor: Some(0.618_033_873_807_447_2),
        }
    }

    /// GraphCast_small, 1 degree, 13 levels, mesh 5.
    pub fn graphcast_small() -> Self {
        Self {
            resolution: 1.0,
            mesh_size: 5,
            ..Self::graphcast()
        }
    }

    /// Refuses sizes that no network can have.
    ///
    /// # Errors
    /// [`Error::Config`] with the field, what it holds and what it may hold.
    pub fn check(&self) -> Result<()> {
        let require = |ok: bool, what: String| if ok { Ok(()) } else { Err(Error::Config(what)) };
        require(
            self.mesh_size <= 8,
            format!("`mesh_size` is {}, expected 0..=8", self.mesh_size),
        )?;
        require(
            (1..=65_536).contains(&self.latent_size),
            format!("`latent_size` is {}, expected 1..=65536", self.latent_size),
        )?;
        require(
            self.gnn_msg_steps >= 1,
            "`gnn_msg_steps` is 0, expected at least 1".into(),
        )?;
        let radius = self.radius_query_fraction_edge_length;
        require(
            radius.is_finite() && radius > 0.0,
            format!("`radius_query_fraction_edge_length` is {radius}, expected a positive number"),
        )?;
        let factor = self.mesh2grid_edge_normalization_factor.unwrap_or(1.0);
        require(
            factor.is_finite() && factor > 0.0,
            format!(
                "`mesh2grid_edge_normalization_factor` is {factor}, expected a positive number"
            ),
        )
    }

    /// The part that shapes the graph.
    pub fn graph_config(&self) -> GraphConfig {
        GraphConfig {
            mesh_size: self.mesh_size,
            radius_fraction: self.radius_query_fraction_edge_length,
            mesh2grid_normalization: self.mesh2grid_edge_normalization_factor,
        }
    }
}
