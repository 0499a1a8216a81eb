use super::{pieces, vectors};
use crate::block::offset;
use crate::dispatch::Program;
use crate::element::Element;
use crate::simd::Simd;
use crate::{Block, Operand};

impl Operand {
    /// Copies `rows` rows into columns from `column` on; `source` gives each row.
    ///
    /// # Panics
    /// If the rows do not fit.
    pub fn fill<'s>(&mut self, column: usize, rows: usize, source: impl Fn(usize) -> &'s [f32]) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        assert!(column <= self.width, "column {column} of {}", self.width);
        let cpu = self.cpu;
        cpu.run(Fill {
            x: self,
            column,
            rows,
            source,
        });
    }

    /// Copies the first `rows` rows of a block.
    ///
    /// # Panics
    /// If the rows do not fit, or the widths or instructions differ.
    pub fn copy(&mut self, rows: usize, block: &Block) {
        assert!(
            rows <= self.capacity && rows <= block.capacity,
            "{rows} rows of {} into {}",
            block.capacity,
            self.capacity
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
        for row in 0..rows {
            let values = source(row);
            assert!(
                values.len() <= x.width - column,
                "a row of {} at column {column} of {}",
                values.len(),
                x.width
            );
            let data = x.data.ptr_mut::<P::E>();
            for piece in pieces(column, values.len()) {
                let from = values[piece.start - column..].as_ptr();
                // SAFETY: rows and columns were checked, and a piece is contiguous on both sides.
                unsafe {
                    let to = data.add(offset::<P::E>(x.capacity, row, piece.start));
                    for (c, n) in vectors(0..piece.len(), S::LANES) {
                        p.store_some(s, to.add(c), s.load_some(from.add(c), n), n);
                    }
                }
            }
        }
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
            for (c, n) in vectors(0..block.width, S::LANES) {
                // SAFETY: rows and widths were checked; blocks are padded to whole vectors.
                unsafe {
                    let v = s.load(from.add(offset::<f32>(block.capacity, row, c)));
                    p.store_some(s, to.add(offset::<P::E>(x.capacity, row, c)), v, n);
                }
            }
        }
    }
}
