use crate::block::{SLICE, offset, padded, stride};
use crate::buffer::Buffer;
use crate::dispatch::Program;
use crate::element::Element;
use crate::rows::add_to;
use crate::simd::Simd;
use crate::tile::{Tile, run_rows};
use crate::{Block, Cpu, Operand, Operands};

/// A sum of gradients of a matrix `[n_in, n_out]`.
#[derive(Debug, Clone)]
pub struct MatrixGradient {
    cpu: Cpu,
    n_in: usize,
    n_out: usize,
    /// Rows are padded to whole panels.
    row: usize,
    data: Buffer,
}

impl MatrixGradient {
    /// All 0.
    ///
    /// # Panics
    /// If no memory could hold it.
    pub fn zeros(cpu: Cpu, n_in: usize, n_out: usize) -> Self {
        let row = padded(n_out, cpu.panel());
        Self {
            cpu,
            n_in,
            n_out,
            row,
            data: Buffer::zeroed([4, n_in, row]),
        }
    }

    /// Adds x^T dy over the first `rows` rows: the gradient of x W with respect to W, given that of the product.
    ///
    /// # Shapes
    /// `x` `[rows, n_in]`, `dy` `[rows, n_out]`.
    ///
    /// # Panics
    /// If widths or numbers of rows do not fit, the three were made for different instructions, or operands are not f32.
    pub fn add_product(&mut self, x: &Operand, dy: &Block, rows: usize) {
        assert!(
            rows <= x.capacity && rows <= dy.capacity,
            "{rows} rows of {} and {}",
            x.capacity,
            dy.capacity
        );
        assert!(
            x.width == self.n_in && dy.width == self.n_out,
            "rows of {} and {} for a matrix [{}, {}]",
            x.width,
            dy.width,
            self.n_in,
            self.n_out
        );
        let f32s = x.cpu.operands() == Operands::F32;
        assert!(f32s, "gradients of matrices are taken in f32");
        assert!(
            x.cpu == self.cpu && dy.cpu == self.cpu,
            "one set of instructions"
        );
        if rows == 0 {
            return;
        }
        self.cpu.run(Outer {
            x,
            dy,
            rows,
            sum: self,
        });
    }

    /// Adds another sum.
    ///
    /// # Panics
    /// If the shapes or instructions differ.
    pub fn add(&mut self, other: &Self) {
        assert!(
            self.n_in == other.n_in && self.n_out == other.n_out && self.row == other.row,
            "[{}, {}] and [{}, {}]",
            self.n_in,
            self.n_out,
            other.n_in,
            other.n_out
        );
        add_to(self.data.f32s_mut(), other.data.f32s());
    }

    /// The rows of the sum, `n_in` times `n_out` values.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        let values = self.data.f32s();
        (0..self.n_in).map(|row| &values[row * self.row..][..self.n_out])
    }
}

struct Outer<'a> {
    x: &'a Operand,
    dy: &'a Block,
    rows: usize,
    sum: &'a mut MatrixGradient,
}

impl Program for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, _: P) {
        let Self { x, dy, rows, sum } = self;
        let (a, b) = (x.data.ptr::<f32>(), dy.data.ptr::<f32>());
        let c = sum.data.ptr_mut::<f32>();
        for column in (0..sum.row).step_by(NV * S::LANES) {
            for first in (0..sum.n_in).step_by(SLICE) {
                let end = sum.n_in.min(first + SLICE);
                for row in (first..end).step_by(MR) {
                    // SAFETY: widths and rows were checked by the caller, and there is a row; columns are padded in `dy`
                    // and in the sum.
                    unsafe {
                        let tile = OuterTile {
                            s,
                            rows,
                            a: a.add(offset::<f32>(x.capacity, 0, row)),
                            b: b.add(offset::<f32>(dy.capacity, 0, column)),
                            c: c.add(row * sum.row + column),
                            ldc: sum.row,
                        };
                        run_rows::<_, MR, NV>(tile, MR.min(end - row));
                    }
                }
            }
        }
    }
}

/// A few rows of the sum times one panel.
struct OuterTile<S: Simd> {
    s: S,
    rows: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    ldc: usize,
}

impl<S: Simd> Tile for OuterTile<S> {
    /// # Safety
    /// `a` and `b` must hold `rows` rows at the stride of blocks, with `ROWS` values and one panel; `c` `ROWS` rows of a
    /// panel, `ldc` apart.
    #[inline(always)]
    unsafe fn run<const ROWS: usize, const NV: usize>(self) {
        let Self {
            s,
            rows,
            a,
            b,
            c,
            ldc,
        } = self;
        // SAFETY: the caller vouches for all pointers.
        unsafe {
            let mut sum = [[s.splat(0.0); NV]; ROWS];
            for (row, sums) in sum.iter_mut().enumerate() {
                for (v, value) in sums.iter_mut().enumerate() {
                    *value = s.load(c.add(row * ldc + v * S::LANES));
                }
            }
            for k in 0..rows {
                let from = b.add(k * stride::<f32>());
                let columns: [S::V; NV] = std::array::from_fn(|v| s.load(from.add(v * S::LANES)));
                for (row, sums) in sum.iter_mut().enumerate() {
                    let x = s.splat(*a.add(k * stride::<f32>() + row));
                    for (value, column) in sums.iter_mut().zip(columns) {
                        *value = s.fma(x, column, *value);
                    }
                }
            }
            for (row, sums) in sum.iter().enumerate() {
                for (v, value) in sums.iter().enumerate() {
                    s.store(c.add(row * ldc + v * S::LANES), *value);
                }
            }
        }
    }
}
