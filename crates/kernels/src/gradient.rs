//! What training needs besides: gradients of products, swish and layer normalisation. Operands must be f32.

use crate::block::{SLICE, offset, stride};
use crate::buffer::Buffer;
use crate::dispatch::Program;
use crate::element::Element;
use crate::rows::vectors;
use crate::simd::Simd;
use crate::swish::sigmoid;
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
    pub fn zeros(cpu: Cpu, n_in: usize, n_out: usize) -> Self {
        let row = n_out.next_multiple_of(cpu.panel());
        Self {
            cpu,
            n_in,
            n_out,
            row,
            data: Buffer::zeroed(4 * n_in * row),
        }
    }

    /// Adds x^T dy over the first `rows` rows: the gradient of x W with respect to W, given that of the product.
    ///
    /// # Panics
    /// If widths or numbers of rows do not fit, or the operands are not f32.
    pub fn add_product(&mut self, x: &Operand, dy: &Block, rows: usize) {
        assert!(rows <= x.capacity && rows <= dy.capacity, "{rows} rows");
        assert!(
            x.width == self.n_in && dy.width == self.n_out,
            "rows of {} and {} for a matrix [{}, {}]",
            x.width,
            dy.width,
            self.n_in,
            self.n_out
        );
        single(x.cpu);
        assert!(
            x.cpu == self.cpu && dy.cpu == self.cpu,
            "one set of instructions"
        );
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
    /// If the shapes differ.
    pub fn add(&mut self, other: &Self) {
        assert!(
            self.n_in == other.n_in && self.n_out == other.n_out,
            "one shape"
        );
        add(self.data.f32s_mut(), other.data.f32s());
    }

    /// The rows of the sum, `n_in` times `n_out` values.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        let rows = self.data.f32s().chunks_exact(self.row.max(1));
        rows.take(self.n_in).map(|row| &row[..self.n_out])
    }
}

