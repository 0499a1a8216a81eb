//! Building the graph of the published model: 0.25 degrees, mesh 6.

use dropsonde_mesh::{Graph, GraphConfig, LatLonGrid, Result};

use crate::{Figure, Outcome, Timing};

/// `mesh.full.seconds`: every edge and feature between the 721 x 1440 grid and the mesh of six refinements.
pub fn measure() -> Outcome {
    let seconds = seconds(0.25, 6)?;
    Ok(vec![Figure::lower("mesh.full.seconds", seconds, "s")])
}

/// Median seconds of three builds after one that is not timed.
///
/// # Errors
/// A resolution or mesh size that `dropsonde-mesh` does not know.
pub fn seconds(resolution_deg: f64, mesh_size: u8) -> Result<f64> {
    let grid = LatLonGrid::with_poles(resolution_deg)?;
    let config = GraphConfig::new(mesh_size);
    Graph::build(grid.clone(), &config)?;
    let timing = Timing {
        warm_up: 0,
        rounds: 3,
    };
    Ok(timing.median(|| Graph::build(grid.clone(), &config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_graph_is_timed_and_a_wrong_size_is_an_error() -> Result<()> {
        assert!(seconds(10.0, 1)? > 0.0);
        assert!(seconds(10.0, 99).is_err());
        Ok(())
    }
}
