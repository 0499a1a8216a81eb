use dropsonde_fields::Task;
use dropsonde_mesh::Graph;

use crate::{ForecasterOptions, Kernel, ModelConfig, Precision, parameter_shapes};

/// Numbers of nodes and edges of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphSize {
    /// Grid nodes N.
    pub grid: u64,
    /// Mesh nodes M.
    pub mesh: u64,
    /// Edges from the grid to the mesh.
    pub grid2mesh: u64,
    /// Edges of the processor.
    pub processor: u64,
    /// Edges from the mesh to the grid.
    pub mesh2grid: u64,
}

impl GraphSize {
    /// Counts a graph.
    pub fn of(graph: &Graph) -> Self {
        Self {
            grid: graph.grid.n_nodes() as u64,
            mesh: graph.mesh.n_nodes() as u64,
            grid2mesh: graph.grid2mesh.len() as u64,
            processor: graph.processor.len() as u64,
            mesh2grid: graph.mesh2grid.len() as u64,
        }
    }

    /// The size without building the graph: all numbers are exact but `grid2mesh`, which is a few percent off.
    ///
    /// A grid node sends to the mesh nodes within the radius, 1.565 of them on average at GraphCast's radius fraction of
    /// 0.6 and in proportion to its square: mesh nodes are nearly uniform.
    pub fn estimate(config: &ModelConfig, n_grid: usize) -> Self {
        let quadruple = 4u64.pow(u32::from(config.mesh_size));
        let per_node = 1.565 * (config.radius_query_fraction_edge_length / 0.6).powi(2);
        Self {
            grid: n_grid as u64,
            mesh: 10 * quadruple + 2,
            grid2mesh: (per_node * n_grid as f64) as u64,
            processor: 20 * (4 * quadruple - 1),
            mesh2grid: 3 * n_grid as u64,
        }
    }
}

/// Bytes that one forecast step ([`Forecaster::predict_owned`](crate::Forecaster::predict_owned)) needs, without
/// gradients.
///
/// With s bytes per value of the stream (4, or 8 in f64), B batch, D latent width, and every E.. and N, M below
/// standing for that many rows of `B D s` bytes, the activations of [`Kernel::Plain`] are the largest of
///
/// - encoder: N + M + 3 E_grid2mesh (embedded edges, and two generations of messages), or 3 N + M, and the features
/// - processor: N + 2 M + 3 E_processor
/// - decoder: 2 N + M + E_processor + 3 E_mesh2grid
///
/// where embedded edges count once whatever the batch. In bf16 one generation (of messages, or of N) comes on top, for
/// the operands that are rounded. Those of [`Kernel::Fused`], which keeps nothing inside a block, are the largest of
///
/// - encoder: N + 4 M + E_processor, and the features
/// - processor: N + 5 M + E_processor
/// - decoder: N + 4 M + E_processor, and the output twice
///
/// Not included: libtorch itself (0.2 to 0.4 GB), the states that a forecast holds on the host, the checkpoint that a
/// forecaster was made from, and what a tap keeps. What was measured against it is in the crate's README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// The weights on the device, with a second copy of the matrices in bf16 or packed for the fused kernel.
    pub weights: u64,
    /// Edges, their features and the mesh on the host.
    pub graph: u64,
    /// Edges and structural features as tensors, or the order of the edges.
    pub structure: u64,
    /// What predictions are added to, in physical units.
    pub inputs: u64,
    /// Largest sum of the tensors that live at the same time inside the network, with features and output.
    pub activations: u64,
}

impl MemoryEstimate {
    /// For one step of a batch.
    pub fn new(
        config: &ModelConfig,
        task: &Task,
        size: &GraphSize,
        batch: usize,
        options: ForecasterOptions,
    ) -> Self {
        let value = bytes_per_value(options.precision);
        let channels = [task.input_channels().len(), task.output_channels().len()];
        let edges = size.grid2mesh + size.processor + size.mesh2grid;
        let nodes = size.grid + size.mesh;
        let rows = |channels: usize| size.grid * (batch * channels) as u64 * value;
        Self {
            weights: weights(config, channels, options),
            graph: 24 * edges + 28 * size.grid + 52 * size.mesh,
            structure: match options.kernel {
                Kernel::Plain => (16 + 4 * value) * edges + 3 * value * nodes,
                Kernel::Fused => 4 * (edges + nodes),
            },
            inputs: rows(channels[1]),
            activations: Rows {
                size: *size,
                batch: batch as u64,
                width: config.latent_size as u64 * value,
                features: rows(channels[0]),
                output: rows(channels[1]),
            }
            .peak(options),
        }
    }

    /// Everything together.
    pub fn total(&self) -> u64 {
        self.weights + self.graph + self.structure + self.inputs + self.activations
    }
}

fn bytes_per_value(precision: Precision) -> u64 {
    match precision {
        Precision::F32 | Precision::Bf16 => 4,
        Precision::F64 => 8,
    }
}

