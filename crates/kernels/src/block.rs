//! Blocks of rows that stay in a core's cache while they are worked on.

use crate::Cpu;
use crate::buffer::{Buffer, LINE};

/// Columns of one slice of a block.
pub(crate) const SLICE: usize = 512;

/// Distance of two rows of a slice: one cache line more than the columns, so that the rows of a tile do not fall into the
/// same sets of the cache.
pub(crate) const fn stride<E>() -> usize {
    SLICE + LINE / size_of::<E>()
}

/// `n` values, rounded up to whole panels; what does not fit into a number is found when memory is asked for.
pub(crate) fn padded(n: usize, panel: usize) -> usize {
    n.checked_next_multiple_of(panel).unwrap_or(usize::MAX)
}

/// Rows of f32: sums, layer normalisation, results of products.
#[derive(Debug)]
pub struct Block {
    pub(crate) cpu: Cpu,
    pub(crate) capacity: usize,
    pub(crate) width: usize,
    pub(crate) data: Buffer,
}

/// Rows of operands, rounded once when they are written: the left side of a [`product`](crate::product).
#[derive(Debug)]
pub struct Operand {
    pub(crate) cpu: Cpu,
    pub(crate) capacity: usize,
    pub(crate) width: usize,
    pub(crate) data: Buffer,
}

impl Block {
    /// Room for `rows` rows of `width` values, all 0.
    ///
    /// # Panics
    /// If no memory could hold them.
    pub fn new(cpu: Cpu, rows: usize, width: usize) -> Self {
        // A product writes whole panels.
        let slices = padded(width, cpu.panel()).div_ceil(SLICE);
        Self {
            cpu,
            capacity: rows,
            width,
            data: Buffer::zeroed([slices, rows, stride::<f32>() * 4]),
        }
    }

    /// Values in one row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row, piece by contiguous piece; all but the last have the same length, a multiple of 64.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn pieces(&self, row: usize) -> impl Iterator<Item = &[f32]> + Clone {
        assert!(row < self.capacity, "row {row} of {}", self.capacity);
        let values = self.data.f32s();
        (0..self.width).step_by(SLICE).map(move |first| {
            let start = offset::<f32>(self.capacity, row, first);
            &values[start..start + SLICE.min(self.width - first)]
        })
    }

    /// Copies one row out; for tests and small results.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> Vec<f32> {
        assert!(row < self.capacity, "row {row} of {}", self.capacity);
        let values = self.data.f32s();
        (0..self.width)
            .map(|c| values[offset::<f32>(self.capacity, row, c)])
            .collect()
    }
}

impl Operand {
    /// Room for `rows` rows of `width` operands, all 0.
    ///
    /// # Panics
    /// If no memory could hold them.
    pub fn new(cpu: Cpu, rows: usize, width: usize) -> Self {
        // One slice at least: a product of depth 0 still looks where its rows start.
        let slices = width.div_ceil(SLICE).max(1);
        let bytes = match cpu.operand_bytes() {
            2 => stride::<half::bf16>() * 2,
            _ => stride::<f32>() * 4,
        };
        Self {
            cpu,
            capacity: rows,
            width,
            data: Buffer::zeroed([slices, rows, bytes]),
        }
    }

    /// Operands in one row.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Where a value is: slice by slice, row by row within a slice.
pub(crate) fn offset<E>(capacity: usize, row: usize, column: usize) -> usize {
    let (slice, within) = (column / SLICE, column % SLICE);
    (slice * capacity + row) * stride::<E>() + within
}
