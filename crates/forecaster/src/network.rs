use tch::Tensor;

use crate::mlp::{Mlp, product};
use crate::parameters::{Block, Parameters, blocks};
use crate::structure::{Edges, Structure};
use crate::{ModelConfig, Precision, Result};

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
        precision: Precision,
        c_in: i64,
        c_out: i64,
    ) -> Result<Self> {
        let blocks = blocks(config, c_in, c_out);
        let mlp = |name: &str| Mlp::new(parameters, config, precision, Block::find(&blocks, name));
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
        // [N, B, C_in] and [N, 1, 3] -> [N, B, D]
        let grid = self
            .embed_grid
            .forward_with_tail(features, &structure.grid_features);
        // The mesh nodes carry no weather: C_in zeros, then their position. [M, 1, 3] -> [M, 1, D]
        let mesh = self
            .embed_mesh
            .forward_tail(&structure.mesh_features, self.c_in);
        let set = &structure.grid2mesh;
        let edges = self.embed_grid2mesh.forward(&set.features);
        let messages = self.grid2mesh.messages(set, &edges, &grid, &mesh);
        drop(edges);
        let sum = aggregate(set, &messages, structure.n_mesh());
        drop(messages);
        let mesh = self.grid2mesh.update(&sum, &mesh);
        let grid = &grid + self.update_grid.forward(&grid);
        let edges = self.embed_processor.forward(&structure.processor.features);
        Latents { grid, mesh, edges }
    }

    /// One processor step, residuals included. The edge update of the last step is not used by anything and left out.
    pub(crate) fn process_step(&self, structure: &Structure, step: usize, latents: &mut Latents) {
        let interaction = &self.processor[step];
        let set = &structure.processor;
        let messages = interaction.messages(set, &latents.edges, &latents.mesh, &latents.mesh);
        let sum = aggregate(set, &messages, structure.n_mesh());
        if step + 1 < self.processor.len() {
            latents.edges = &latents.edges + messages;
        }
        latents.mesh = interaction.update(&sum, &latents.mesh);
    }

    /// Latents to the normalised output `[N, B, C_out]`. The decoder's update of the mesh nodes is used by nothing and
    /// left out.
    pub(crate) fn decode(&self, structure: &Structure, latents: &Latents) -> Tensor {
        let set = &structure.mesh2grid;
        let edges = self.embed_mesh2grid.forward(&set.features);
        let messages = self
            .mesh2grid
            .messages(set, &edges, &latents.mesh, &latents.grid);
        drop(edges);
        let sum = aggregate(set, &messages, structure.n_grid());
        drop(messages);
        let grid = self.mesh2grid.update(&sum, &latents.grid);
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
        let from_senders = product(senders, &w_sender).index_select(0, &set.senders);
        let from_receivers = {
            let mut per_node = product(receivers, &w_receiver);
            per_node += self.edges.first_bias();
            per_node.index_select(0, &set.receivers)
        };
        let nodes = add(from_senders, from_receivers);
        self.edges.finish(add(nodes, product(edges, &w_edge)))
    }

    /// h + MLP([h, sum of incoming e']), `[R, B, D]`, always a fresh tensor.
    fn update(&self, sum: &Tensor, nodes: &Tensor) -> Tensor {
        let [w_node, w_sum] = self.receivers.split();
        let mut pre = product(sum, &w_sum);
        pre += {
            let mut own = product(nodes, &w_node);
            own += self.receivers.first_bias();
            own
        };
        nodes + self.receivers.finish(pre)
    }
}

/// a + b in the memory of the larger one, since the other may still have a batch axis of 1; both must be fresh.
fn add(mut a: Tensor, mut b: Tensor) -> Tensor {
    if a.numel() >= b.numel() {
        a += b;
        a
    } else {
        b += a;
        b
    }
}

/// Sum of the values of each node's incoming edges, `[E, B, D]` to `[n_receivers, B, D]`.
fn aggregate(set: &Edges, messages: &Tensor, n_receivers: i64) -> Tensor {
    let size = messages.size();
    let mut sum = messages.new_zeros(
        [n_receivers, size[1], size[2]],
        (messages.kind(), messages.device()),
    );
    sum.index_add_(0, &set.receivers, messages)
}
