//! Weight matrices in the order in which a product reads them.

use crate::Cpu;
use crate::block::{SLICE, padded};
use crate::buffer::Buffer;
use crate::dispatch::Program;
use crate::element::Element;
use crate::simd::Simd;

/// A matrix `[n_in, n_out]`, cut into panels of columns that a product reads from front to end.
///
/// Depth is cut into the slices of an [`Operand`](crate::Operand). Within a panel, the groups of consecutive rows that one
/// instruction takes lie side by side. Missing rows and columns are 0.
#[derive(Debug)]
pub struct Packed {
    pub(crate) cpu: Cpu,
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
    pub(crate) data: Buffer,
}

/// Depth of the slice that starts at row `start`, and the same rounded up to whole groups.
pub(crate) fn depth(n_in: usize, start: usize, group: usize) -> (usize, usize) {
    let depth = SLICE.min(n_in - start);
    (depth, depth.next_multiple_of(group))
}

impl Packed {
    /// Packs rows of `w` (row-major, `n_out` values each).
    ///
    /// # Panics
    /// If `w` is not a whole number of rows.
    pub fn new(cpu: Cpu, w: &[f32], n_out: usize) -> Self {
        let n_in = w.len() / n_out.max(1);
        assert_eq!(n_in * n_out, w.len(), "a matrix with rows of {n_out}");
        Self::from_fn(cpu, n_in, n_out, |row, column| w[row * n_out + column])
    }

    /// Packs the transpose of `w` (row-major, `[n_out, n_in]`).
    ///
    /// # Panics
    /// If `w` is not a whole number of rows.
    pub fn transposed(cpu: Cpu, w: &[f32], n_in: usize) -> Self {
        let n_out = w.len() / n_in.max(1);
        assert_eq!(n_in * n_out, w.len(), "a matrix with rows of {n_in}");
        Self::from_fn(cpu, n_in, n_out, |row, column| w[column * n_in + row])
    }

    fn from_fn(cpu: Cpu, n_in: usize, n_out: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let columns = padded(n_out, cpu.panel());
        let rows: usize = (0..n_in)
            .step_by(SLICE)
            .map(|start| depth(n_in, start, cpu.group()).1)
            .sum();
        let mut packed = Self {
            cpu,
            n_in,
            n_out,
            data: Buffer::zeroed([columns, rows, cpu.operand_bytes()]),
        };
        cpu.run(Pack {
            packed: &mut packed,
            value,
        });
        packed
    }

    /// Rows: the width of the operand.
    pub fn n_in(&self) -> usize {
        self.n_in
    }

    /// Columns: the width of the result.
    pub fn n_out(&self) -> usize {
        self.n_out
    }

    /// Bytes that the packed form takes.
    pub fn bytes(&self) -> usize {
        self.data.bytes()
    }
}

struct Pack<'a, F> {
    packed: &'a mut Packed,
    value: F,
}

impl<F: Fn(usize, usize) -> f32> Program for Pack<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, _: S, p: P) {
        let Self { packed, value } = self;
        let (n_in, n_out) = (packed.n_in, packed.n_out);
        let panel = NV * S::LANES;
        let data = packed.data.ptr_mut::<P::E>();
        let mut next = 0;
        for start in (0..n_in).step_by(SLICE) {
            let (here, whole) = depth(n_in, start, P::GROUP);
            for first in (0..n_out).step_by(panel) {
                for group in (0..whole).step_by(P::GROUP) {
                    for column in first..first + panel {
                        for row in group..group + P::GROUP {
                            let x = match row < here && column < n_out {
                                true => value(start + row, column),
                                false => 0.0,
                            };
                            // SAFETY: `from_fn` made room for all slices, panels and padded rows, each written once.
                            unsafe { data.add(next).write(p.round(x)) };
                            next += 1;
                        }
                    }
                }
            }
        }
    }
}