fn weights(config: &ModelConfig, [c_in, c_out]: [usize; 2], options: ForecasterOptions) -> u64 {
    let shapes = parameter_shapes(config, c_in, c_out);
    let count = |shape: &Vec<i64>| shape.iter().product::<i64>() as u64;
    let all: u64 = shapes.values().map(count).sum();
    let matrices: u64 = shapes.values().filter(|s| s.len() == 2).map(count).sum();
    let copy = match (options.kernel, options.precision) {
        (_, Precision::Bf16) => 2 * matrices,
        (Kernel::Fused, _) => 4 * matrices,
        (Kernel::Plain, _) => 0,
    };
    all * bytes_per_value(options.precision) + copy
}

/// Numbers of rows, and bytes of what is not a row of latents.
struct Rows {
    size: GraphSize,
    batch: u64,
    /// Bytes of a row of latents.
    width: u64,
    features: u64,
    output: u64,
}

impl Rows {
    /// The largest of the three phases.
    fn peak(&self, options: ForecasterOptions) -> u64 {
        let [encoder, processor, decoder] = match options.kernel {
            Kernel::Plain => self.plain(options.precision),
            Kernel::Fused => self.fused(),
        };
        let latents = |rows: u64| rows * self.width;
        (latents(encoder) + self.features)
            .max(latents(processor))
            .max(latents(decoder) + 2 * self.output)
    }

    fn plain(&self, precision: Precision) -> [u64; 3] {
        let Self { size, batch, .. } = self;
        // Generations of the largest tensor beside the embedded edges, which have no batch axis at first.
        let generations = match precision {
            Precision::Bf16 => 3,
            Precision::F32 | Precision::F64 => 2,
        };
        let messages = |edges: u64| generations * batch * edges;
        let (grid, mesh) = (batch * size.grid, batch * size.mesh);
        let processor = batch * size.processor;
        let encoder = (grid + mesh + size.grid2mesh + messages(size.grid2mesh))
            .max((generations + 1) * grid + mesh);
        let processing = grid + 2 * mesh + processor + messages(size.processor);
        let edges = size.mesh2grid;
        let decoder = 2 * grid + mesh + processor + edges + messages(edges);
        [encoder, processing, decoder]
    }

    fn fused(&self) -> [u64; 3] {
        let Self { size, batch, .. } = self;
        let (grid, mesh) = (batch * size.grid, batch * size.mesh);
        let processor = batch * size.processor;
        let encoder = grid + 4 * mesh + size.processor;
        [
            encoder,
            grid + 5 * mesh + processor,
            grid + 4 * mesh + processor,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;
    use dropsonde_mesh::{GraphConfig, LatLonGrid};

    #[test]
    fn sizes_without_a_graph_are_exact_but_for_the_radius() {
        for (degrees, mesh_size, fraction) in [(4.0, 3, 0.6), (2.0, 4, 0.6), (3.0, 3, 0.9)] {
            let grid = LatLonGrid::with_poles(degrees).unwrap();
            let config = ModelConfig {
                mesh_size,
                radius_query_fraction_edge_length: fraction,
                ..ModelConfig::graphcast_small()
            };
            let guess = GraphSize::estimate(&config, grid.n_nodes());
            let graph = GraphConfig {
                radius_fraction: fraction,
                ..GraphConfig::new(mesh_size)
            };
            let exact = GraphSize::of(&Graph::build(grid, &graph).unwrap());
            let relative = guess.grid2mesh as f64 / exact.grid2mesh as f64 - 1.0;
            assert!(relative.abs() < 0.05, "{degrees} degrees: {relative}");
            let with_exact = GraphSize {
                grid2mesh: exact.grid2mesh,
                ..guess
            };
            assert_eq!(with_exact, exact);
        }
    }

    #[test]
    fn memory_grows_with_batch_and_precision() {
        let (config, task) = (
            Preset::GraphCastSmall.model(),
            Preset::GraphCastSmall.task(),
        );
        let size = GraphSize::estimate(&config, 65_160);
        assert_eq!((size.mesh, size.processor), (10_242, 81_900));
        let estimate = |batch, kernel, precision| {
            let options = ForecasterOptions {
                kernel,
                precision,
                ..ForecasterOptions::default()
            };
            MemoryEstimate::new(&config, &task, &size, batch, options)
        };
        let one = estimate(1, Kernel::Plain, Precision::F32);
        assert_eq!(one.weights, 4 * 35_979_347);
        let double = estimate(1, Kernel::Plain, Precision::F64);
        assert_eq!(double.activations, 2 * one.activations);
        let two = estimate(2, Kernel::Plain, Precision::F32).activations;
        assert!(two > one.activations && two < 2 * one.activations);
        assert!(estimate(1, Kernel::Plain, Precision::Bf16).total() > one.total());
        let fused = estimate(1, Kernel::Fused, Precision::F32);
        assert!(3 * fused.activations < one.activations);
        let doubled = estimate(2, Kernel::Fused, Precision::F32).activations;
        assert!(doubled > fused.activations && doubled < 2 * fused.activations);
    }
}
