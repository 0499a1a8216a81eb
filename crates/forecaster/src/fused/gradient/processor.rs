use dropsonde_kernels::{Block, Start};
use dropsonde_mesh::Graph;

use super::nodes::{partition, project_gradient, update_gradient};
use super::tape::{MlpGradient, Tape, Transposed};
use super::{Named, SavedStep, total};
use crate::fused::FusedNetwork;
use crate::fused::encoder::{TASK, blocks};
use crate::fused::interaction::{EDGE, RECEIVER, SENDER, Table};
use crate::fused::mlp::ROWS;
use crate::fused::share::cut;
use crate::host::values;
use crate::{Parameters, Result};

/// Buffers and sums of one part of the edges.
struct Part {
    tape: Tape,
    dx: Block,
    mlp: MlpGradient,
    /// Gradient of the senders' products, `[M, B, D]`.
    senders: Vec<f32>,
}

impl FusedNetwork {
    /// From the gradients of a step's results, `d_mesh` `[M, B, D]` and `d_edges` `[E, B, D]`, to those of what it started
    /// from, and of its weights.
    pub(super) fn step_gradient(
        &self,
        graph: &Graph,
        parameters: &Parameters,
        step: usize,
        saved: &SavedStep,
        mut d_mesh: Vec<f32>,
        mut d_edges: Vec<f32>,
    ) -> Result<(Vec<f32>, Vec<f32>, Named)> {
        let (cpu, d, interaction) = (self.cpu, self.latent, &self.steps[step]);
        let nodes = Table {
            values: values(&saved.mesh),
            width: d,
        };
        let (d_sums, node_mlp) = update_gradient(
            (cpu, parameters),
            interaction,
            nodes,
            &saved.sums,
            &mut d_mesh,
        )?;
        let transposed = Transposed::new(cpu, &interaction.edges, parameters)?;
        let mut d_receivers = vec![0.0; d_mesh.len()];
        let (mut edge_mlp, d_senders) = self.edge_gradient(
            graph,
            step,
            saved,
            &transposed,
            &d_sums,
            &mut d_edges,
            &mut d_receivers,
        );
        for (part, products) in [(SENDER, &d_senders), (RECEIVER, &d_receivers)] {
            let sum = &mut edge_mlp.first[part];
            project_gradient(
                cpu,
                nodes,
                products,
                transposed.part(part),
                &mut d_mesh,
                sum,
            );
        }
        let mut named = node_mlp.named(&interaction.nodes);
        named.extend(edge_mlp.named(&interaction.edges));
        Ok((d_mesh, d_edges, named))
    }

    /// The edges of a step: `d_edges` becomes the gradient of the edges before it, `d_receivers` that of the receivers'
    /// products; returned are those of the weights and of the senders' products.
    #[allow(
        clippy::too_many_arguments,
        reason = "everything that meets at an edge"
    )]
    fn edge_gradient(
        &self,
        graph: &Graph,
        step: usize,
        saved: &SavedStep,
        transposed: &Transposed,
        d_sums: &[f32],
        d_edges: &mut [f32],
        d_receivers: &mut [f32],
    ) -> (MlpGradient, Vec<f32>) {
        let (cpu, d, interaction) = (self.cpu, self.latent, &self.steps[step]);
        let (set, order, mlp) = (&graph.processor, &self.processor, &interaction.edges);
        let batch = saved.mesh.size()[1] as usize;
        let nodes = Table {
            values: values(&saved.mesh),
            width: d,
        };
        let senders = interaction.project((cpu, &self.room), nodes, SENDER, false);
        let receivers = interaction.project((cpu, &self.room), nodes, RECEIVER, true);
        let [senders, receivers, d_sums] =
            [&senders[..], &receivers, d_sums].map(|values| Table { values, width: d });
        let edges = Table {
            values: values(&saved.edges),
            width: d,
        };
        let tasks = order.tasks(TASK.div_ceil(batch));
        let receiver_parts = cut(d_receivers, tasks.iter().map(|t| t.len() * batch * d));
        let edge_parts = cut(d_edges, tasks.iter().map(|t| order.of(t).len() * batch * d));
        let done = partition(
            tasks
                .into_iter()
                .zip(receiver_parts.into_iter().zip(edge_parts))
                .collect(),
            || Part {
                tape: Tape::new(cpu, mlp, d),
                dx: Block::new(cpu, ROWS, d),
                mlp: MlpGradient::zeros(cpu, mlp),
                senders: vec![0.0; senders.values.len()],
            },
            |part, (task, (d_receivers, d_edges))| {
                let range = order.of(&task);
                let start = range.start * batch;
                for block in blocks(start..range.end * batch) {
                    let rows = block.len();
                    let node = |nodes: &[u32], j: usize| {
                        let edge = order.edge((block.start + j) / batch);
                        nodes[edge] as usize * batch + (block.start + j) % batch
                    };
                    let d_own = &mut d_edges[(block.start - start) * d..(block.end - start) * d];
                    let tape = &mut part.tape;
                    tape.x[EDGE].fill(0, rows, |j| edges.row(block.start + j));
                    let more = |j| {
                        [
                            senders.row(node(&set.senders, j)),
                            receivers.row(node(&set.receivers, j)),
                        ]
                    };
                    tape.forward(mlp, EDGE..EDGE + 1, rows, more, Start::Zero);
                    // A message goes into the sum and, as the residual, into the edge.
                    tape.dy.fill(rows, |j| &d_own[j * d..][..d]);
                    tape.dy.add(rows, |j| [d_sums.row(node(&set.receivers, j))]);
                    tape.backward(mlp, transposed, EDGE..EDGE + 1, rows, &mut part.mlp);
                    let first = task.start * batch;
                    tape.entry()
                        .scatter_add(rows, d_receivers, |j| node(&set.receivers, j) - first);
                    tape.entry()
                        .scatter_add(rows, &mut part.senders, |j| node(&set.senders, j));
                    tape.input_gradient(transposed, EDGE, rows, &mut part.dx);
                    part.dx.write(0, d_own, true);
                }
            },
        );
        total(done.into_iter().map(|part| (part.mlp, part.senders)))
    }
}
