use dropsonde_kernels::{Block, Start};
use dropsonde_mesh::Graph;
use tch::Tensor;

use super::nodes::{embed_gradient, partition, project_gradient, update_gradient};
use super::tape::{MlpGradient, Tape, Transposed};
use super::{Named, total};
use crate::fused::FusedNetwork;
use crate::fused::encoder::{TASK, blocks};
use crate::fused::interaction::{EDGE, RECEIVER, SENDER, Table};
use crate::fused::mlp::ROWS;
use crate::fused::order::Order;
use crate::fused::share::{cut, ranges};
use crate::host::{empty, values, values_mut};
use crate::{Parameters, Result};

/// Buffers and sums of one part of the edges.
struct Part {
    embed: Tape,
    edges: Tape,
    dx: Block,
    sums: (MlpGradient, MlpGradient),
}

/// Buffers and sums of one part of the grid.
struct GridPart {
    embed: Tape,
    update: Tape,
    dx: Block,
    d_features: Block,
    sums: (MlpGradient, MlpGradient),
}

impl FusedNetwork {
    /// From the gradients of the latents that leave the encoder, mesh `[M, B, D]`, edges `[E, B, D]` and grid `[N, B, D]`,
    /// to that of the features `[N, B, C_in]` and those of the weights.
    pub(super) fn encoder_gradient(
        &self,
        graph: &Graph,
        parameters: &Parameters,
        features: &Tensor,
        sums: &[f32],
        [mut d_mesh, d_edges, d_grid]: [Vec<f32>; 3],
    ) -> Result<(Tensor, Named)> {
        let (cpu, d, batch) = (self.cpu, self.latent, features.size()[1] as usize);
        let feature = |j: usize| &graph.processor.features[self.processor.edge(j / batch)][..];
        let mut named = embed_gradient(
            (cpu, parameters),
            &self.embed_processor,
            0,
            feature,
            &d_edges,
        )?
        .named(&self.embed_processor);
        drop(d_edges);
        let mesh = self.mesh_embedding(graph, batch);
        let nodes = Table {
            values: &mesh,
            width: d,
        };
        let (d_sums, node_mlp) =
            update_gradient((cpu, parameters), &self.encoder, nodes, sums, &mut d_mesh)?;
        named.extend(node_mlp.named(&self.encoder.nodes));
        let (d_senders, here) =
            self.grid_message_gradient(graph, parameters, features, nodes, &d_sums, &mut d_mesh)?;
        named.extend(here);
        let position = |j: usize| &graph.mesh_features[j / batch][..];
        named.extend(
            embed_gradient((cpu, parameters), &self.embed_mesh, 1, position, &d_mesh)?
                .named(&self.embed_mesh),
        );
        let (d_features, here) =
            self.grid_gradient(graph, parameters, features, &d_grid, &d_senders)?;
        named.extend(here);
        Ok((d_features, named))
    }

    /// The messages from the grid: adds the receivers' share to `d_mesh`; returned are the gradients of the senders, one
    /// row per edge in the order of receivers, `[E, B, D]`, and of the weights.
    fn grid_message_gradient(
        &self,
        graph: &Graph,
        parameters: &Parameters,
        features: &Tensor,
        mesh: Table<'_>,
        d_sums: &[f32],
        d_mesh: &mut [f32],
    ) -> Result<(Vec<f32>, Named)> {
        let (cpu, d, batch) = (self.cpu, self.latent, features.size()[1] as usize);
        let (set, order, mlp) = (&graph.grid2mesh, &self.grid2mesh, &self.encoder.edges);
        let mut grid = empty([graph.grid.n_nodes(), batch, d]);
        self.embed_grid(graph, features, batch, values_mut(&mut grid));
        let grid = Table {
            values: values(&grid),
            width: d,
        };
        let receivers = self
            .encoder
            .project((cpu, &self.room), mesh, RECEIVER, true);
        let [receivers, d_sums] = [&receivers, d_sums].map(|values| Table { values, width: d });
        let transposed = Transposed::new(cpu, mlp, parameters)?;
        let embed = Transposed::new(cpu, &self.embed_grid2mesh, parameters)?;
        let mut d_senders = vec![0.0; set.len() * batch * d];
        let mut d_receivers = vec![0.0; d_mesh.len()];
        let tasks = order.tasks(TASK.div_ceil(batch));
        let receiver_parts = cut(&mut d_receivers, tasks.iter().map(|t| t.len() * batch * d));
        let sender_parts = cut(
            &mut d_senders,
            tasks.iter().map(|t| order.of(t).len() * batch * d),
        );
        let done = partition(
            tasks
                .into_iter()
                .zip(receiver_parts.into_iter().zip(sender_parts))
                .collect(),
            || Part {
                embed: Tape::new(cpu, &self.embed_grid2mesh, d),
                edges: Tape::new(cpu, mlp, d),
                dx: Block::new(cpu, ROWS, d),
                sums: (
                    MlpGradient::zeros(cpu, &self.embed_grid2mesh),
                    MlpGradient::zeros(cpu, mlp),
                ),
            },
            |part, (task, (d_receivers, d_senders))| {
                let range = order.of(&task);
                let start = range.start * batch;
                for block in blocks(start..range.end * batch) {
                    let rows = block.len();
                    let edge = |j: usize| order.edge((block.start + j) / batch);
                    let node = |nodes: &[u32], j: usize| {
                        nodes[edge(j)] as usize * batch + (block.start + j) % batch
                    };
                    let receiver = |j: usize| node(&set.receivers, j);
                    part.embed.x[0].fill(0, rows, |j| &set.features[edge(j)]);
                    let embedding = &self.embed_grid2mesh;
                    part.embed
                        .forward(embedding, 0..1, rows, |_| [], embedding.bias());
                    let tape = &mut part.edges;
                    tape.x[EDGE].copy(rows, &part.embed.value);
                    tape.x[SENDER].fill(0, rows, |j| grid.row(node(&set.senders, j)));
                    tape.forward(
                        mlp,
                        EDGE..SENDER + 1,
                        rows,
                        |j| [receivers.row(receiver(j))],
                        Start::Zero,
                    );
                    tape.dy.fill(rows, |j| d_sums.row(receiver(j)));
                    tape.backward(mlp, &transposed, EDGE..SENDER + 1, rows, &mut part.sums.1);
                    let first = task.start * batch;
                    tape.entry()
                        .scatter_add(rows, d_receivers, |j| receiver(j) - first);
                    tape.input_gradient(&transposed, SENDER, rows, &mut part.dx);
                    let place = (block.start - start) * d..(block.end - start) * d;
                    part.dx.write(0, &mut d_senders[place], false);
                    tape.input_gradient(&transposed, EDGE, rows, &mut part.embed.dy);
                    part.embed
                        .backward(embedding, &embed, 0..1, rows, &mut part.sums.0);
                }
            },
        );
        let (embedding, mut edges) = total(done.into_iter().map(|part| part.sums));
        let sum = &mut edges.first[RECEIVER];
        project_gradient(
            cpu,
            mesh,
            &d_receivers,
            transposed.part(RECEIVER),
            d_mesh,
            sum,
        );
        let mut named = embedding.named(&self.embed_grid2mesh);
        named.extend(edges.named(mlp));
        Ok((d_senders, named))
    }

