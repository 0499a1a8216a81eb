use std::ops::Range;

use dropsonde_kernels::{Block, Operand, Start, product};
use dropsonde_mesh::Graph;
use tch::Tensor;

use super::nodes::{partition, project_gradient};
use super::tape::{MlpGradient, Tape, Transposed};
use super::{Named, total};
use crate::fused::FusedNetwork;
use crate::fused::encoder::blocks;
use crate::fused::interaction::{EDGE, NODE, RECEIVER, SENDER, SUM, Table};
use crate::fused::mlp::ROWS;
use crate::fused::share::{cut, ranges};
use crate::host::values;
use crate::{Parameters, Result};

/// The transposed matrices of the decoder.
struct Weights {
    embed: Transposed,
    edges: Transposed,
    nodes: Transposed,
    output: Transposed,
}

/// Gradients of the decoder's MLPs.
struct Sums {
    embed: MlpGradient,
    edges: MlpGradient,
    nodes: MlpGradient,
    output: MlpGradient,
}

/// Buffers and sums of one part of the grid.
struct Part {
    embed: Tape,
    edges: Tape,
    nodes: Tape,
    output: Tape,
    dx: Block,
    x: Operand,
    left: Operand,
    receivers: Vec<f32>,
    updated: Vec<f32>,
    d_sums: Vec<f32>,
    d_receivers: Vec<f32>,
    sums: Sums,
    /// Gradient of the senders' products, `[M, B, D]`.
    senders: Vec<f32>,
}

impl FusedNetwork {
    /// From the gradient of the output `[N, B, C_out]` to those of mesh `[M, B, D]`, grid `[N, B, D]` and weights.
    pub(super) fn decoder_gradient(
        &self,
        graph: &Graph,
        parameters: &Parameters,
        [mesh, grid]: [&Tensor; 2],
        sums: &[f32],
        output: &[f32],
    ) -> Result<(Vec<f32>, Vec<f32>, Named)> {
        let (cpu, d, batch) = (self.cpu, self.latent, grid.size()[1] as usize);
        let [mesh, grid] = [mesh, grid].map(|t| Table {
            values: values(t),
            width: d,
        });
        let senders = self.decoder.project((cpu, &self.room), mesh, SENDER, false);
        let senders = Table {
            values: &senders,
            width: d,
        };
        let sums = Table {
            values: sums,
            width: d,
        };
        let output = Table {
            values: output,
            width: self.c_out,
        };
        let weights = Weights {
            embed: Transposed::new(cpu, &self.embed_mesh2grid, parameters)?,
            edges: Transposed::new(cpu, &self.decoder.edges, parameters)?,
            nodes: Transposed::new(cpu, &self.decoder.nodes, parameters)?,
            output: Transposed::new(cpu, &self.output, parameters)?,
        };
        let mut d_grid = vec![0.0; grid.values.len()];
        let tasks = ranges(graph.grid.n_nodes(), (ROWS / batch).max(1));
        let parts = cut(&mut d_grid, tasks.iter().map(|t| t.len() * batch * d));
        let done = partition(
            tasks.into_iter().zip(parts).collect(),
            || self.part(batch, senders.values.len()),
            |part, (task, d_grid)| {
                let all = task.start * batch..task.end * batch;
                part.d_sums.fill(0.0);
                part.d_receivers.fill(0.0);
                for nodes in blocks(all.clone()) {
                    self.node_gradient(
                        part,
                        &weights,
                        [grid, sums, output],
                        &nodes,
                        all.start,
                        d_grid,
                    );
                }
                self.message_gradient(graph, part, &weights, senders, &task, batch);
                for nodes in blocks(all.clone()) {
                    self.receiver_gradient(part, &weights, grid, &nodes, all.start, d_grid);
                }
            },
        );
        let (mut sums, d_senders) = total(done.into_iter().map(|part| (part.sums, part.senders)));
        let mut d_mesh = vec![0.0; mesh.values.len()];
        let transposed = weights.edges.part(SENDER);
        project_gradient(
            cpu,
            mesh,
            &d_senders,
            transposed,
            &mut d_mesh,
            &mut sums.edges.first[SENDER],
        );
        let mut named = sums.embed.named(&self.embed_mesh2grid);
        named.extend(sums.edges.named(&self.decoder.edges));
        named.extend(sums.nodes.named(&self.decoder.nodes));
        named.extend(sums.output.named(&self.output));
        Ok((d_mesh, d_grid, named))
    }

    fn part(&self, batch: usize, senders: usize) -> Part {
        let (cpu, d) = (self.cpu, self.latent);
        let room = || vec![0.0; (ROWS / batch).max(1) * batch * d];
        let zeros = |mlp| MlpGradient::zeros(cpu, mlp);
        Part {
            embed: Tape::new(cpu, &self.embed_mesh2grid, d),
            edges: Tape::new(cpu, &self.decoder.edges, d),
            nodes: Tape::new(cpu, &self.decoder.nodes, d),
            output: Tape::new(cpu, &self.output, d),
            dx: Block::new(cpu, ROWS, d),
            x: Operand::new(cpu, ROWS, d),
            left: Operand::new(cpu, ROWS, d),
            receivers: room(),
            updated: room(),
            d_sums: room(),
            d_receivers: room(),
            sums: Sums {
                embed: zeros(&self.embed_mesh2grid),
                edges: zeros(&self.decoder.edges),
                nodes: zeros(&self.decoder.nodes),
                output: zeros(&self.output),
            },
            senders: vec![0.0; senders],
        }
    }

