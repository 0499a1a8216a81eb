//! The network on a CPU, block by block: every row stays in cache from its first product to its last sum.

mod decoder;
mod encoder;
pub(crate) mod gradient;

mod interaction;
mod mlp;
mod order;
mod processor;
mod room;
mod share;

use dropsonde_kernels::{Cpu, Operands};
use dropsonde_mesh::Graph;
use tch::{Device, Tensor};

use crate::host::host;
use crate::parameters::{Block, Parameters, blocks};
use crate::{Error, ForecasterOptions, Latents, ModelConfig, Precision, Result};
use interaction::Interaction;
use mlp::Mlp;
use order::Order;
use room::Room;

/// The weights, packed, and the edges in the order of their receivers.
#[derive(Debug)]
pub(crate) struct FusedNetwork {
    cpu: Cpu,
    latent: usize,
    room: Room,
    c_in: usize,
    c_out: usize,
    grid2mesh: Order,
    processor: Order,
    mesh2grid: Order,
    embed_grid: Mlp,
    embed_mesh: Mlp,
    embed_grid2mesh: Mlp,
    encoder: Interaction,
    update_grid: Mlp,
    embed_processor: Mlp,
    steps: Vec<Interaction>,
    embed_mesh2grid: Mlp,
    decoder: Interaction,
    output: Mlp,
}

impl FusedNetwork {
    pub(crate) fn new(
        parameters: &Parameters,
        config: &ModelConfig,
        options: ForecasterOptions,
        graph: &Graph,
        (c_in, c_out): (usize, usize),
    ) -> Result<Self> {
        let cpu = Cpu::new(operands(options)?);
        let blocks = blocks(config, c_in as i64, c_out as i64);
        let d = config.latent_size as usize;
        let mlp = |name: &str, parts: &[usize]| {
            Mlp::new(cpu, parameters, config, Block::find(&blocks, name), parts)
        };
        let interaction = |edges: &str, nodes: &str| {
            Result::Ok(Interaction {
                edges: mlp(edges, &[d, d, d])?,
                nodes: mlp(nodes, &[d, d])?,
            })
        };
        let (n_grid, n_mesh) = (graph.grid.n_nodes(), graph.mesh.n_nodes());
        Ok(Self {
            cpu,
            latent: d,
            room: Room::default(),
            c_in,
            c_out,
            grid2mesh: Order::new(&graph.grid2mesh, n_mesh),
            processor: Order::new(&graph.processor, n_mesh),
            mesh2grid: Order::new(&graph.mesh2grid, n_grid),
            embed_grid: mlp("grid2mesh_gnn/encoder_nodes_grid_nodes", &[c_in + 3])?,
            embed_mesh: mlp("grid2mesh_gnn/encoder_nodes_mesh_nodes", &[c_in, 3])?,
            embed_grid2mesh: mlp("grid2mesh_gnn/encoder_edges_grid2mesh", &[4])?,
            encoder: interaction(
                "grid2mesh_gnn/processor_edges_0_grid2mesh",
                "grid2mesh_gnn/processor_nodes_0_mesh_nodes",
            )?,
            update_grid: mlp("grid2mesh_gnn/processor_nodes_0_grid_nodes", &[d])?,
            embed_processor: mlp("mesh_gnn/encoder_edges_mesh", &[4])?,
            steps: (0..config.gnn_msg_steps)
                .map(|step| {
                    interaction(
                        &format!("mesh_gnn/processor_edges_{step}_mesh"),
                        &format!("mesh_gnn/processor_nodes_{step}_mesh_nodes"),
                    )
                })
                .collect::<Result<_>>()?,
            embed_mesh2grid: mlp("mesh2grid_gnn/encoder_edges_mesh2grid", &[4])?,
            decoder: interaction(
                "mesh2grid_gnn/processor_edges_0_mesh2grid",
                "mesh2grid_gnn/processor_nodes_0_grid_nodes",
            )?,
            output: mlp("mesh2grid_gnn/decoder_nodes_grid_nodes", &[d])?,
        })
    }

    /// Packs the weights again, after training has changed them.
    pub(crate) fn refresh(&mut self, parameters: &Parameters) -> Result<()> {
        let cpu = self.cpu;
        let edges = |i: &mut Interaction| {
            i.edges.refresh(cpu, parameters)?;
            i.nodes.refresh(cpu, parameters)
        };
        [&mut self.encoder, &mut self.decoder]
            .into_iter()
            .try_for_each(edges)?;
        self.steps.iter_mut().try_for_each(edges)?;
        [
            &mut self.embed_grid,
            &mut self.embed_mesh,
            &mut self.embed_grid2mesh,
            &mut self.update_grid,
            &mut self.embed_processor,
            &mut self.embed_mesh2grid,
            &mut self.output,
        ]
        .into_iter()
        .try_for_each(|mlp| mlp.refresh(cpu, parameters))
    }

    /// Normalised features `[N, B, C_in]` to the latents that enter the processor.
    pub(crate) fn encode(&self, graph: &Graph, features: &Tensor) -> Result<Latents> {
        let (latents, sums) = self.encode_host(graph, &host("features", features)?);
        self.room.put(sums);
        Ok(latents)
    }

    /// One processor step. The edge latents are changed in place: they must be the caller's own.
    pub(crate) fn process_step(
        &self,
        graph: &Graph,
        step: usize,
        latents: &mut Latents,
    ) -> Result<()> {
        let mesh = host("mesh latents", &latents.mesh)?;
        let batch = mesh.size()[1];
        let edges = host("edge latents", &latents.edges)?;
        latents.edges = match edges.size()[1] == batch {
            true => edges,
            false => edges.expand([-1, batch, -1], false).contiguous(),
        };
        let (mesh, sums) = self.step_host(graph, step, &mesh, &mut latents.edges);
        self.room.put(sums);
        latents.mesh = mesh;
        Ok(())
    }

    /// Latents to the normalised output `[N, B, C_out]`.
    pub(crate) fn decode(&self, graph: &Graph, latents: &Latents) -> Result<Tensor> {
        let grid = host("grid latents", &latents.grid)?;
        let mesh = host("mesh latents", &latents.mesh)?;
        Ok(self.decode_host(graph, &mesh, &grid, None))
    }
}

/// Numbers of the products, where the fused kernels can run at all.
fn operands(options: ForecasterOptions) -> Result<Operands> {
    let refuse = |what: String| {
        Err(Error::Config(format!(
            "kernel `fused` runs in f32 or bf16 on the CPU, not {what}\nhint: choose kernel `plain`"
        )))
    };
    if options.device != Device::Cpu {
        return refuse(format!("on {:?}", options.device));
    }
    match options.precision {
        Precision::F32 => Ok(Operands::F32),
        Precision::Bf16 => Ok(Operands::Bf16),
        Precision::F64 => refuse("in f64".to_owned()),
    }
}
