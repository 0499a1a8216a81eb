//! What happens to rows between products, each in one pass.

use crate::block::{SLICE, offset};
use crate::dispatch::Program;
use crate::element::Element;
use crate::simd::Simd;
use crate::swish::swish;
use crate::{Block, Operand};

/// The parts of a row of `width` that are contiguous in a block and end with a full or a partial vector: `(column, length)`.
#[inline(always)]
pub(crate) fn vectors(width: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..width)
        .step_by(lanes)
        .map(move |column| (column, lanes.min(width - column)))
}

impl Operand {
    /// Copies `rows` rows into columns from `column` on; `source` gives each row.
    ///
    /// # Panics
    /// If the rows do not fit, or their lengths differ.
    pub fn fill<'s>(&mut self, column: usize, rows: usize, source: impl Fn(usize) -> &'s [f32]) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        let cpu = self.cpu;
        cpu.run(Fill {
            x: self,
            column,
            rows,
            source,
        });
    }
}

struct Fill<'a, F> {
    x: &'a mut Operand,
    column: usize,
    rows: usize,
    source: F,
}

impl<'s, F: Fn(usize) -> &'s [f32]> Program for Fill<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, p: P) {
        let Self {
            x,
            column,
            rows,
            source,
        } = self;
        let aligned = column % SLICE == 0;
        for row in 0..rows {
            let values = source(row);
            assert!(
                column + values.len() <= x.width,
                "a row of {} at column {column} of {}",
                values.len(),
                x.width
            );
            let data = x.data.ptr_mut::<P::E>();
            if !aligned {
                for (c, &value) in values.iter().enumerate() {
                    // SAFETY: inside the operand, as asserted.
                    unsafe {
                        data.add(offset::<P::E>(x.capacity, row, column + c))
                            .write(p.round(value))
                    };
                }
                continue;
            }
            for (c, n) in vectors(values.len(), S::LANES) {
                // SAFETY: inside the operand and the row; vectors from a slice's start on never cross into another.
                unsafe {
                    let to = data.add(offset::<P::E>(x.capacity, row, column + c));
                    let from = values.as_ptr().add(c);
                    match n == S::LANES {
                        true => p.store(s, to, s.load(from)),
                        false => p.store_part(s, to, s.load_part(from, n), n),
                    }
                }
            }
        }
    }
}

impl Operand {
    /// Copies the first `rows` rows of a block.
    ///
    /// # Panics
    /// If the rows do not fit, or the widths differ.
    pub fn copy(&mut self, rows: usize, block: &Block) {
        assert!(
            rows <= self.capacity && rows <= block.capacity,
            "{rows} rows"
        );
        assert!(
            self.width == block.width && self.cpu == block.cpu,
            "blocks of one kind"
        );
        block.cpu.run(Copy {
            block,
            rows,
            x: self,
        });
    }
}

struct Copy<'a> {
    block: &'a Block,
    rows: usize,
    x: &'a mut Operand,
}

impl Program for Copy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, p: P) {
        let Self { block, rows, x } = self;
        let (from, to) = (block.data.ptr::<f32>(), x.data.ptr_mut::<P::E>());
        for row in 0..rows {
            for (c, n) in vectors(block.width, S::LANES) {
                // SAFETY: rows and widths were checked; blocks are padded to whole vectors.
                unsafe {
                    let v = s.load(from.add(offset::<f32>(block.capacity, row, c)));
                    let to = to.add(offset::<P::E>(x.capacity, row, c));
                    match n == S::LANES {
                        true => p.store(s, to, v),
                        false => p.store_part(s, to, v, n),
                    }
                }
            }
        }
    }
}