    /// Embedding and update of the grid nodes; `d_senders` is what the messages add, one row per edge.
    fn grid_gradient(
        &self,
        graph: &Graph,
        parameters: &Parameters,
        features: &Tensor,
        d_grid: &[f32],
        d_senders: &[f32],
    ) -> Result<(Tensor, Named)> {
        let (cpu, d, batch) = (self.cpu, self.latent, features.size()[1] as usize);
        let (embed, update) = (&self.embed_grid, &self.update_grid);
        let weights = [
            Transposed::new(cpu, embed, parameters)?,
            Transposed::new(cpu, update, parameters)?,
        ];
        let by_sender = self
            .grid2mesh
            .by_sender(&graph.grid2mesh, graph.grid.n_nodes());
        let features = Table {
            values: values(features),
            width: self.c_in,
        };
        let [d_grid, d_senders] = [d_grid, d_senders].map(|values| Table { values, width: d });
        let mut d_features = empty([graph.grid.n_nodes(), batch, self.c_in]);
        let tasks = ranges(features.len(), ROWS);
        let parts = cut(
            values_mut(&mut d_features),
            tasks.iter().map(|t| t.len() * self.c_in),
        );
        let done = partition(
            tasks.into_iter().zip(parts).collect(),
            || GridPart {
                embed: Tape::new(cpu, embed, d),
                update: Tape::new(cpu, update, d),
                dx: Block::new(cpu, ROWS, d),
                d_features: Block::new(cpu, ROWS, self.c_in + 3),
                sums: (
                    MlpGradient::zeros(cpu, embed),
                    MlpGradient::zeros(cpu, update),
                ),
            },
            |part, (task, out)| {
                let (rows, at) = (task.len(), |j: usize| task.start + j);
                part.embed.x[0].fill(0, rows, |j| features.row(at(j)));
                part.embed.x[0].fill(self.c_in, rows, |j| &graph.grid_features[at(j) / batch]);
                part.embed.forward(embed, 0..1, rows, |_| [], embed.bias());
                part.update.x[0].copy(rows, &part.embed.value);
                part.update
                    .forward(update, 0..1, rows, |_| [], update.bias());
                part.update.dy.fill(rows, |j| d_grid.row(at(j)));
                part.update
                    .backward(update, &weights[1], 0..1, rows, &mut part.sums.1);
                part.update
                    .input_gradient(&weights[1], 0, rows, &mut part.dx);
                part.embed.dy.copy(rows, &part.dx);
                part.embed.dy.add(rows, |j| [d_grid.row(at(j))]);
                add_messages(
                    &mut part.embed.dy,
                    rows,
                    task.start,
                    batch,
                    &by_sender,
                    d_senders,
                );
                part.embed
                    .backward(embed, &weights[0], 0..1, rows, &mut part.sums.0);
                part.embed
                    .input_gradient(&weights[0], 0, rows, &mut part.d_features);
                for (j, out) in out.chunks_exact_mut(self.c_in).enumerate() {
                    out.copy_from_slice(&part.d_features.row(j)[..self.c_in]);
                }
            },
        );
        let (first, second) = total(done.into_iter().map(|part| part.sums));
        let mut named = first.named(embed);
        named.extend(second.named(update));
        Ok((d_features, named))
    }
}

/// Adds the rows of each node's outgoing edges.
fn add_messages(
    block: &mut Block,
    rows: usize,
    first: usize,
    batch: usize,
    by_sender: &Order,
    edges: Table<'_>,
) {
    for j in 0..rows {
        let (node, member) = ((first + j) / batch, (first + j) % batch);
        for sorted in by_sender.of(&(node..node + 1)) {
            block.add_row(j, edges.row(by_sender.edge(sorted) * batch + member));
        }
    }
}
