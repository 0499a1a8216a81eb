//! The product of a block of rows and a packed matrix.

use std::ops::Range;

use crate::block::{SLICE, offset, stride};
use crate::dispatch::Program;
use crate::element::Element;
use crate::packed::depth;
use crate::simd::Simd;
use crate::tile::{Tile, run_rows};
use crate::{Block, Operand, Packed};

/// What a product is added to.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// Nothing.
    Zero,
    /// The same values for every row, such as a bias.
    Row(&'a [f32]),
    /// What the result holds already.
    Current,
}

/// Room for one panel of start values: 32 is the widest.
type Panel = [f32; 32];

impl Start<'_> {
    /// Some columns of the start, padded with zeros; none if it is the result.
    fn panel(self, columns: Range<usize>) -> Option<Panel> {
        let mut panel = [0.0; 32];
        match self {
            Start::Zero => {}
            Start::Row(row) => {
                let here = &row[columns.start..row.len().min(columns.end)];
                panel[..here.len()].copy_from_slice(here);
            }
            Start::Current => return None,
        }
        Some(panel)
    }
}

/// First `rows` rows of `out` = `start` + `x` `w`.
///
/// # Shapes
/// `x` `[rows, n_in]`, `w` `[n_in, n_out]`, `out` `[rows, n_out]`.
///
/// Sums are f32 and run over the depth in order, so a row's result depends on that row alone, not on its neighbours or on
/// how many there are.
///
/// # Panics
/// If widths or numbers of rows do not fit, or the three were made for different instructions.
pub fn product(x: &Operand, rows: usize, w: &Packed, start: Start<'_>, out: &mut Block) {
    assert!(
        rows <= x.capacity && rows <= out.capacity,
        "{rows} rows of {} times a matrix into {} rows",
        x.capacity,
        out.capacity
    );
    assert!(
        x.width == w.n_in && out.width == w.n_out,
        "rows of {} times [{}, {}] into rows of {}",
        x.width,
        w.n_in,
        w.n_out,
        out.width
    );
    assert!(
        x.cpu == w.cpu && out.cpu == w.cpu,
        "one set of instructions"
    );
    if let Start::Row(row) = start {
        assert_eq!(row.len(), w.n_out, "one start value per column");
    }
    if rows == 0 {
        return;
    }
    w.cpu.run(Product {
        x,
        rows,
        w,
        start,
        out,
    });
}

struct Product<'a> {
    x: &'a Operand,
    rows: usize,
    w: &'a Packed,
    start: Start<'a>,
    out: &'a mut Block,
}

impl Program for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, p: P) {
        let Self {
            x,
            rows,
            w,
            start,
            out,
        } = self;
        let panel = NV * S::LANES;
        const { assert!(NV * S::LANES <= 32) };
        let columns = w.n_out.next_multiple_of(panel);
        let operands = x.data.ptr::<P::E>();
        let mut panels = w.data.ptr::<P::E>();
        let result = out.data.ptr_mut::<f32>();
        // A matrix without rows leaves the start.
        for first in (0..w.n_in.max(1)).step_by(SLICE) {
            let (_, padded) = depth(w.n_in, first, P::GROUP);
            for column in (0..columns).step_by(panel) {
                let begin = match first {
                    0 => start.panel(column..column + panel),
                    _ => None,
                };
                // The next panel comes from a cache further away: ask for its lines while this one is used.
                let mut ahead = panels.wrapping_add(padded * panel).cast::<f32>();
                let tiles = rows.div_ceil(MR).max(1);
                let step = (size_of::<P::E>() * P::GROUP * panel / 4).div_ceil(tiles);
                for row in (0..rows).step_by(MR) {
                    // SAFETY: `product` checked rows and widths; operands, panels and results are padded to whole groups
                    // and panels, and rows row..row + MR are cut at `rows`.
                    unsafe {
                        let a = operands.add(offset::<P::E>(x.capacity, row, first));
                        let c = result.add(offset::<f32>(out.capacity, row, column));
                        let tile = ProductTile {
                            s,
                            p,
                            depth: padded,
                            a,
                            b: panels,
                            c,
                            begin: begin.as_ref(),
                            ahead,
                            step,
                        };
                        ahead = ahead.wrapping_add(step * padded / P::GROUP);
                        run_rows::<_, MR, NV>(tile, MR.min(rows - row));
                    }
                }
                // SAFETY: the panels lie one behind the other.
                panels = unsafe { panels.add(padded * panel) };
            }
        }
    }
}

/// A few rows times one panel.
struct ProductTile<'a, S: Simd, P: Element<S>> {
    s: S,
    p: P,
    depth: usize,
    a: *const P::E,
    b: *const P::E,
    c: *mut f32,
    /// One panel of start values, or none where sums go on from the result.
    begin: Option<&'a Panel>,
    /// What to ask for, one step further per group.
    ahead: *const f32,
    step: usize,
}

impl<S: Simd, P: Element<S>> Tile for ProductTile<'_, S, P> {
    /// # Safety
    /// `a` must hold `ROWS` rows of `depth` operands at the stride of blocks, `b` one panel of `depth` rows, `c` `ROWS`
    /// rows of one panel.
    #[inline(always)]
    unsafe fn run<const ROWS: usize, const NV: usize>(self) {
        let Self {
            s,
            p,
            depth,
            a,
            b,
            c,
            begin,
            ahead,
            step,
        } = self;
        let (first, distance) = match begin {
            Some(row) => (row.as_ptr(), 0),
            None => (c.cast_const(), stride::<f32>()),
        };
        // SAFETY: the caller vouches for all three pointers; `begin` holds a panel; any address may be asked for.
        unsafe {
            let mut sum = [[s.splat(0.0); NV]; ROWS];
            for (row, sums) in sum.iter_mut().enumerate() {
                for (v, value) in sums.iter_mut().enumerate() {
                    *value = s.load(first.add(row * distance + v * S::LANES));
                }
            }
            for k in (0..depth).step_by(P::GROUP) {
                s.prefetch(ahead.wrapping_add(k / P::GROUP * step));
                let columns: [P::V; NV] =
                    std::array::from_fn(|v| p.load(s, b.add((k * NV + v * P::GROUP) * S::LANES)));
                for (row, sums) in sum.iter_mut().enumerate() {
                    let x = p.splat(s, a.add(row * stride::<P::E>() + k));
                    for (value, column) in sums.iter_mut().zip(columns) {
                        *value = p.accumulate(s, x, column, *value);
                    }
                }
            }
            for (row, sums) in sum.iter().enumerate() {
                for (v, value) in sums.iter().enumerate() {
                    s.store(c.add(row * stride::<f32>() + v * S::LANES), *value);
                }
            }
        }
    }
}
