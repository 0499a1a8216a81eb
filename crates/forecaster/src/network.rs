use std::ops::Range;

use tch::Tensor;

use crate::mlp::Mlp;
use crate::parameters::{Parameters, blocks};
use crate::structure::{Edges, Structure};
use crate::{ModelConfig, Result};

/// What flows between the phases of one forward pass.
#[derive(Debug)]
pub struct Latents {
    /// Grid-node latents `[N, B, D]`; from the encoder straight to the decoder.
    pub grid: Tensor,
    /// Mesh-node latents `[M, B, D]`.
    pub mesh: Tensor,
    /// Latents of the processor's edges, `[E, B, D]` (`[E, 1, D]` before the first step), sorted by receiver.
    pub edges: Tensor,
}

impl Latents {
    /// A second handle on the same tensors (nothing is copied; phases never change a tensor in place).
    pub fn shallow_clone(&self) -> Self {
        Self {
            grid: self.grid.shallow_clone(),
            mesh: self.mesh.shallow_clone(),
            edges: self.edges.shallow_clone(),
        }
    }
}

/// One round of messages along a set of edges.
#[derive(Debug)]
struct Interaction {
    edges: Mlp,
    receivers: Mlp,
}

/// The weights, in the order in which they are used.
#[derive(Debug)]
pub(crate) struct Network {
    c_in: i64,
    embed_grid: Mlp,
    embed_mesh: Mlp,
    embed_grid2mesh: Mlp,
    grid2mesh: Interaction,
    update_grid: Mlp,
    embed_processor: Mlp,
    processor: Vec<Interaction>,
    embed_mesh2grid: Mlp,
    mesh2grid: Interaction,
    output: Mlp,
}

impl Network {
    pub(crate) fn new(
        parameters: &Parameters,
        config: &ModelConfig,
        c_in: i64,
        c_out: i64,
    ) -> Result<Self> {
        let blocks = blocks(config, c_in, c_out);
        let mlp = |name: &str| {
            let block = blocks
                .iter()
                .find(|b| b.path.replace("/~_networks_builder", "") == name);
            Mlp::new(
                parameters,
                config,
                block.unwrap_or_else(|| unreachable!("`blocks` lists {name}")),
            )
        };
        let interaction = |edges: &str, receivers: &str| {
            Result::Ok(Interaction {
                edges: mlp(edges)?,
                receivers: mlp(receivers)?,
            })
        };
        Ok(Self {
            c_in,
            embed_grid: mlp("grid2mesh_gnn/encoder_nodes_grid_nodes")?,
            embed_mesh: mlp("grid2mesh_gnn/encoder_nodes_mesh_nodes")?,
            embed_grid2mesh: mlp("grid2mesh_gnn/encoder_edges_grid2mesh")?,
            grid2mesh: interaction(
                "grid2mesh_gnn/processor_edges_0_grid2mesh",
                "grid2mesh_gnn/processor_nodes_0_mesh_nodes",
            )?,
            update_grid: mlp("grid2mesh_gnn/processor_nodes_0_grid_nodes")?,
            embed_processor: mlp("mesh_gnn/encoder_edges_mesh")?,
            processor: (0..config.gnn_msg_steps)
                .map(|step| {
                    interaction(
                        &format!("mesh_gnn/processor_edges_{step}_mesh"),
                        &format!("mesh_gnn/processor_nodes_{step}_mesh_nodes"),
                    )
                })
                .collect::<Result<_>>()?,
            embed_mesh2grid: mlp("mesh2grid_gnn/encoder_edges_mesh2grid")?,
            mesh2grid: interaction(
                "mesh2grid_gnn/processor_edges_0_mesh2grid",
                "mesh2grid_gnn/processor_nodes_0_grid_nodes",
            )?,
            output: mlp("mesh2grid_gnn/decoder_nodes_grid_nodes")?,
        })
    }

    /// Normalised grid features `[N, B, C_in]` to the latents that enter the processor.
    pub(crate) fn encode(&self, structure: &Structure, features: &Tensor) -> Latents {
        let batch = features.size()[1];
        let positions = structure.grid_features.expand([-1, batch, -1], false);
        // [N, B, C_in + 3] -> [N, B, D]
        let grid = self
            .embed_grid
            .forward(&Tensor::cat(&[features, &positions], -1));
        // The mesh nodes carry no weather: C_in zeros, then their position. [M, 1, 3] -> [M, 1, D]
        let mesh = self
            .embed_mesh
            .forward_tail(&structure.mesh_features, self.c_in);
        let edges = self.embed_grid2mesh.forward(&structure.grid2mesh.features);
        let messages = self
            .grid2mesh
            .messages(&structure.grid2mesh, &edges, &grid, &mesh);
        let mesh = self
            .grid2mesh
            .update(&structure.grid2mesh, &messages, &mesh);
        let grid = &grid + self.update_grid.forward(&grid);
        let edges = self.embed_processor.forward(&structure.processor.features);
        Latents { grid, mesh, edges }
    }

    /// One processor step, residuals included. The edge update of the last step is not used by anything and left out.
    pub(crate) fn process_step(&self, structure: &Structure, step: usize, latents: &mut Latents) {
        let interaction = &self.processor[step];
        let edges = &structure.processor;
        let messages = interaction.messages(edges, &latents.edges, &latents.mesh, &latents.mesh);
        latents.mesh = interaction.update(edges, &messages, &latents.mesh);
        if step + 1 < self.processor.len() {
            latents.edges = &latents.edges + messages;
        }
    }

    pub(crate) fn steps(&self) -> Range<usize> {
        0..self.processor.len()
    }

    /// Latents to the normalised output `[N, B, C_out]`.
    pub(crate) fn decode(&self, structure: &Structure, latents: &Latents) -> Tensor {
        let edges = self.embed_mesh2grid.forward(&structure.mesh2grid.features);
        let messages =
            self.mesh2grid
                .messages(&structure.mesh2grid, &edges, &latents.mesh, &latents.grid);
        let grid = self
            .mesh2grid
            .update(&structure.mesh2grid, &messages, &latents.grid);
        self.output.forward(&grid)
    }
}

impl Interaction {
    /// New edge values e' = MLP([e, h_sender, h_receiver]), `[E, B, D]`.
    ///
    /// W acts on the three parts separately, so the products with node latents are taken per node and then gathered.
    fn messages(
        &self,
        set: &Edges,
        edges: &Tensor,
        senders: &Tensor,
        receivers: &Tensor,
    ) -> Tensor {
        let [w_edge, w_sender, w_receiver] = self.edges.split();
        let from_senders = senders.matmul(&w_sender).index_select(0, &set.senders);
        let from_receivers = (receivers.matmul(&w_receiver) + self.edges.first_bias())
            .index_select(0, &set.receivers);
        self.edges
            .finish(from_senders + from_receivers + edges.matmul(&w_edge))
    }

    /// h + MLP([h, sum of incoming e']), `[R, B, D]`, always a fresh tensor.
    fn update(&self, set: &Edges, messages: &Tensor, nodes: &Tensor) -> Tensor {
        let [w_node, w_sum] = self.receivers.split();
        let size = messages.size();
        let sum = messages.new_zeros(
            [nodes.size()[0], size[1], size[2]],
            (messages.kind(), messages.device()),
        );
        let sum = sum.index_add(0, &set.receivers, messages);
        let pre = sum.matmul(&w_sum) + (nodes.matmul(&w_node) + self.receivers.first_bias());
        nodes + self.receivers.finish(pre)
    }
}
