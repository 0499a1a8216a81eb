use crate::Block;
use crate::block::offset;
use crate::dispatch::Program;
use crate::element::Element;
use crate::rows::vectors;
use crate::simd::Simd;
use crate::swish::sigmoid;

impl Block {
    /// Turns gradients of swish(x) into gradients of x, in place: dy (g + x g (1 - g)) with g = 1 / (1 + exp(-x)).
    ///
    /// # Panics
    /// If the rows do not fit, or the blocks differ in width or instructions.
    pub fn swish_gradient(&mut self, rows: usize, x: &Self) {
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
        x.cpu.run(SwishGradient { dy: self, x, rows });
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
            for (c, _) in vectors(0..x.width, S::LANES) {
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
