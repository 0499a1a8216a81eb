use dropsonde_kernels::Start;
use dropsonde_mesh::Graph;
use tch::Tensor;

use super::FusedNetwork;
use super::encoder::blocks;
use super::interaction::{EDGE, RECEIVER, SENDER, Table};
use super::mlp::{ROWS, Work};
use super::share::{cut, ranges, share};
use crate::host::{empty, values, values_mut};

/// Buffers of one thread of the decoder: a block, and what its grid nodes need on the way.
struct DecoderWork {
    work: Work,
    receivers: Vec<f32>,
    sums: Vec<f32>,
    updated: Vec<f32>,
}

impl FusedNetwork {
    /// The normalised output `[N, B, C_out]` of processed mesh latents `[M, B, D]` and grid latents `[N, B, D]`.
    ///
    /// A few grid nodes at a time go the whole way, so that nothing but the output is as large as the grid.
    /// `keep` receives the sums of messages at the grid nodes, `[N, B, D]`.
    pub(super) fn decode_host(
        &self,
        graph: &Graph,
        mesh: &Tensor,
        grid: &Tensor,
        keep: Option<&mut [f32]>,
    ) -> Tensor {
        let (d, batch, n) = (self.latent, grid.size()[1] as usize, graph.grid.n_nodes());
        let [mesh, grid] = [mesh, grid].map(|t| Table {
            values: values(t),
            width: d,
        });
        let senders = self
            .decoder
            .project((self.cpu, &self.room), mesh, SENDER, false);
        let projected = senders;
        let senders = Table {
            values: &projected,
            width: d,
        };
        let mut output = empty([n, batch, self.c_out]);
        let nodes_per_task = (ROWS / batch).max(1);
        let tasks = ranges(n, nodes_per_task);
        let parts = cut(
            values_mut(&mut output),
            tasks.iter().map(|t| t.len() * batch * self.c_out),
        );
        let kept: Vec<Option<&mut [f32]>> = match keep {
            Some(keep) => {
                let lengths = tasks.iter().map(|t| t.len() * batch * d);
                cut(keep, lengths).into_iter().map(Some).collect()
            }
            None => tasks.iter().map(|_| None).collect(),
        };
        let room = vec![0.0; nodes_per_task * batch * d];
        share(
            tasks.into_iter().zip(parts.into_iter().zip(kept)).collect(),
            || DecoderWork {
                work: Work::for_decoder(self.cpu, d, 4, self.c_out),
                receivers: room.clone(),
                sums: room.clone(),
                updated: room.clone(),
            },
            |buffers, (task, (out, keep))| {
                let all = task.start * batch..task.end * batch;
                for nodes in blocks(all.clone()) {
                    self.project_receivers(buffers, grid, &nodes, all.start);
                }
                self.decode_messages(graph, buffers, senders, &task, batch);
                if let Some(keep) = keep {
                    keep.copy_from_slice(&buffers.sums[..keep.len()]);
                }
                for nodes in blocks(all.clone()) {
                    let place = (nodes.start - all.start) * self.c_out
                        ..(nodes.end - all.start) * self.c_out;
                    self.decode_nodes(buffers, grid, &nodes, all.start, &mut out[place]);
                }
            },
        );
        self.room.put(projected);
        output
    }

    fn project_receivers(
        &self,
        buffers: &mut DecoderWork,
        grid: Table<'_>,
        nodes: &std::ops::Range<usize>,
        first: usize,
    ) {
        let (work, d, edges) = (&mut buffers.work, self.latent, &self.decoder.edges);
        work.x.fill(0, nodes.len(), |j| grid.row(nodes.start + j));
        dropsonde_kernels::product(
            &work.x,
            nodes.len(),
            edges.part(RECEIVER),
            edges.bias(),
            &mut work.latent,
        );
        let place = (nodes.start - first) * d..(nodes.end - first) * d;
        work.latent.write(0, &mut buffers.receivers[place], false);
    }

    /// Sums of the messages from the mesh at the grid nodes of one task.
    fn decode_messages(
        &self,
        graph: &Graph,
        buffers: &mut DecoderWork,
        senders: Table<'_>,
        task: &std::ops::Range<usize>,
        batch: usize,
    ) {
        let (d, set, order) = (self.latent, &graph.mesh2grid, &self.mesh2grid);
        let DecoderWork {
            work,
            receivers,
            sums,
            ..
        } = buffers;
        let receivers = Table {
            values: receivers,
            width: d,
        };
        let edges = &self.decoder.edges;
        let range = order.of(task);
        sums.fill(0.0);
        for block in blocks(range.start * batch..range.end * batch) {
            let rows = block.len();
            let edge = |j: usize| order.edge((block.start + j) / batch);
            let member = |j: usize| (block.start + j) % batch;
            let receiver =
                |j: usize| (set.receivers[edge(j)] as usize - task.start) * batch + member(j);
            self.embed_mesh2grid
                .embed(work, 0, rows, |j| &set.features[edge(j)]);
            work.take_latent(rows);
            edges.enter(EDGE, work, rows, Start::Zero);
            edges.finish(work, rows, |j| {
                let sender = set.senders[edge(j)] as usize * batch + member(j);
                [senders.row(sender), receivers.row(receiver(j))]
            });
            work.latent.scatter_add(rows, sums, receiver);
        }
    }

    /// h + MLP([h, sum]) and the output of some grid nodes.
    fn decode_nodes(
        &self,
        buffers: &mut DecoderWork,
        grid: Table<'_>,
        nodes: &std::ops::Range<usize>,
        first: usize,
        out: &mut [f32],
    ) {
        let (d, rows) = (self.latent, nodes.len());
        let DecoderWork {
            work,
            sums,
            updated,
            ..
        } = buffers;
        let sums = Table {
            values: sums,
            width: d,
        };
        let updated = &mut updated[..rows * d];
        updated.copy_from_slice(&grid.values[nodes.start * d..nodes.end * d]);
        self.decoder.update_rows(
            work,
            rows,
            |j| grid.row(nodes.start + j),
            |j| sums.row(nodes.start - first + j),
        );
        work.latent.write(0, updated, true);
        work.x.fill(0, rows, |j| &updated[j * d..][..d]);
        self.output.enter(0, work, rows, self.output.bias());
        self.output.finish(work, rows, |_| []);
        work.output(self.c_out).write(0, out, false);
    }
}
