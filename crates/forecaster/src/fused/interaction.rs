use dropsonde_kernels::{Cpu, Start};

use super::mlp::{Mlp, ROWS, Work};
use super::room::Room;
use super::share::{cut, ranges, share};

/// One round of messages along a set of edges: the MLPs of edges `[e, h_sender, h_receiver]` and nodes `[h, sum]`.
#[derive(Debug)]
pub(super) struct Interaction {
    pub(super) edges: Mlp,
    pub(super) nodes: Mlp,
}

/// Parts of the edges' first layer.
pub(super) const EDGE: usize = 0;
pub(super) const SENDER: usize = 1;
pub(super) const RECEIVER: usize = 2;
/// Parts of the nodes' first layer.
pub(super) const NODE: usize = 0;
pub(super) const SUM: usize = 1;

/// Rows of a table, each of `width` values.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
}

impl<'a> Table<'a> {
    pub(super) fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.width..][..self.width]
    }

    pub(super) fn len(&self) -> usize {
        self.values.len() / self.width
    }
}

impl Interaction {
    /// The products of node latents with a part of the edges' first layer, once per node: `[n, D]` (a buffer to put back).
    pub(super) fn project(
        &self,
        (cpu, room): (Cpu, &Room),
        nodes: Table<'_>,
        part: usize,
        bias: bool,
    ) -> Vec<f32> {
        let mut out = room.take(nodes.values.len());
        let tasks = ranges(nodes.len(), ROWS);
        let parts = cut(&mut out, tasks.iter().map(|t| t.len() * nodes.width));
        let w = self.edges.part(part);
        let start = if bias { self.edges.bias() } else { Start::Zero };
        share(
            tasks.into_iter().zip(parts).collect(),
            || Work::new(cpu, nodes.width, nodes.width),
            |work, (task, part)| {
                work.x.fill(0, task.len(), |j| nodes.row(task.start + j));
                dropsonde_kernels::product(&work.x, task.len(), w, start, &mut work.latent);
                work.latent.write(0, part, false);
            },
        );
        out
    }

    /// `out` = h + MLP([h, sum]) for every node.
    pub(super) fn update(&self, cpu: Cpu, nodes: Table<'_>, sums: &[f32], out: &mut [f32]) {
        let width = nodes.width;
        let sums = Table {
            values: sums,
            width,
        };
        let tasks = ranges(nodes.len(), ROWS);
        let parts = cut(out, tasks.iter().map(|t| t.len() * width));
        share(
            tasks.into_iter().zip(parts).collect(),
            || Work::new(cpu, width, width),
            |work, (task, out)| {
                let rows = task.len();
                self.update_rows(
                    work,
                    rows,
                    |j| nodes.row(task.start + j),
                    |j| sums.row(task.start + j),
                );
                out.copy_from_slice(&nodes.values[task.start * width..task.end * width]);
                work.latent.write(0, out, true);
            },
        );
    }

    /// MLP([h, sum]) of a block of nodes, in `work.latent`.
    pub(super) fn update_rows<'s>(
        &self,
        work: &mut Work,
        rows: usize,
        node: impl Fn(usize) -> &'s [f32],
        sum: impl Fn(usize) -> &'s [f32],
    ) {
        work.x.fill(0, rows, node);
        self.nodes.enter(NODE, work, rows, self.nodes.bias());
        work.x.fill(0, rows, sum);
        self.nodes.enter(SUM, work, rows, Start::Current);
        self.nodes.finish(work, rows, |_| []);
    }
}
