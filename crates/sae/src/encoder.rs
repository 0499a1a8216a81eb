//! The product of rows with the encoder, block by block.

use dropsonde_kernels::{Block, Cpu, Operand, Operands, Packed, Start, product};

/// Rows of one block: eight tiles of AVX-512; their pre-activations stay in the outer caches until codes are chosen.
pub(crate) const BLOCK_ROWS: usize = 112;

/// The encoder in the form in which products read it.
pub(crate) trait Encode<T: 'static>: Send + Sync + Sized {
    /// What one thread works in.
    type Room: Send;

    /// Lays out `w`, `[n_latents, d]`.
    fn new(w: &[T], d: usize, operands: Operands) -> Self;

    fn room(&self) -> Self::Room;

    /// Pre-activations of at most [`BLOCK_ROWS`] rows of `input`, `[rows, d]`; `bias` is empty or has one value per latent.
    fn run(&self, input: &[T], bias: &[T], room: &mut Self::Room);

    /// The pre-activations of one row, piece by contiguous piece.
    fn pieces<'a>(
        &'a self,
        room: &'a Self::Room,
        row: usize,
    ) -> impl Iterator<Item = &'a [T]> + Clone;
}

/// f32 with the kernels of `dropsonde-kernels`.
pub(crate) struct Blocked {
    cpu: Cpu,
    w: Packed,
}

impl Encode<f32> for Blocked {
    type Room = (Operand, Block);

    fn new(w: &[f32], d: usize, operands: Operands) -> Self {
        let cpu = Cpu::new(operands);
        Self {
            cpu,
            w: Packed::transposed(cpu, w, d),
        }
    }

    fn room(&self) -> Self::Room {
        (
            Operand::new(self.cpu, BLOCK_ROWS, self.w.n_in()),
            Block::new(self.cpu, BLOCK_ROWS, self.w.n_out()),
        )
    }

    fn run(&self, input: &[f32], bias: &[f32], (operand, out): &mut Self::Room) {
        let d = self.w.n_in();
        let rows = input.len() / d;
        operand.fill(0, rows, |row| &input[row * d..][..d]);
        let start = match bias {
            [] => Start::Zero,
            bias => Start::Row(bias),
        };
        product(operand, rows, &self.w, start, out);
    }

    fn pieces<'a>(
        &'a self,
        room: &'a Self::Room,
        row: usize,
    ) -> impl Iterator<Item = &'a [f32]> + Clone {
        room.1.pieces(row)
    }
}

/// f64, for checks.
pub(crate) struct Plain {
    w: Vec<f64>,
    d: usize,
}

impl Encode<f64> for Plain {
    type Room = Vec<f64>;

    fn new(w: &[f64], d: usize, _: Operands) -> Self {
        Self { w: w.to_vec(), d }
    }

    fn room(&self) -> Self::Room {
        vec![0.0; BLOCK_ROWS * self.w.len() / self.d]
    }

    fn run(&self, input: &[f64], bias: &[f64], out: &mut Self::Room) {
        let n = self.w.len() / self.d;
        for (x, out) in input.chunks(self.d).zip(out.chunks_mut(n)) {
            for (i, (w, out)) in self.w.chunks(self.d).zip(out).enumerate() {
                let start = bias.get(i).copied().unwrap_or(0.0);
                *out = w.iter().zip(x).fold(start, |sum, (w, x)| sum + w * x);
            }
        }
    }

    fn pieces<'a>(
        &'a self,
        room: &'a Self::Room,
        row: usize,
    ) -> impl Iterator<Item = &'a [f64]> + Clone {
        let n = self.w.len() / self.d;
        std::iter::once(&room[row * n..][..n])
    }
}
