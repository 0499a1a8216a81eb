//! The network as its description is usually turned into code: the yardstick for every shortcut of the forecaster.
//!
//! Every MLP runs on the concatenation of its inputs ([e, h_sender, h_receiver] of each edge, [h, sum] of each node)
//! as separate libtorch operations: gather, concatenate, multiply, swish, multiply, normalise, scatter. Edges stay in
//! the order of the graph, all embeddings are computed in every step, and so are the two updates that nothing uses
//! (edges in the last processor step, mesh nodes in the decoder), as in
//! <https://github.com/google-deepmind/graphcast>, `deep_typed_graph_net.py`.

mod mlp;
mod sae;
mod trainer;

use std::collections::BTreeMap;

use dropsonde_forecaster::{ModelConfig, Parameters};
use dropsonde_mesh::{EdgeSet, Graph};
use tch::Tensor;

use mlp::Mlp;
pub use sae::DenseTrainer;
pub use trainer::NaiveTrainer;

/// Weights by their name in the public checkpoints.
pub type Weights = BTreeMap<String, Tensor>;

/// Handles on a forecaster's weights.
pub fn weights(parameters: &Parameters) -> Weights {
    parameters
        .iter()
        .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()))
        .collect()
}

/// Edges in the order of the graph.
#[derive(Debug)]
struct Edges {
    senders: Tensor,
    receivers: Tensor,
    /// `[E, 4]`.
    features: Tensor,
}

/// The MLPs of one message-passing step.
#[derive(Debug)]
struct Step {
    edges: Mlp,
    receivers: Mlp,
}

/// The network in the concatenating formulation, f32 on the CPU.
#[derive(Debug)]
pub struct Naive {
    /// `[N, 3]`.
    grid_features: Tensor,
    /// `[M, 3]`.
    mesh_features: Tensor,
    edges: [Edges; 3],
    embed_edges: [Mlp; 3],
    embed_grid: Mlp,
    embed_mesh: Mlp,
    encoder: Step,
    update_grid: Mlp,
    processor: Vec<Step>,
    decoder: Step,
    update_mesh: Mlp,
    output: Mlp,
}

impl Naive {
    /// The network with these weights (not copied) on a graph.
    ///
    /// # Errors
    /// The name of a weight that is missing.
    pub fn new(weights: &Weights, config: &ModelConfig, graph: &Graph) -> Result<Self, String> {
        let mlp = |gnn: &str, name: &str| {
            let path = format!("{gnn}_gnn/~_networks_builder/{name}");
            Mlp::new(weights, config.hidden_layers, &path)
        };
        let step = |gnn: &str, index: u8, edges: &str, nodes: &str| {
            Ok::<_, String>(Step {
                edges: mlp(gnn, &format!("processor_edges_{index}_{edges}"))?,
                receivers: mlp(gnn, &format!("processor_nodes_{index}_{nodes}"))?,
            })
        };
        Ok(Self {
            grid_features: matrix(&graph.grid_features),
            mesh_features: matrix(&graph.mesh_features),
            edges: [&graph.grid2mesh, &graph.processor, &graph.mesh2grid].map(Edges::new),
            embed_edges: [
                mlp("grid2mesh", "encoder_edges_grid2mesh")?,
                mlp("mesh", "encoder_edges_mesh")?,
                mlp("mesh2grid", "encoder_edges_mesh2grid")?,
            ],
            embed_grid: mlp("grid2mesh", "encoder_nodes_grid_nodes")?,
            embed_mesh: mlp("grid2mesh", "encoder_nodes_mesh_nodes")?,
            encoder: step("grid2mesh", 0, "grid2mesh", "mesh_nodes")?,
            update_grid: mlp("grid2mesh", "processor_nodes_0_grid_nodes")?,
            processor: (0..config.gnn_msg_steps)
                .map(|index| step("mesh", index, "mesh", "mesh_nodes"))
                .collect::<Result<_, _>>()?,
            decoder: step("mesh2grid", 0, "mesh2grid", "grid_nodes")?,
            update_mesh: mlp("mesh2grid", "processor_nodes_0_mesh_nodes")?,
            output: mlp("mesh2grid", "decoder_nodes_grid_nodes")?,
        })
    }