    /// Output and update of some grid nodes: gradients of the nodes (`d_grid`) and of their sums of messages.
    fn node_gradient(
        &self,
        part: &mut Part,
        weights: &Weights,
        [grid, sums, d_output]: [Table<'_>; 3],
        nodes: &Range<usize>,
        first: usize,
        d_grid: &mut [f32],
    ) {
        let (rows, d) = (nodes.len(), self.latent);
        let place = (nodes.start - first) * d..(nodes.end - first) * d;
        let (mlp, output) = (&self.decoder.nodes, &self.output);
        let tape = &mut part.nodes;
        tape.x[NODE].fill(0, rows, |j| grid.row(nodes.start + j));
        tape.x[SUM].fill(0, rows, |j| sums.row(nodes.start + j));
        tape.forward(mlp, 0..2, rows, |_| [], mlp.bias());
        let updated = &mut part.updated[..rows * d];
        updated.copy_from_slice(&grid.values[nodes.start * d..nodes.end * d]);
        tape.value.write(0, updated, true);
        let out = &mut part.output;
        out.x[0].fill(0, rows, |j| &updated[j * d..][..d]);
        out.forward(output, 0..1, rows, |_| [], output.bias());
        out.dy.fill(rows, |j| d_output.row(nodes.start + j));
        out.backward(output, &weights.output, 0..1, rows, &mut part.sums.output);
        out.input_gradient(&weights.output, 0, rows, &mut part.dx);
        tape.dy.copy(rows, &part.dx);
        let d_grid = &mut d_grid[place.clone()];
        part.dx.write(0, d_grid, false);
        tape.backward(mlp, &weights.nodes, 0..2, rows, &mut part.sums.nodes);
        tape.input_gradient(&weights.nodes, NODE, rows, &mut part.dx);
        part.dx.write(0, d_grid, true);
        tape.input_gradient(&weights.nodes, SUM, rows, &mut part.dx);
        part.dx.write(0, &mut part.d_sums[place.clone()], false);
        // What the messages need from these nodes.
        let edges = &self.decoder.edges;
        part.x.fill(0, rows, |j| grid.row(nodes.start + j));
        product(
            &part.x,
            rows,
            edges.part(RECEIVER),
            edges.bias(),
            &mut part.dx,
        );
        part.dx.write(0, &mut part.receivers[place], false);
    }

    /// The messages to the grid nodes of one task.
    fn message_gradient(
        &self,
        graph: &Graph,
        part: &mut Part,
        weights: &Weights,
        senders: Table<'_>,
        task: &Range<usize>,
        batch: usize,
    ) {
        let (d, set, order) = (self.latent, &graph.mesh2grid, &self.mesh2grid);
        let (mlp, embedding) = (&self.decoder.edges, &self.embed_mesh2grid);
        let range = order.of(task);
        for block in blocks(range.start * batch..range.end * batch) {
            let rows = block.len();
            let edge = |j: usize| order.edge((block.start + j) / batch);
            let member = |j: usize| (block.start + j) % batch;
            let receiver =
                |j: usize| (set.receivers[edge(j)] as usize - task.start) * batch + member(j);
            let sender = |j: usize| set.senders[edge(j)] as usize * batch + member(j);
            let [receivers, d_sums] =
                [&part.receivers, &part.d_sums].map(|values| Table { values, width: d });
            part.embed.x[0].fill(0, rows, |j| &set.features[edge(j)]);
            part.embed
                .forward(embedding, 0..1, rows, |_| [], embedding.bias());
            let tape = &mut part.edges;
            tape.x[EDGE].copy(rows, &part.embed.value);
            let more = |j| [senders.row(sender(j)), receivers.row(receiver(j))];
            tape.forward(mlp, EDGE..EDGE + 1, rows, more, Start::Zero);
            tape.dy.fill(rows, |j| d_sums.row(receiver(j)));
            tape.backward(
                mlp,
                &weights.edges,
                EDGE..EDGE + 1,
                rows,
                &mut part.sums.edges,
            );
            tape.entry()
                .scatter_add(rows, &mut part.d_receivers, receiver);
            tape.entry().scatter_add(rows, &mut part.senders, sender);
            tape.input_gradient(&weights.edges, EDGE, rows, &mut part.embed.dy);
            part.embed
                .backward(embedding, &weights.embed, 0..1, rows, &mut part.sums.embed);
        }
    }

    /// The receivers' products of some grid nodes.
    fn receiver_gradient(
        &self,
        part: &mut Part,
        weights: &Weights,
        grid: Table<'_>,
        nodes: &Range<usize>,
        first: usize,
        d_grid: &mut [f32],
    ) {
        let (rows, d) = (nodes.len(), self.latent);
        let place = (nodes.start - first) * d..(nodes.end - first) * d;
        let products = &part.d_receivers[place.clone()];
        part.x.fill(0, rows, |j| grid.row(nodes.start + j));
        part.dx.fill(rows, |j| &products[j * d..][..d]);
        part.left.copy(rows, &part.dx);
        part.sums.edges.first[RECEIVER].add_product(&part.x, &part.left, rows);
        product(
            &part.left,
            rows,
            weights.edges.part(RECEIVER),
            Start::Zero,
            &mut part.dx,
        );
        part.dx.write(0, &mut d_grid[place], true);
    }
}

impl super::Total for Sums {
    fn add(&mut self, other: Self) {
        self.embed.add_other(&other.embed);
        self.edges.add_other(&other.edges);
        self.nodes.add_other(&other.nodes);
        self.output.add_other(&other.output);
    }
}
