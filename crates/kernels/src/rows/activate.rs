use super::vectors;
use crate::block::offset;
use crate::dispatch::Program;
use crate::element::Element;
use crate::simd::Simd;
use crate::swish::swish;
use crate::{Block, Operand};

impl Block {
    /// Writes swish(this block + the rows of `more`) to `out`; `more` gives the rows to add, of the block's width.
    ///
    /// swish(x) = x / (1 + exp(-x)), to a relative error below 2e-7 for x from -87 to 100; from there down to the lowest
    /// f32 results are off by less than 2e-38 |x|. NaN gives NaN and infinity infinity; minus infinity gives minus
    /// infinity where libtorch gives NaN: what is not finite stays so.
    ///
    /// # Panics
    /// If the blocks or rows differ in width, the rows do not fit, or the two were made for different instructions.
    pub fn activate<'s, const N: usize>(
        &self,
        rows: usize,
        more: impl Fn(usize) -> [&'s [f32]; N],
        out: &mut Operand,
    ) {
        assert!(
            rows <= self.capacity && rows <= out.capacity,
            "{rows} rows of {} into {}",
            self.capacity,
            out.capacity
        );
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
        let width = block.width;
        let (from, to) = (block.data.ptr::<f32>(), out.data.ptr_mut::<P::E>());
        for row in 0..rows {
            let added = more(row);
            assert!(added.iter().all(|r| r.len() == width), "rows of {width}");
            for (c, n) in vectors(0..width, S::LANES) {
                // SAFETY: rows and widths were checked; blocks are padded to whole vectors, the added rows are not.
                unsafe {
                    let mut x = s.load(from.add(offset::<f32>(block.capacity, row, c)));
                    for values in added {
                        x = s.add(x, s.load_some(values.as_ptr().add(c), n));
                    }
                    let to = to.add(offset::<P::E>(out.capacity, row, c));
                    p.store_some(s, to, swish(s, x), n);
                }
            }
        }
    }
}
