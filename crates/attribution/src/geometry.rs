//! What is known about the mesh nodes.

use dropsonde_mesh::{Graph, MultiMesh};

/// Position, area and region of every mesh node.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Latitude and longitude in degrees, `[M]`.
    pub lat_lon: Vec<[f32; 2]>,
    /// Share of the sphere, `[M]`, sum 1.
    pub areas: Vec<f64>,
    /// Nearest node of a coarse level, `[M]`.
    pub regions: Vec<u16>,
}

impl Geometry {
    /// Of the mesh of a graph; `region_level` is lowered to the level of the mesh if it is finer.
    pub fn new(graph: &Graph, region_level: u8) -> Self {
        Self {
            lat_lon: graph.mesh.lat_lon(),
            areas: graph.mesh.node_areas(),
            regions: regions(&graph.mesh, region_level),
        }
    }

    /// Number of mesh nodes.
    pub fn n_nodes(&self) -> usize {
        self.lat_lon.len()
    }
}

/// The vertices of a coarse level are the first ones of every finer level.
fn regions(mesh: &MultiMesh, level: u8) -> Vec<u16> {
    let coarse = &mesh
        .level(level.min(mesh.mesh_size()))
        .unwrap_or_else(|| mesh.finest())
        .vertices;
    let dot = |a: &[f32; 3], b: &[f32; 3]| -> f64 {
        (0..3).map(|i| f64::from(a[i]) * f64::from(b[i])).sum()
    };
    let nearest = |vertex: &[f32; 3]| {
        let best = coarse
            .iter()
            .enumerate()
            .fold((0, f64::MIN), |best, (i, c)| {
                let cosine = dot(vertex, c);
                if cosine > best.1 { (i, cosine) } else { best }
            });
        best.0 as u16
    };
    mesh.finest().vertices.iter().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_around_the_coarse_vertices() {
        let mesh = MultiMesh::new(3).unwrap();
        let regions = regions(&mesh, 1);
        assert!((0..42).all(|i| regions[i] == i as u16));
        for region in 0..42 {
            let n = regions.iter().filter(|&&r| r == region).count();
            assert!((8..=24).contains(&n), "{n}");
        }
    }
}
