use crate::Block;
use crate::block::offset;
use crate::dispatch::Program;
use crate::element::Element;
use crate::rows::{Moments, moments, vectors};
use crate::simd::Simd;

impl Block {
    /// Turns gradients of the layer normalisation of x into gradients of x, in place; adds those of `scale` and of the
    /// offset to the two `sums`.
    ///
    /// With n the normalised x and g = dy scale, the gradient is (g - mean(g) - n mean(g n)) / sqrt(variance + 1e-5).
    ///
    /// # Panics
    /// If the rows do not fit, the blocks differ in width or instructions, or `scale` and `sums` are not of their width.
    pub fn normalize_gradient(
        &mut self,
        rows: usize,
        x: &Self,
        scale: &[f32],
        sums: [&mut [f32]; 2],
    ) {
        assert!(
            rows <= self.capacity && rows <= x.capacity,
            "{rows} rows of {} and {}",
            self.capacity,
            x.capacity
        );
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
        let (width, count) = (x.width, x.width as f32);
        let (values, gradients) = (x.data.ptr::<f32>(), dy.data.ptr_mut::<f32>());
        let (scales, shifts) = (scales.as_mut_ptr(), shifts.as_mut_ptr());
        for row in 0..rows {
            // SAFETY: only called for columns of the blocks, whose rows were checked.
            let at = |c: usize| unsafe { values.add(offset::<f32>(x.capacity, row, c)) };
            // SAFETY: as above.
            let to = |c: usize| unsafe { gradients.add(offset::<f32>(dy.capacity, row, c)) };
            // SAFETY: as above; scale and sums have `width` values. Lanes behind the row are 0 in all sums.
            unsafe {
                let moments = moments(s, width, at);
                // Sums of g and of g n.
                let mut sums = [s.splat(0.0); 2];
                for (c, n) in vectors(0..width, S::LANES) {
                    let x = normalized(s, at(c), n, moments);
                    let d = s.load_some(to(c), n);
                    let g = s.mul(d, s.load_some(scale.as_ptr().add(c), n));
                    sums = [s.add(sums[0], g), s.fma(g, x, sums[1])];
                    let [up, down] = [scales.add(c), shifts.add(c)];
                    s.store_some(up, s.fma(d, x, s.load_some(up, n)), n);
                    s.store_some(down, s.add(s.load_some(down, n), d), n);
                }
                let [m0, m1] = sums.map(|sum| s.splat(s.sum(sum) / count));
                for (c, n) in vectors(0..width, S::LANES) {
                    let g = s.mul(s.load(to(c)), s.load_some(scale.as_ptr().add(c), n));
                    let x = normalized(s, at(c), n, moments);
                    let d = s.sub(s.sub(g, m0), s.mul(x, m1));
                    s.store(to(c), s.mul(d, s.splat(moments.rate)));
                }
            }
        }
    }
}

/// The first `n` normalised values at `p`, zeros behind.
///
/// # Safety
/// `p` must be valid for reading `n` values.
#[inline(always)]
unsafe fn normalized<S: Simd>(s: S, p: *const f32, n: usize, of: Moments) -> S::V {
    // SAFETY: passed on.
    let x = unsafe { s.load_some(p, n) };
    s.mul(s.sub(x, s.first(of.mean, n)), s.splat(of.rate))
}
