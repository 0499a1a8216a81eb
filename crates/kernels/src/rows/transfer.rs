use super::{pieces, vectors};
use crate::Block;
use crate::block::offset;
use crate::dispatch::Program;
use crate::element::Element;
use crate::simd::Simd;

impl Block {
    /// Copies rows in; `source` gives each.
    ///
    /// # Panics
    /// If the rows do not fit, or are not of the block's width.
    pub fn fill<'s>(&mut self, rows: usize, source: impl Fn(usize) -> &'s [f32]) {
        self.combine(
            rows,
            |row| [source(row)],
            |to, from| to.copy_from_slice(from),
        );
    }

    /// Adds the rows that `more` gives.
    ///
    /// # Panics
    /// If the rows do not fit, or are not of the block's width.
    pub fn add<'s, const N: usize>(&mut self, rows: usize, more: impl Fn(usize) -> [&'s [f32]; N]) {
        self.combine(rows, more, add_to);
    }

    /// Adds values to one row.
    ///
    /// # Panics
    /// If there is no such row, or `values` are not of the block's width.
    pub fn add_row(&mut self, row: usize, values: &[f32]) {
        assert!(row < self.capacity, "row {row} of {}", self.capacity);
        assert_eq!(values.len(), self.width, "rows of {}", self.width);
        let to = self.data.f32s_mut();
        for piece in pieces(0, self.width) {
            let start = offset::<f32>(self.capacity, row, piece.start);
            add_to(&mut to[start..start + piece.len()], &values[piece]);
        }
    }

    /// Copies the first `rows` rows of a block of the same width.
    ///
    /// # Panics
    /// If the rows do not fit, or the widths differ.
    pub fn copy(&mut self, rows: usize, other: &Self) {
        assert!(
            rows <= self.capacity && rows <= other.capacity,
            "{rows} rows of {} into {}",
            other.capacity,
            self.capacity
        );
        assert_eq!(self.width, other.width, "blocks of one width");
        let (from, to) = (other.data.f32s(), self.data.f32s_mut());
        for row in 0..rows {
            for piece in pieces(0, self.width) {
                let [a, b] = [self.capacity, other.capacity]
                    .map(|capacity| offset::<f32>(capacity, row, piece.start));
                to[a..a + piece.len()].copy_from_slice(&from[b..b + piece.len()]);
            }
        }
    }

    /// Combines each row with those that `source` gives, piece by contiguous piece.
    fn combine<'s, const N: usize>(
        &mut self,
        rows: usize,
        source: impl Fn(usize) -> [&'s [f32]; N],
        with: impl Fn(&mut [f32], &[f32]),
    ) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        let (width, capacity) = (self.width, self.capacity);
        let values = self.data.f32s_mut();
        for row in 0..rows {
            for from in source(row) {
                assert_eq!(from.len(), width, "rows of {width}");
                for piece in pieces(0, width) {
                    let start = offset::<f32>(capacity, row, piece.start);
                    with(&mut values[start..start + piece.len()], &from[piece]);
                }
            }
        }
    }

    /// Adds the columns of the first `rows` rows to `sums`: the gradient of a bias.
    ///
    /// # Panics
    /// If the rows do not fit, or `sums` is not of the block's width.
    pub fn add_column_sums(&self, rows: usize, sums: &mut [f32]) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        assert_eq!(sums.len(), self.width, "one sum per column");
        let values = self.data.f32s();
        for row in 0..rows {
            for piece in pieces(0, self.width) {
                let start = offset::<f32>(self.capacity, row, piece.start);
                let from = &values[start..start + piece.len()];
                add_to(&mut sums[piece], from);
            }
        }
    }

    /// `to` = the rows from `first` on, or `to` += those rows. Rows of `to` are contiguous.
    ///
    /// # Panics
    /// If `to` is not a whole number of rows, or the block has fewer.
    pub fn write(&self, first: usize, to: &mut [f32], add: bool) {
        let rows = to.len().checked_div(self.width).unwrap_or(0);
        assert_eq!(rows * self.width, to.len(), "rows of {}", self.width);
        assert!(
            first <= self.capacity && rows <= self.capacity - first,
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
    /// If the rows do not fit, or a target is outside `to`.
    pub fn scatter_add(&self, rows: usize, to: &mut [f32], target: impl Fn(usize) -> usize) {
        assert!(rows <= self.capacity, "{rows} rows of {}", self.capacity);
        if self.width == 0 {
            return;
        }
        self.cpu.run(Scatter {
            block: self,
            rows,
            to,
            target,
        });
    }
}

/// a += b.
pub(crate) fn add_to(a: &mut [f32], b: &[f32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
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
        for (row, to) in to.chunks_exact_mut(block.width.max(1)).enumerate() {
            // SAFETY: `Block::write` checked the rows.
            unsafe { put(s, block, first + row, to, add) };
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
        let targets = to.len() / block.width;
        for row in 0..rows {
            let target = target(row);
            assert!(target < targets, "target {target} of {targets}");
            let to = &mut to[target * block.width..][..block.width];
            // SAFETY: `Block::scatter_add` checked the rows.
            unsafe { put(s, block, row, to, true) };
        }
    }
}

/// Writes or adds a row.
///
/// # Safety
/// The block must have the row, and `to` its width.
#[inline(always)]
unsafe fn put<S: Simd>(s: S, block: &Block, row: usize, to: &mut [f32], add: bool) {
    let from = block.data.ptr::<f32>();
    for (c, n) in vectors(0..block.width, S::LANES) {
        // SAFETY: inside the row on both sides; blocks are padded to whole vectors.
        unsafe {
            let x = s.load(from.add(offset::<f32>(block.capacity, row, c)));
            let to = to.as_mut_ptr().add(c);
            let y = if add { s.add(s.load_some(to, n), x) } else { x };
            s.store_some(to, y, n);
        }
    }
}
