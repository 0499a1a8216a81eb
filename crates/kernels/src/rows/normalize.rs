use super::vectors;
use crate::Block;
use crate::block::offset;
use crate::dispatch::Program;
use crate::element::Element;
use crate::simd::Simd;

/// Added to a variance before its root is taken, as GraphCast does.
const EPSILON: f32 = 1e-5;

impl Block {
    /// Layer normalisation of each row, in place: (x - mean) / sqrt(variance + 1e-5) * scale + offset.
    ///
    /// The variance is the biased one, taken around the mean in a second pass.
    ///
    /// # Panics
    /// If the rows do not fit, or `scale` and `shift` are not of the block's width.
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
}

/// What layer normalisation takes from a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) mean: f32,
    /// 1 / sqrt(variance + 1e-5).
    pub(crate) rate: f32,
}

/// Moments of a row of `width` values; `at` is where a column is.
///
/// # Safety
/// `at` must give places that are valid for reading what is left of the row's slice there, for columns below `width`.
#[inline(always)]
pub(crate) unsafe fn moments<S: Simd>(
    s: S,
    width: usize,
    at: impl Fn(usize) -> *const f32,
) -> Moments {
    let count = width as f32;
    // SAFETY: passed on.
    unsafe {
        let mean = total::<S, false>(s, width, &at, 0.0) / count;
        let variance = total::<S, true>(s, width, &at, mean) / count;
        Moments {
            mean,
            rate: 1.0 / (variance + EPSILON).sqrt(),
        }
    }
}

/// Sum of x - center, or of its squares, over a row.
///
/// # Safety
/// As [`moments`].
#[inline(always)]
unsafe fn total<S: Simd, const SQUARES: bool>(
    s: S,
    width: usize,
    at: &impl Fn(usize) -> *const f32,
    center: f32,
) -> f32 {
    // Four sums, because an addition takes as long as four can be started in. Slices are whole fours of vectors.
    let mut sums = [s.splat(0.0); 4];
    let fours = 4 * S::LANES;
    let whole = width - width % fours;
    let all = s.splat(center);
    for column in (0..whole).step_by(fours) {
        for (i, sum) in sums.iter_mut().enumerate() {
            // SAFETY: whole vectors of the row.
            let d = unsafe { s.sub(s.load(at(column + i * S::LANES)), all) };
            *sum = if SQUARES {
                s.fma(d, d, *sum)
            } else {
                s.add(*sum, d)
            };
        }
    }
    for (column, n) in vectors(whole..width, S::LANES) {
        // SAFETY: columns of the row; lanes behind it are 0 - 0.
        let d = unsafe { s.sub(s.load_some(at(column), n), s.first(center, n)) };
        sums[0] = if SQUARES {
            s.fma(d, d, sums[0])
        } else {
            s.add(sums[0], d)
        };
    }
    s.sum(s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3])))
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
        for row in 0..rows {
            // SAFETY: only called for columns of the block, whose rows were checked.
            let at = |c: usize| unsafe { data.add(offset::<f32>(capacity, row, c)) };
            // SAFETY: as above; blocks are padded to whole vectors, scale and shift have `width` values.
            unsafe {
                let Moments { mean, rate } = moments(s, width, |c| at(c).cast_const());
                let [center, spread] = [mean, rate].map(|x| s.splat(x));
                for (c, n) in vectors(0..width, S::LANES) {
                    let [g, b] = [scale, shift].map(|v| s.load_some(v.as_ptr().add(c), n));
                    let x = s.sub(s.load(at(c)), center);
                    s.store(at(c), s.fma(s.mul(x, spread), g, b));
                }
            }
        }
    }
}
