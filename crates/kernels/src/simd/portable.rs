use std::array::from_fn;

use super::Simd;

/// Arrays of four, for processors without a file of their own; what a compiler makes of them is its business. Product and
/// sum are rounded separately, since a fused one may be a library call there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

type V = [f32; 4];

/// 1.5 * 2^23: added to a small number, it leaves no fraction bits.
const MAGIC: f32 = 12_582_912.0;

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
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn round(self, v: V) -> V {
        // |v| < 2^22 here.
        from_fn(|i| (v[i] + MAGIC) - MAGIC)
    }
    #[inline(always)]
    fn scale(self, v: V, n: V) -> V {
        // As in `round`, 127 + n are the lowest bits, and the shift makes them the exponent.
        from_fn(|i| v[i] * f32::from_bits((n[i] + (MAGIC + 127.0)).to_bits() << 23))
    }
    #[inline(always)]
    fn reciprocal(self, v: V) -> V {
        from_fn(|i| 1.0 / v[i])
    }
    #[inline(always)]
    fn sum(self, v: V) -> f32 {
        (v[0] + v[2]) + (v[1] + v[3])
    }
    #[inline(always)]
    fn bf16(self, v: V) -> V {
        v.map(|x| {
            let bits = x.to_bits();
            let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
            // Rounding could turn a NaN into infinity: quiet it instead.
            let chosen = if x.is_nan() {
                bits | 0x0040_0000
            } else {
                rounded
            };
            f32::from_bits(chosen & 0xffff_0000)
        })
    }
}
