use dropsonde_kernels::{Cpu, Start};
use dropsonde_mesh::Graph;
use tch::Tensor;

use super::FusedNetwork;
use super::interaction::{EDGE, RECEIVER, SENDER, Table};
use super::mlp::{Mlp, ROWS, Work};
use super::share::{cut, ranges, share};
use crate::Latents;
use crate::host::{empty, values, values_mut};

/// Edges of one task of messages: many blocks, so that the last block, which is seldom full, counts little.
pub(super) const TASK: usize = 6 * ROWS;

impl FusedNetwork {
    /// `[N, B, C_in]` to the latents that enter the processor, edges `[E, 1, D]`; with the sums of messages `[M, B, D]`.
    pub(super) fn encode_host(&self, graph: &Graph, features: &Tensor) -> (Latents, Vec<f32>) {
        let (n, b, d) = (
            graph.grid.n_nodes(),
            features.size()[1] as usize,
            self.latent,
        );
        let (m, e) = (graph.mesh.n_nodes(), graph.processor.len());
        let mut grid = empty([n, b, d]);
        self.embed_grid(graph, features, b, values_mut(&mut grid));
        let mesh = self.mesh_embedding(graph, b);
        let sums = self.grid_messages(graph, values(&grid), &mesh, b);
        let mut updated = empty([m, b, d]);
        let nodes = Table {
            values: &mesh,
            width: d,
        };
        self.encoder
            .update(self.cpu, nodes, &sums, values_mut(&mut updated));
        self.room.put(mesh);
        self.update_grid(values_mut(&mut grid));
        let mut edges = empty([e, 1, d]);
        let feature = |j: usize| &graph.processor.features[self.processor.edge(j)][..];
        embed(
            self.cpu,
            d,
            &self.embed_processor,
            0,
            feature,
            values_mut(&mut edges),
        );
        let mesh = updated;
        (Latents { grid, mesh, edges }, sums)
    }

    /// The mesh nodes before any message, `[M, B, D]`.
    pub(super) fn mesh_embedding(&self, graph: &Graph, batch: usize) -> Vec<f32> {
        let mut mesh = self.room.take(graph.mesh.n_nodes() * batch * self.latent);
        let position = |j: usize| &graph.mesh_features[j / batch][..];
        embed(
            self.cpu,
            self.latent,
            &self.embed_mesh,
            1,
            position,
            &mut mesh,
        );
        mesh
    }

    /// The grid nodes before their update, `[N, B, D]`.
    pub(super) fn embed_grid(
        &self,
        graph: &Graph,
        features: &Tensor,
        batch: usize,
        out: &mut [f32],
    ) {
        let features = Table {
            values: values(features),
            width: self.c_in,
        };
        let tasks = ranges(features.len(), ROWS);
        let parts = cut(out, tasks.iter().map(|t| t.len() * self.latent));
        share(
            tasks.into_iter().zip(parts).collect(),
            || Work::new(self.cpu, self.c_in + 3, self.latent),
            |work, (task, out)| {
                let rows = task.len();
                work.x.fill(0, rows, |j| features.row(task.start + j));
                work.x.fill(self.c_in, rows, |j| {
                    &graph.grid_features[(task.start + j) / batch]
                });
                self.embed_grid.enter(0, work, rows, self.embed_grid.bias());
                self.embed_grid.finish(work, rows, |_| []);
                work.latent.write(0, out, false);
            },
        );
    }

    /// Sums of the messages from the grid at each mesh node, `[M, B, D]`.
    ///
    /// The senders' products are taken per edge, of which there are about one and a half per grid node: a table of them
    /// would be as large as the grid latents.
    fn grid_messages(&self, graph: &Graph, grid: &[f32], mesh: &[f32], batch: usize) -> Vec<f32> {
        let (d, set, order) = (self.latent, &graph.grid2mesh, &self.grid2mesh);
        let [grid, mesh] = [grid, mesh].map(|values| Table { values, width: d });
        let receivers = self
            .encoder
            .project((self.cpu, &self.room), mesh, RECEIVER, true);
        let projected = receivers;
        let receivers = Table {
            values: &projected,
            width: d,
        };
        let mut sums = self.room.take(mesh.values.len());
        let tasks = order.tasks(TASK.div_ceil(batch));
        let parts = cut(&mut sums, tasks.iter().map(|t| t.len() * batch * d));
        let edges = &self.encoder.edges;
        share(
            tasks.into_iter().zip(parts).collect(),
            || Work::with_features(self.cpu, d, 4),
            |work, (task, sums)| {
                let range = order.of(&task);
                sums.fill(0.0);
                for block in blocks(range.start * batch..range.end * batch) {
                    let rows = block.len();
                    let edge = |j: usize| order.edge((block.start + j) / batch);
                    let node = |nodes: &[u32], j: usize| {
                        nodes[edge(j)] as usize * batch + (block.start + j) % batch
                    };
                    self.embed_grid2mesh
                        .embed(work, 0, rows, |j| &set.features[edge(j)]);
                    work.take_latent(rows);
                    edges.enter(EDGE, work, rows, Start::Zero);
                    work.x.fill(0, rows, |j| grid.row(node(&set.senders, j)));
                    edges.enter(SENDER, work, rows, Start::Current);
                    edges.finish(work, rows, |j| [receivers.row(node(&set.receivers, j))]);
                    let first = task.start * batch;
                    work.latent
                        .scatter_add(rows, sums, |j| node(&set.receivers, j) - first);
                }
            },
        );
        self.room.put(projected);
        sums
    }

    /// h + MLP(h) in place: grid nodes receive nothing in the encoder.
    fn update_grid(&self, grid: &mut [f32]) {
        let d = self.latent;
        let tasks = ranges(grid.len() / d, ROWS);
        let parts = cut(grid, tasks.iter().map(|t| t.len() * d));
        share(
            parts,
            || Work::new(self.cpu, d, d),
            |work, rows| {
                let n = rows.len() / d;
                work.x.fill(0, n, |j| &rows[j * d..][..d]);
                self.update_grid.enter(0, work, n, self.update_grid.bias());
                self.update_grid.finish(work, n, |_| []);
                work.latent.write(0, rows, true);
            },
        );
    }
}

/// An MLP on fixed features, for every row of `out`.
fn embed<'s>(
    cpu: Cpu,
    d: usize,
    mlp: &Mlp,
    part: usize,
    feature: impl Fn(usize) -> &'s [f32] + Sync,
    out: &mut [f32],
) {
    let tasks = ranges(out.len() / d, ROWS);
    let parts = cut(out, tasks.iter().map(|t| t.len() * d));
    let width = mlp.part(part).n_in();
    share(
        tasks.into_iter().zip(parts).collect(),
        || Work::with_features(cpu, d, width),
        |work, (task, out)| {
            mlp.embed(work, part, task.len(), |j| feature(task.start + j));
            work.latent.write(0, out, false);
        },
    );
}

/// Blocks of at most [`ROWS`] rows.
pub(super) fn blocks(rows: std::ops::Range<usize>) -> impl Iterator<Item = std::ops::Range<usize>> {
    rows.clone()
        .step_by(ROWS)
        .map(move |start| start..rows.end.min(start + ROWS))
}