/// a += b.
fn add(a: &mut [f32], b: &[f32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
}

fn single(cpu: Cpu) {
    assert_eq!(cpu.operands(), Operands::F32, "gradients are taken in f32");
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
        let (a, b, c) = (
            x.data.ptr::<f32>(),
            dy.data.ptr::<f32>(),
            sum.data.ptr_mut::<f32>(),
        );
        for column in (0..sum.row).step_by(NV * S::LANES) {
            for first in (0..sum.n_in).step_by(SLICE) {
                for row in (first..sum.n_in.min(first + SLICE)).step_by(MR) {
                    // SAFETY: widths and rows were checked by the caller; columns are padded in `dy` and in the sum.
                    unsafe {
                        let tile = OuterTile {
                            s,
                            rows,
                            a: a.add(offset::<f32>(x.capacity, 0, row)),
                            b: b.add(offset::<f32>(dy.capacity, 0, column)),
                            c: c.add(row * sum.row + column),
                            ldc: sum.row,
                        };
                        tile.run_rows::<MR, NV>(MR.min(sum.n_in.min(first + SLICE) - row));
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

impl<S: Simd> OuterTile<S> {
    /// # Safety
    /// As [`Self::run`].
    #[inline(always)]
    unsafe fn run_rows<const MR: usize, const NV: usize>(self, rows: usize) {
        // SAFETY: passed on; single rows one after another where a tile is not full.
        unsafe {
            if rows == MR {
                return self.run::<MR, NV>();
            }
            let Self {
                s,
                rows: n,
                a,
                b,
                c,
                ldc,
            } = self;
            for row in 0..rows {
                let one = Self {
                    s,
                    rows: n,
                    a: a.add(row),
                    b,
                    c: c.add(row * ldc),
                    ldc,
                };
                one.run::<1, NV>();
            }
        }
    }

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

impl Block {
    /// Copies rows in; `source` gives each.
    ///
    /// # Panics
    /// If the rows do not fit.
    pub fn fill<'s>(&mut self, rows: usize, source: impl Fn(usize) -> &'s [f32]) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        let (width, capacity) = (self.width, self.capacity);
        let values = self.data.f32s_mut();
        for row in 0..rows {
            let from = source(row);
            assert_eq!(from.len(), width, "rows of {width}");
            for (part, slice) in from.chunks(SLICE).enumerate() {
                let start = offset::<f32>(capacity, row, part * SLICE);
                values[start..start + slice.len()].copy_from_slice(slice);
            }
        }
    }

    /// Adds the columns of the first `rows` rows to `sums`: the gradient of a bias.
    ///
    /// # Panics
    /// If the rows do not fit, or `sums` is not of the block's width.
    pub fn add_column_sums(&self, rows: usize, sums: &mut [f32]) {
        assert!(
            rows <= self.capacity && sums.len() == self.width,
            "{rows} rows of {}",
            self.width
        );
        let values = self.data.f32s();
        for row in 0..rows {
            for (part, slice) in sums.chunks_mut(SLICE).enumerate() {
                let start = offset::<f32>(self.capacity, row, part * SLICE);
                add(slice, &values[start..start + slice.len()]);
            }
        }
    }

    /// Turns gradients of swish(x) into gradients of x, in place.
    ///
    /// # Panics
    /// If the blocks differ in shape.
    pub fn swish_gradient(&mut self, rows: usize, x: &Self) {
        assert!(rows <= self.capacity && rows <= x.capacity, "{rows} rows");
        assert!(
            self.width == x.width && self.cpu == x.cpu,
            "blocks of one kind"
        );
        x.cpu.run(SwishGradient { dy: self, x, rows });
    }

    /// Turns gradients of the layer normalisation of x into gradients of x, in place; adds those of `scale` and of the
    /// offset to the sums.
    ///
    /// # Panics
    /// If the blocks or rows differ in shape.
    pub fn normalize_gradient(
        &mut self,
        rows: usize,
        x: &Self,
        scale: &[f32],
        sums: [&mut [f32]; 2],
    ) {
        assert!(rows <= self.capacity && rows <= x.capacity, "{rows} rows");
        assert!(
            self.width == x.width && self.cpu == x.cpu,
            "blocks of one kind"
        );
        let [scales, shifts] = sums;
        assert!(
            [scale.len(), scales.len(), shifts.len()] == [self.width; 3],
            "one scale and offset per column"
        );
        x.cpu.run(NormGradient {
            dy: self,
            x,
            rows,
            scale,
            scales,
            shifts,
        });
    }
}

struct SwishGradient<'a> {
    dy: &'a mut Block,
    x: &'a Block,
    rows: usize,
}

impl Program for SwishGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, _: P) {
        let Self { dy, x, rows } = self;
        let (from, to) = (x.data.ptr::<f32>(), dy.data.ptr_mut::<f32>());
        let one = s.splat(1.0);
        for row in 0..rows {
            for (c, _) in vectors(x.width, S::LANES) {
                // SAFETY: rows and widths were checked; blocks are padded to whole vectors.
                unsafe {
                    let x = s.load(from.add(offset::<f32>(x.capacity, row, c)));
                    let at = to.add(offset::<f32>(dy.capacity, row, c));
                    let g = sigmoid(s, x);
                    let slope = s.fma(s.mul(x, g), s.sub(one, g), g);
                    s.store(at, s.mul(s.load(at), slope));
                }
            }
        }
    }
}

struct NormGradient<'a> {
    dy: &'a mut Block,
    x: &'a Block,
    rows: usize,
    scale: &'a [f32],
    scales: &'a mut [f32],
    shifts: &'a mut [f32],
}

impl Program for NormGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, _: P) {
        let Self {
            dy,
            x,
            rows,
            scale,
            scales,
            shifts,
        } = self;
        let width = x.width;
        let count = width as f32;
        let whole = width - width % S::LANES;
        // Columns behind the last whole vector are taken one by one.
        for row in 0..rows {
            let at = |c: usize| offset::<f32>(x.capacity, row, c);
            let to = |c: usize| offset::<f32>(dy.capacity, row, c);
            let values = x.data.f32s();
            let [mut sum, mut square] = [s.splat(0.0); 2];
            // SAFETY of the blocks below: columns are inside the row, rows inside the blocks, and scales have `width`.
            for c in (0..whole).step_by(S::LANES) {
                sum = s.add(sum, unsafe { s.load(values.as_ptr().add(at(c))) });
            }
            let tail = (whole..width).map(|c| values[at(c)]).sum::<f32>();
            let mean = (s.sum(sum) + tail) / count;
            let center = s.splat(mean);
            for c in (0..whole).step_by(S::LANES) {
                let d = s.sub(unsafe { s.load(values.as_ptr().add(at(c))) }, center);
                square = s.fma(d, d, square);
            }
            let tail = (whole..width)
                .map(|c| (values[at(c)] - mean).powi(2))
                .sum::<f32>();
            let rate = 1.0 / ((s.sum(square) + tail) / count + 1e-5).sqrt();
            let spread = s.splat(rate);
            let dy = dy.data.f32s_mut();
            // Mean of g = dy scale, and of g times the normalised x.
            let [mut first, mut second] = [s.splat(0.0); 2];
            let mut tails = [0.0f32; 2];
            for c in (0..whole).step_by(S::LANES) {
                unsafe {
                    let n = s.mul(s.sub(s.load(values.as_ptr().add(at(c))), center), spread);
                    let d = s.load(dy.as_ptr().add(to(c)));
                    let g = s.mul(d, s.load(scale.as_ptr().add(c)));
                    first = s.add(first, g);
                    second = s.fma(g, n, second);
                    let [up, down] = [scales.as_mut_ptr().add(c), shifts.as_mut_ptr().add(c)];
                    s.store(up, s.fma(d, n, s.load(up)));
                    s.store(down, s.add(s.load(down), d));
                }
            }
            for c in whole..width {
                let (n, d) = ((values[at(c)] - mean) * rate, dy[to(c)]);
                tails[0] += d * scale[c];
                tails[1] += d * scale[c] * n;
                scales[c] += d * n;
                shifts[c] += d;
            }
            let m = [
                (s.sum(first) + tails[0]) / count,
                (s.sum(second) + tails[1]) / count,
            ];
            let [m0, m1] = m.map(|x| s.splat(x));
            for c in (0..whole).step_by(S::LANES) {
                unsafe {
                    let n = s.mul(s.sub(s.load(values.as_ptr().add(at(c))), center), spread);
                    let p = dy.as_mut_ptr().add(to(c));
                    let g = s.mul(s.load(p), s.load(scale.as_ptr().add(c)));
                    s.store(p, s.mul(s.sub(s.sub(g, m0), s.mul(n, m1)), spread));
                }
            }
            for c in whole..width {
                let n = (values[at(c)] - mean) * rate;
                dy[to(c)] = rate * (dy[to(c)] * scale[c] - m[0] - n * m[1]);
            }
        }
    }
}

