//! The auxiliary reconstruction as matrix products.
//!
//! Half of the dead latents in every row are too many for gathers: with `n` dead latents, codes are a `[rows, n]` matrix, most
//! of it not 0, and everything is a product with the dead rows of the decoder. The rows are cut into a fixed number of parts
//! whose gradients are added in order, so that the bits do not depend on the number of threads.

use dropsonde_kernels::{Block, Cpu, MatrixGradient, Operand, Operands, Packed, Start, product};
use rayon::prelude::*;

use super::errors::{Errors, RowLosses, Rows, Second, inverse};
use super::slots::Slots;
use crate::kernels;

/// Parts of a batch; each has gradients of its own.
const PARTS: usize = 8;
/// Rows that are worked on together: eight tiles of AVX-512.
const BLOCK_ROWS: usize = 112;
/// Gathers are cheaper where there are more dead latents than this many times those that a row uses.
const MOST_DEAD: usize = 8;

/// Gradients of one dead latent: of its encoder row, of its decoder row, and of what drives it.
pub(crate) type Own<'a, T> = (&'a [T], &'a [T], T);

/// How a kind of number does it.
pub(crate) trait DenseSecond<T>: Default + Send + Sync {
    /// Whether to do it for this number of dead latents, `k` of them in a row.
    fn is_for(n_dead: usize, k: usize) -> bool;

    /// Losses and gradients; `slots` hold positions among the dead latents instead of latents.
    fn run(&mut self, step: &Errors<'_, T>, dead: &[u32], slots: &Slots<T>, rows: &mut Rows<T>);

    /// Forgets the gradients.
    fn clear(&mut self);

    /// The gradients of one latent, if it took part.
    fn of(&self, latent: usize) -> Option<Own<'_, T>>;
}

/// f64 is for checks of the gathers.
#[derive(Default)]
pub(crate) struct Never;

impl DenseSecond<f64> for Never {
    fn is_for(_: usize, _: usize) -> bool {
        false
    }

    fn run(&mut self, _: &Errors<'_, f64>, _: &[u32], _: &Slots<f64>, _: &mut Rows<f64>) {}

    fn clear(&mut self) {}

    fn of(&self, _: usize) -> Option<Own<'_, f64>> {
        None
    }
}

/// Gradients of the dead latents.
#[derive(Default)]
pub(crate) struct Products {
    /// Position of each latent among the dead ones, or `u32::MAX`.
    positions: Vec<u32>,
    d_in: usize,
    d_out: usize,
    enc: Vec<f32>,
    dec: Vec<f32>,
    drive: Vec<f32>,
}

/// The dead rows of the decoder, both ways round.
struct Dictionary<'a> {
    cpu: Cpu,
    decode: Packed,
    project: Packed,
    n: usize,
    step: &'a Errors<'a, f32>,
    slots: &'a Slots<f32>,
}

/// Gradients of a part of the rows.
struct Sums {
    enc: MatrixGradient,
    dec: MatrixGradient,
    drive: Vec<f32>,
}

/// Buffers of one part.
struct Room {
    codes: Vec<f32>,
    grad: Vec<f32>,
    recon: Block,
    drives: Block,
    z: Operand,
    g: Operand,
    dz: Operand,
    x: Operand,
}

/// Rows of a part: what they are made of, and where the losses go.
struct Part<'a> {
    first: usize,
    input: &'a [f32],
    grad: &'a [f32],
    power: &'a [f32],
    losses: &'a mut [RowLosses<f32>],
}

impl DenseSecond<f32> for Products {
    fn is_for(n_dead: usize, k: usize) -> bool {
        n_dead <= MOST_DEAD * k
    }

    fn run(
        &mut self,
        step: &Errors<'_, f32>,
        dead: &[u32],
        slots: &Slots<f32>,
        rows: &mut Rows<f32>,
    ) {
        let config = step.network.config;
        (self.d_in, self.d_out) = (config.d_in, config.d_out);
        self.positions.clear();
        self.positions.resize(config.n_latents, u32::MAX);
        for (&latent, position) in dead.iter().zip(0..) {
            self.positions[latent as usize] = position;
        }
        let dictionary = Dictionary::new(step, dead, slots);
        let n_rows = rows.power.len();
        let size = n_rows.div_ceil(PARTS).next_multiple_of(BLOCK_ROWS);
        let groups = step.derived.groups.len();
        let parts = rows
            .input
            .par_chunks(size * config.d_in)
            .zip(rows.grad.par_chunks(size * groups * config.d_out))
            .zip(rows.power.par_chunks(size))
            .zip(rows.losses.par_chunks_mut(size))
            .enumerate();
        let sums: Vec<Sums> = parts
            .map(|(part, (((input, grad), power), losses))| {
                dictionary.part(Part {
                    first: part * size,
                    input,
                    grad,
                    power,
                    losses,
                })
            })
            .collect();
        self.add_up(sums);
    }

    fn clear(&mut self) {
        self.positions.clear();
    }

    fn of(&self, latent: usize) -> Option<Own<'_, f32>> {
        let position = *self.positions.get(latent)?;
        let at = position as usize;
        (position != u32::MAX).then(|| {
            (
                &self.enc[at * self.d_in..][..self.d_in],
                &self.dec[at * self.d_out..][..self.d_out],
                self.drive[at],
            )
        })
    }
}

impl Products {
    /// Adds the parts in order.
    fn add_up(&mut self, sums: Vec<Sums>) {
        let mut sums = sums.into_iter();
        let Some(mut total) = sums.next() else {
            return;
        };
        for part in sums {
            total.enc.add(&part.enc);
            total.dec.add(&part.dec);
            kernels::add(&mut total.drive, &part.drive);
        }
        self.enc = total.enc.rows().flatten().copied().collect();
        self.dec = total.dec.rows().flatten().copied().collect();
        self.drive = total.drive;
    }
}