impl Block {
    /// Adds the rows that `more` gives.
    ///
    /// # Panics
    /// If the rows do not fit.
    pub fn add<'s, const N: usize>(&mut self, rows: usize, more: impl Fn(usize) -> [&'s [f32]; N]) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        let (width, capacity) = (self.width, self.capacity);
        let values = self.data.f32s_mut();
        for row in 0..rows {
            for added in more(row) {
                assert_eq!(added.len(), width, "rows of {width}");
                for (c, &x) in added.iter().enumerate() {
                    values[offset::<f32>(capacity, row, c)] += x;
                }
            }
        }
    }

    /// Writes swish(this block + the rows of `more`) to `out`; `more` gives the rows to add, of the block's width.
    ///
    /// # Panics
    /// If the blocks differ in width, or the rows do not fit.
    pub fn activate<'s, const N: usize>(
        &self,
        rows: usize,
        more: impl Fn(usize) -> [&'s [f32]; N],
        out: &mut Operand,
    ) {
        assert!(rows <= self.capacity && rows <= out.capacity, "{rows} rows");
        assert!(
            self.width == out.width && self.cpu == out.cpu,
            "blocks of one kind"
        );
        self.cpu.run(Activate {
            block: self,
            rows,
            more,
            out,
        });
    }

    /// Layer normalisation of each row, in place: (x - mean) / sqrt(variance + 1e-5) * scale + offset.
    ///
    /// The variance is the biased one, taken around the mean in a second pass.
    ///
    /// # Panics
    /// If the rows do not fit, or `scale` and `offset` are not of the block's width.
    pub fn normalize(&mut self, rows: usize, scale: &[f32], shift: &[f32]) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        assert!(
            scale.len() == self.width && shift.len() == self.width,
            "one scale and offset per column"
        );
        let cpu = self.cpu;
        cpu.run(Normalize {
            block: self,
            rows,
            scale,
            shift,
        });
    }

    /// `to` = the rows from `first` on, or `to` += those rows. Rows of `to` are contiguous.
    ///
    /// # Panics
    /// If `to` is not a whole number of rows, or the block has fewer.
    pub fn write(&self, first: usize, to: &mut [f32], add: bool) {
        let rows = to.len() / self.width;
        assert_eq!(rows * self.width, to.len(), "rows of {}", self.width);
        assert!(
            first + rows <= self.capacity,
            "{rows} rows from {first} of {}",
            self.capacity
        );
        self.cpu.run(Write {
            block: self,
            first,
            to,
            add,
        });
    }

    /// `to[target(row)]` += row, for the first `rows` rows in order. Rows of `to` are contiguous.
    ///
    /// # Panics
    /// If a target is outside `to`.
    pub fn scatter_add(&self, rows: usize, to: &mut [f32], target: impl Fn(usize) -> usize) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        self.cpu.run(Scatter {
            block: self,
            rows,
            to,
            target,
        });
    }
}

struct Activate<'a, F> {
    block: &'a Block,
    rows: usize,
    more: F,
    out: &'a mut Operand,
}

impl<'s, const N: usize, F: Fn(usize) -> [&'s [f32]; N]> Program for Activate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, p: P) {
        let Self {
            block,
            rows,
            more,
            out,
        } = self;
        let from = block.data.ptr::<f32>();
        for row in 0..rows {
            let added = more(row);
            assert!(
                added.iter().all(|r| r.len() == block.width),
                "rows of {}",
                block.width
            );
            let to = out.data.ptr_mut::<P::E>();
            for (c, n) in vectors(block.width, S::LANES) {
                let full = n == S::LANES;
                // SAFETY: rows and widths were checked; blocks are padded to whole vectors, the added rows are not.
                unsafe {
                    let mut x = s.load(from.add(offset::<f32>(block.capacity, row, c)));
                    for values in added {
                        let p = values.as_ptr().add(c);
                        let more = if full { s.load(p) } else { s.load_part(p, n) };
                        x = s.add(x, more);
                    }
                    let y = swish(s, x);
                    let to = to.add(offset::<P::E>(out.capacity, row, c));
                    match full {
                        true => p.store(s, to, y),
                        false => p.store_part(s, to, y, n),
                    }
                }
            }
        }
    }
}

struct Normalize<'a> {
    block: &'a mut Block,
    rows: usize,
    scale: &'a [f32],
    shift: &'a [f32],
}