    /// Normalised features `[N, C_in]` to the normalised output `[N, C_out]`.
    pub fn forward(&self, features: &Tensor) -> Tensor {
        let [grid2mesh, mesh_edges, mesh2grid] = &self.edges;
        let [embed_grid2mesh, embed_mesh_edges, embed_mesh2grid] = &self.embed_edges;
        let (grid, mesh) = self.embed_nodes(features);
        let edges = embed_grid2mesh.forward(&grid2mesh.features);
        let (_, new_mesh) = self.encoder.forward(grid2mesh, &edges, &grid, &mesh);
        let new_grid = self.update_grid.forward(&grid);
        let (grid, mut mesh) = (grid + new_grid, mesh + new_mesh);
        let mut edges = embed_mesh_edges.forward(&mesh_edges.features);
        for step in &self.processor {
            let (new_edges, new_mesh) = step.forward(mesh_edges, &edges, &mesh, &mesh);
            edges = &edges + new_edges;
            mesh = &mesh + new_mesh;
        }
        drop(edges);
        let edges = embed_mesh2grid.forward(&mesh2grid.features);
        let (_, new_grid) = self.decoder.forward(mesh2grid, &edges, &mesh, &grid);
        let _unused = &mesh + self.update_mesh.forward(&mesh);
        self.output.forward(&(grid + new_grid))
    }

    /// Mesh nodes carry no weather: as many zeros as the grid nodes have channels, then their position.
    fn embed_nodes(&self, features: &Tensor) -> (Tensor, Tensor) {
        let zeros = features.new_zeros(
            [self.mesh_features.size()[0], features.size()[1]],
            (features.kind(), features.device()),
        );
        let grid = Tensor::cat(&[features, &self.grid_features], 1);
        let mesh = Tensor::cat(&[&zeros, &self.mesh_features], 1);
        (
            self.embed_grid.forward(&grid),
            self.embed_mesh.forward(&mesh),
        )
    }
}

impl Step {
    /// New edges `[E, D]` and new receivers `[R, D]`, both without the residual.
    fn forward(
        &self,
        set: &Edges,
        edges: &Tensor,
        senders: &Tensor,
        receivers: &Tensor,
    ) -> (Tensor, Tensor) {
        let from = senders.index_select(0, &set.senders);
        let to = receivers.index_select(0, &set.receivers);
        let new_edges = self.edges.forward(&Tensor::cat(&[edges, &from, &to], 1));
        drop((from, to));
        let sum = receivers
            .zeros_like()
            .index_add(0, &set.receivers, &new_edges);
        let new_receivers = self.receivers.forward(&Tensor::cat(&[receivers, &sum], 1));
        (new_edges, new_receivers)
    }
}

impl Edges {
    fn new(set: &EdgeSet) -> Self {
        let index = |nodes: &[u32]| {
            let wide: Vec<i64> = nodes.iter().map(|&node| node.into()).collect();
            Tensor::from_slice(&wide)
        };
        Self {
            senders: index(&set.senders),
            receivers: index(&set.receivers),
            features: matrix(&set.features),
        }
    }
}

fn matrix<const C: usize>(rows: &[[f32; C]]) -> Tensor {
    Tensor::from_slice(rows.as_flattened()).reshape([rows.len() as i64, C as i64])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Case, Error};
    use dropsonde_forecaster::{NoTap, Precision};

    #[test]
    fn it_agrees_with_the_forecaster() -> Result<(), Error> {
        for hidden_layers in [0, 1, 2] {
            let mut case = Case::sized(15.0, 2, 24, 3);
            case.model.hidden_layers = hidden_layers;
            let forecaster = case.forecaster(Precision::F32)?;
            let weights = weights(forecaster.parameters());
            let naive = Naive::new(&weights, forecaster.config(), forecaster.graph())?;
            let features = case.raw()?;
            let ours = forecaster.forward(&features, &mut NoTap)?;
            let theirs = naive.forward(&features.squeeze_dim(1)).unsqueeze(1);
            let scale = ours.abs().max().double_value(&[]);
            let difference = (ours - theirs).abs().max().double_value(&[]);
            assert!(
                scale > 0.1 && difference < 1e-4 * scale,
                "{difference} of {scale}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_missing_weight_is_named() -> Result<(), Error> {
        let case = Case::tiny();
        let mut weights = weights(&case.checkpoint()?.parameters);
        let name = "mesh_gnn/~_networks_builder/processor_edges_1_mesh_mlp/~/linear_0:b";
        weights.remove(name);
        let naive = Naive::new(&weights, &case.model, &case.graph()?);
        assert!(naive.is_err_and(|e| e.contains(name)));
        Ok(())
    }
}
