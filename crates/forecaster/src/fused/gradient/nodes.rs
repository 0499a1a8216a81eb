use dropsonde_kernels::{Block, Cpu, Operand, Packed, Start, product};
use rayon::prelude::*;

use super::tape::{MlpGradient, Tape, Transposed};
use super::{Total, total};
use crate::fused::interaction::{Interaction, NODE, SUM, Table};
use crate::fused::mlp::{Mlp, ROWS};
use crate::fused::share::{cut, ranges};
use crate::{Parameters, Result};

/// Runs tasks in a fixed number of parts, each in order on one thread, and returns every part's buffers in order.
///
/// Which task belongs to which part follows from the number of tasks and of threads alone.
pub(super) fn partition<T: Send, W: Send>(
    tasks: Vec<T>,
    buffers: impl Fn() -> W + Sync,
    run: impl Fn(&mut W, T) + Sync,
) -> Vec<W> {
    let parts = (2 * rayon::current_num_threads()).min(tasks.len()).max(1);
    let size = tasks.len().div_ceil(parts).max(1);
    let mut tasks = tasks.into_iter();
    let parts: Vec<Vec<T>> = (0..parts)
        .map(|_| tasks.by_ref().take(size).collect())
        .collect();
    let work = |part: Vec<T>| {
        let mut buffers = buffers();
        part.into_iter().for_each(|task| run(&mut buffers, task));
        buffers
    };
    parts.into_par_iter().map(work).collect()
}

/// h + MLP([h, sum]): turns `d` from the gradient of the new nodes into that of the old ones, and returns that of the sums.
pub(super) fn update_gradient(
    (cpu, parameters): (Cpu, &Parameters),
    interaction: &Interaction,
    nodes: Table<'_>,
    sums: &[f32],
    d: &mut [f32],
) -> Result<(Vec<f32>, MlpGradient)> {
    let width = nodes.width;
    let mlp = &interaction.nodes;
    let transposed = Transposed::new(cpu, mlp, parameters)?;
    let sums = Table {
        values: sums,
        width,
    };
    let mut d_sums = vec![0.0; d.len()];
    let tasks = ranges(nodes.len(), ROWS);
    let lengths = || tasks.iter().map(|t| t.len() * width);
    let parts = cut(d, lengths())
        .into_iter()
        .zip(cut(&mut d_sums, lengths()));
    let done = partition(
        tasks.clone().into_iter().zip(parts).collect(),
        || {
            let tape = Tape::new(cpu, mlp, width);
            (
                tape,
                Block::new(cpu, ROWS, width),
                MlpGradient::zeros(cpu, mlp),
            )
        },
        |(tape, dx, gradient), (task, (d, d_sums))| {
            let rows = task.len();
            tape.x[NODE].fill(0, rows, |j| nodes.row(task.start + j));
            tape.x[SUM].fill(0, rows, |j| sums.row(task.start + j));
            tape.forward(mlp, 0..2, rows, |_| [], mlp.bias());
            tape.dy.fill(rows, |j| &d[j * width..][..width]);
            tape.backward(mlp, &transposed, 0..2, rows, gradient);
            tape.input_gradient(&transposed, NODE, rows, dx);
            dx.write(0, d, true);
            tape.input_gradient(&transposed, SUM, rows, dx);
            dx.write(0, d_sums, false);
        },
    );
    let gradient = total(done.into_iter().map(|(_, _, gradient)| gradient));
    Ok((d_sums, gradient))
}

/// The products of nodes with one part of a first layer: given the gradient of the products, adds that of the nodes to
/// `d`, and that of the matrix to `gradient`.
pub(super) fn project_gradient(
    cpu: Cpu,
    nodes: Table<'_>,
    products: &[f32],
    transposed: &Packed,
    d: &mut [f32],
    gradient: &mut dropsonde_kernels::MatrixGradient,
) {
    let width = nodes.width;
    let products = Table {
        values: products,
        width,
    };
    let tasks = ranges(nodes.len(), ROWS);
    let parts = cut(d, tasks.iter().map(|t| t.len() * width));
    let zeros = || dropsonde_kernels::MatrixGradient::zeros(cpu, width, width);
    let done = partition(
        tasks.into_iter().zip(parts).collect(),
        || {
            let blocks = [Block::new(cpu, ROWS, width), Block::new(cpu, ROWS, width)];
            let operands = [
                Operand::new(cpu, ROWS, width),
                Operand::new(cpu, ROWS, width),
            ];
            (blocks, operands, zeros())
        },
        |([dp, dx], [x, left], gradient), (task, d)| {
            let rows = task.len();
            x.fill(0, rows, |j| nodes.row(task.start + j));
            dp.fill(rows, |j| products.row(task.start + j));
            left.copy(rows, dp);
            gradient.add_product(x, left, rows);
            product(left, rows, transposed, Start::Zero, dx);
            dx.write(0, d, true);
        },
    );
    done.into_iter()
        .for_each(|(_, _, part)| gradient.add(&part));
}

/// An MLP on fixed features with one part in use: adds the gradients of its weights, given those of its results.
pub(super) fn embed_gradient<'s>(
    (cpu, parameters): (Cpu, &Parameters),
    mlp: &Mlp,
    part: usize,
    feature: impl Fn(usize) -> &'s [f32] + Sync,
    d: &[f32],
) -> Result<MlpGradient> {
    let width = mlp.d_out();
    let transposed = Transposed::new(cpu, mlp, parameters)?;
    let d = Table { values: d, width };
    let done = partition(
        ranges(d.len(), ROWS),
        || (Tape::new(cpu, mlp, width), MlpGradient::zeros(cpu, mlp)),
        |(tape, gradient), task| {
            let rows = task.len();
            tape.x[part].fill(0, rows, |j| feature(task.start + j));
            tape.forward(mlp, part..part + 1, rows, |_| [], mlp.bias());
            tape.dy.fill(rows, |j| d.row(task.start + j));
            tape.backward(mlp, &transposed, part..part + 1, rows, gradient);
        },
    );
    Ok(total(done.into_iter().map(|(_, gradient)| gradient)))
}

impl<A: Total, B: Total> Total for (A, B) {
    fn add(&mut self, other: Self) {
        self.0.add(other.0);
        self.1.add(other.1);
    }
}