impl Block {
    /// Copies the first `rows` rows of a block of the same width.
    ///
    /// # Panics
    /// If the rows do not fit, or the widths differ.
    pub fn copy(&mut self, rows: usize, other: &Self) {
        assert!(
            rows <= self.capacity && rows <= other.capacity,
            "{rows} rows"
        );
        assert_eq!(self.width, other.width, "blocks of one width");
        let (from, to) = (other.data.f32s(), self.data.f32s_mut());
        for row in 0..rows {
            for first in (0..self.width).step_by(SLICE) {
                let n = SLICE.min(self.width - first);
                let (a, b) = (
                    offset::<f32>(self.capacity, row, first),
                    offset::<f32>(other.capacity, row, first),
                );
                to[a..a + n].copy_from_slice(&from[b..b + n]);
            }
        }
    }

    /// Adds values to one row.
    ///
    /// # Panics
    /// If there is no such row, or the widths differ.
    pub fn add_row(&mut self, row: usize, values: &[f32]) {
        assert!(
            row < self.capacity && values.len() == self.width,
            "row {row} of {}",
            self.capacity
        );
        let to = self.data.f32s_mut();
        for (part, slice) in values.chunks(SLICE).enumerate() {
            let start = offset::<f32>(self.capacity, row, part * SLICE);
            add(&mut to[start..start + slice.len()], slice);
        }
    }
}
