use dropsonde_kernels::Start;
use dropsonde_mesh::Graph;
use tch::Tensor;

use super::FusedNetwork;
use super::encoder::{TASK, blocks};
use super::interaction::{EDGE, RECEIVER, SENDER, Table};
use super::mlp::Work;
use super::share::{cut, share};
use crate::host::{empty, values, values_mut};

impl FusedNetwork {
    /// New mesh latents and the sums of messages, both `[M, B, D]`; `edges` `[E, B, D]` are updated in place, except by the last step, whose edges
    /// nothing uses.
    pub(super) fn step_host(
        &self,
        graph: &Graph,
        step: usize,
        mesh: &Tensor,
        edges: &mut Tensor,
    ) -> (Tensor, Vec<f32>) {
        let interaction = &self.steps[step];
        let (d, set, order) = (self.latent, &graph.processor, &self.processor);
        let batch = mesh.size()[1] as usize;
        let nodes = Table {
            values: values(mesh),
            width: d,
        };
        let senders = interaction.project((self.cpu, &self.room), nodes, SENDER, false);
        let receivers = interaction.project((self.cpu, &self.room), nodes, RECEIVER, true);
        let projected = [senders, receivers];
        let [senders, receivers] = projected
            .each_ref()
            .map(|values| Table { values, width: d });
        let mut sums = self.room.take(nodes.values.len());
        let tasks = order.tasks(TASK.div_ceil(batch));
        let sum_parts = cut(&mut sums, tasks.iter().map(|t| t.len() * batch * d));
        let edge_parts = cut(
            values_mut(edges),
            tasks.iter().map(|t| order.of(t).len() * batch * d),
        );
        let last = step + 1 == self.steps.len();
        share(
            tasks
                .into_iter()
                .zip(sum_parts.into_iter().zip(edge_parts))
                .collect(),
            || Work::new(self.cpu, d, d),
            |work, (task, (sums, edges))| {
                let range = order.of(&task);
                let start = range.start * batch;
                sums.fill(0.0);
                for block in blocks(start..range.end * batch) {
                    let rows = block.len();
                    let node = |nodes: &[u32], j: usize| {
                        let edge = order.edge((block.start + j) / batch);
                        nodes[edge] as usize * batch + (block.start + j) % batch
                    };
                    let own = &mut edges[(block.start - start) * d..(block.end - start) * d];
                    work.x.fill(0, rows, |j| &own[j * d..][..d]);
                    interaction.edges.enter(EDGE, work, rows, Start::Zero);
                    interaction.edges.finish(work, rows, |j| {
                        [
                            senders.row(node(&set.senders, j)),
                            receivers.row(node(&set.receivers, j)),
                        ]
                    });
                    let first = task.start * batch;
                    work.latent
                        .scatter_add(rows, sums, |j| node(&set.receivers, j) - first);
                    if !last {
                        work.latent.write(0, own, true);
                    }
                }
            },
        );
        projected
            .into_iter()
            .for_each(|buffer| self.room.put(buffer));
        let mut updated = empty([nodes.len() / batch, batch, d]);
        interaction.update(self.cpu, nodes, &sums, values_mut(&mut updated));
        (updated, sums)
    }
}
