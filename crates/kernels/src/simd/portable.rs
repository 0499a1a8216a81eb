use std::array::from_fn;

use super::Simd;

/// Arrays of four, which compilers turn into the baseline's vectors; product and sum are rounded separately, since a
/// fused one would be a library call there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

type V = [f32; 4];

impl Simd for Portable {
    type V = V;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> V {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> V {
        // SAFETY: the caller vouches for four values; arrays of f32 are read unaligned.
        unsafe { p.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: V) {
        // SAFETY: as in `load`.
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    fn add(self, a: V, b: V) -> V {
        from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: V, b: V) -> V {
        from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: V, b: V) -> V {
        from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn fma(self, a: V, b: V, c: V) -> V {
        from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn min(self, a: V, b: V) -> V {
        from_fn(|i| a[i].min(b[i]))
    }
    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        from_fn(|i| a[i].max(b[i]))
    }
    #[inline(always)]
    fn round(self, v: V) -> V {
        // Adding 1.5 * 2^23 leaves no fraction bits; |v| < 2^22 here.
        const MAGIC: f32 = 12_582_912.0;
        from_fn(|i| (v[i] + MAGIC) - MAGIC)
    }
    #[inline(always)]
    fn pow2(self, n: V) -> V {
        from_fn(|i| f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    fn reciprocal(self, v: V) -> V {
        from_fn(|i| 1.0 / v[i])
    }
    #[inline(always)]
    fn sum(self, v: V) -> f32 {
        (v[0] + v[2]) + (v[1] + v[3])
    }
}