impl Program for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, _: P) {
        let Self {
            block,
            rows,
            scale,
            shift,
        } = self;
        let (width, capacity) = (block.width, block.capacity);
        let data = block.data.ptr_mut::<f32>();
        let whole = width - width % S::LANES;
        let scalar = |row: usize, c: usize| {
            // SAFETY: inside the block.
            unsafe { data.add(offset::<f32>(capacity, row, c)) }
        };
        for row in 0..rows {
            let total = |term: &dyn Fn(f32) -> f32, vector: S::V| {
                // SAFETY: inside the block.
                s.sum(vector)
                    + (whole..width)
                        .map(|c| term(unsafe { *scalar(row, c) }))
                        .sum::<f32>()
            };
            // SAFETY of all blocks below: columns are inside the row, and rows inside the block.
            let mut sums = [s.splat(0.0); 2];
            for c in (0..whole).step_by(S::LANES) {
                let which = c / S::LANES % 2;
                sums[which] = s.add(sums[which], unsafe { s.load(scalar(row, c)) });
            }
            let mean = total(&|x| x, s.add(sums[0], sums[1])) / width as f32;
            let center = s.splat(mean);
            let mut squares = [s.splat(0.0); 2];
            for c in (0..whole).step_by(S::LANES) {
                let which = c / S::LANES % 2;
                let d = s.sub(unsafe { s.load(scalar(row, c)) }, center);
                squares[which] = s.fma(d, d, squares[which]);
            }
            let variance =
                total(&|x| (x - mean) * (x - mean), s.add(squares[0], squares[1])) / width as f32;
            let rate = 1.0 / (variance + 1e-5).sqrt();
            let spread = s.splat(rate);
            for (c, n) in vectors(width, S::LANES) {
                let full = n == S::LANES;
                unsafe {
                    let at = scalar(row, c);
                    let [g, b] = [scale, shift].map(|v| {
                        let p = v.as_ptr().add(c);
                        if full { s.load(p) } else { s.load_part(p, n) }
                    });
                    let y = s.fma(s.mul(s.sub(s.load(at), center), spread), g, b);
                    if full {
                        s.store(at, y)
                    } else {
                        s.store_part(at, y, n)
                    }
                }
            }
        }
    }
}

struct Write<'a> {
    block: &'a Block,
    first: usize,
    to: &'a mut [f32],
    add: bool,
}

impl Program for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, _: P) {
        let Self {
            block,
            first,
            to,
            add,
        } = self;
        let from = block.data.ptr::<f32>();
        for (row, to) in to.chunks_exact_mut(block.width).enumerate() {
            for (c, n) in vectors(block.width, S::LANES) {
                // SAFETY: `Block::write` checked the rows; blocks are padded to whole vectors.
                unsafe {
                    let x = s.load(from.add(offset::<f32>(block.capacity, first + row, c)));
                    put(s, to.as_mut_ptr().add(c), x, n, add);
                }
            }
        }
    }
}

struct Scatter<'a, F> {
    block: &'a Block,
    rows: usize,
    to: &'a mut [f32],
    target: F,
}

impl<F: Fn(usize) -> usize> Program for Scatter<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, _: P) {
        let Self {
            block,
            rows,
            to,
            target,
        } = self;
        let (width, from) = (block.width, block.data.ptr::<f32>());
        for row in 0..rows {
            let start = target(row) * width;
            let to = &mut to[start..start + width];
            for (c, n) in vectors(width, S::LANES) {
                // SAFETY: `Block::scatter_add` checked the rows; `to` is one row; blocks are padded to whole vectors.
                unsafe {
                    let x = s.load(from.add(offset::<f32>(block.capacity, row, c)));
                    put(s, to.as_mut_ptr().add(c), x, n, true);
                }
            }
        }
    }
}

/// Writes or adds the first `n` lanes.
///
/// # Safety
/// `to` must be valid for reading and writing `n` values.
#[inline(always)]
unsafe fn put<S: Simd>(s: S, to: *mut f32, x: S::V, n: usize, add: bool) {
    // SAFETY: passed on.
    unsafe {
        match (n == S::LANES, add) {
            (true, true) => s.store(to, s.add(s.load(to), x)),
            (true, false) => s.store(to, x),
            (false, true) => s.store_part(to, s.add(s.load_part(to, n), x), n),
            (false, false) => s.store_part(to, x, n),
        }
    }
}