impl<'a> Dictionary<'a> {
    fn new(step: &'a Errors<'a, f32>, dead: &[u32], slots: &'a Slots<f32>) -> Self {
        let d = step.network.config.d_out;
        let raw = matches!(step.second, Second::Dead { raw: true, .. });
        let mut rows = Vec::with_capacity(dead.len() * d);
        for &latent in dead {
            let latent = latent as usize;
            let scale = if raw {
                1.0
            } else {
                step.derived.inverse_norms[latent]
            };
            let row = &step.network.w_dec[latent * d..][..d];
            rows.extend(row.iter().map(|w| w * scale));
        }
        let cpu = Cpu::new(Operands::F32);
        Self {
            cpu,
            decode: Packed::new(cpu, &rows, d),
            project: Packed::transposed(cpu, &rows, d),
            n: dead.len(),
            step,
            slots,
        }
    }

    fn part(&self, part: Part<'_>) -> Sums {
        let config = self.step.network.config;
        let (n, d_in, d_out) = (self.n, config.d_in, config.d_out);
        let groups = self.step.derived.groups.len();
        let operand = |width| Operand::new(self.cpu, BLOCK_ROWS, width);
        let mut room = Room {
            codes: vec![0.0; BLOCK_ROWS * n],
            grad: vec![0.0; BLOCK_ROWS * d_out],
            recon: Block::new(self.cpu, BLOCK_ROWS, d_out),
            drives: Block::new(self.cpu, BLOCK_ROWS, n),
            z: operand(n),
            g: operand(d_out),
            dz: operand(n),
            x: operand(d_in),
        };
        let mut sums = Sums {
            enc: MatrixGradient::zeros(self.cpu, n, d_in),
            dec: MatrixGradient::zeros(self.cpu, n, d_out),
            drive: vec![0.0; n],
        };
        let blocks = part
            .input
            .chunks(BLOCK_ROWS * d_in)
            .zip(part.grad.chunks(BLOCK_ROWS * groups * d_out))
            .zip(part.power.chunks(BLOCK_ROWS))
            .zip(part.losses.chunks_mut(BLOCK_ROWS));
        for (block, (((input, grad), power), losses)) in blocks.enumerate() {
            let block = Part {
                first: part.first + block * BLOCK_ROWS,
                input,
                grad,
                power,
                losses,
            };
            self.block(block, &mut room, &mut sums);
        }
        sums
    }

    /// One block: codes, reconstruction, its error, and the gradients of everything.
    fn block(&self, mut part: Part<'_>, room: &mut Room, sums: &mut Sums) {
        let config = self.step.network.config;
        let (n, d_in, d_out) = (self.n, config.d_in, config.d_out);
        let rows = part.losses.len();
        room.codes.fill(0.0);
        for (row, codes) in room.codes.chunks_mut(n).take(rows).enumerate() {
            let row = part.first + row;
            for slot in self.slots.starts[row]..self.slots.starts[row + 1] {
                codes[self.slots.latents[slot] as usize] = self.slots.codes[slot];
            }
        }
        room.z.fill(0, rows, |row| &room.codes[row * n..][..n]);
        product(&room.z, rows, &self.decode, Start::Zero, &mut room.recon);
        self.errors(&mut part, room);
        room.g
            .fill(0, rows, |row| &room.grad[row * d_out..][..d_out]);
        product(&room.g, rows, &self.project, Start::Zero, &mut room.drives);
        sums.dec.add_product(&room.z, &room.g, rows);
        // Only active codes drive their latents.
        for (row, codes) in room.codes.chunks_mut(n).take(rows).enumerate() {
            let mut first = 0;
            for piece in room.drives.pieces(row) {
                for (code, drive) in codes[first..].iter_mut().zip(piece) {
                    *code = if *code != 0.0 { *drive } else { 0.0 };
                }
                first += piece.len();
            }
            kernels::add(&mut sums.drive, codes);
        }
        room.dz.fill(0, rows, |row| &room.codes[row * n..][..n]);
        room.x
            .fill(0, rows, |row| &part.input[row * d_in..][..d_in]);
        sums.enc.add_product(&room.dz, &room.x, rows);
    }

    /// Leaves the gradient with respect to the reconstruction in `room.grad`, and the losses in the part.
    fn errors(&self, part: &mut Part<'_>, room: &mut Room) {
        let d = self.step.network.config.d_out;
        let groups = self.step.derived.groups.len();
        let weight = match self.step.second {
            Second::Dead { weight, .. } => weight,
            Second::No | Second::Gate => 0.0,
        };
        let rows = part.losses.iter_mut().zip(part.power);
        let grads = part.grad.chunks(groups * d).zip(room.grad.chunks_mut(d));
        for (row, ((losses, &power), (main, grad))) in rows.zip(grads).enumerate() {
            // The residual, from what the main half has made of it.
            let main = &main[(groups - 1) * d..];
            let made = self.step.scale_of(power);
            grad.copy_from_slice(main);
            kernels::scale(grad, if made > 0.0 { 1.0 / made } else { 0.0 });
            let error = kernels::square(grad);
            let mut first = 0;
            for piece in room.recon.pieces(row) {
                // What is there is minus the residual.
                kernels::add(&mut grad[first..first + piece.len()], piece);
                first += piece.len();
            }
            let inverse = inverse(error);
            losses.second = kernels::square(grad) * inverse;
            kernels::scale(
                grad,
                (2.0 * weight / self.step.rows as f64) as f32 * inverse,
            );
        }
    }
}
