//! In which numbers the operands of a matrix product are kept.

use crate::simd::Simd;

/// How operands are stored, and how a group of [`Self::GROUP`] consecutive products is added to an f32 sum.
pub(crate) trait Element<S: Simd>: Copy {
    /// One stored operand.
    type E: Copy + Default;
    /// `LANES` groups of operands.
    type V: Copy;
    /// Consecutive products of one sum that an instruction takes together.
    const GROUP: usize;

    /// One group, in all lanes.
    ///
    /// # Safety
    /// `p` must be valid for reading `GROUP` operands.
    unsafe fn splat(self, s: S, p: *const Self::E) -> Self::V;
    /// `LANES` groups.
    ///
    /// # Safety
    /// `p` must be valid for reading `GROUP * LANES` operands.
    unsafe fn load(self, s: S, p: *const Self::E) -> Self::V;
    /// c + a b, summed over the group.
    fn accumulate(self, s: S, a: Self::V, b: Self::V, c: S::V) -> S::V;
    /// Rounds and writes `LANES` operands.
    ///
    /// # Safety
    /// `p` must be valid for writing `LANES` operands.
    unsafe fn store(self, s: S, p: *mut Self::E, v: S::V);
    /// Rounds one value.
    fn round(self, x: f32) -> Self::E;
    /// Rounds and writes the first `n` < `LANES` operands.
    ///
    /// # Safety
    /// `p` must be valid for writing `n` operands.
    unsafe fn store_part(self, s: S, p: *mut Self::E, v: S::V, n: usize);
    /// Rounds and writes the first `n` <= `LANES` operands.
    ///
    /// # Safety
    /// `p` must be valid for writing `n` operands.
    #[inline(always)]
    unsafe fn store_some(self, s: S, p: *mut Self::E, v: S::V, n: usize) {
        // SAFETY: passed on.
        unsafe {
            match n == S::LANES {
                true => self.store(s, p, v),
                false => self.store_part(s, p, v, n),
            }
        }
    }
}

/// Operands kept and multiplied as f32; with `ROUND` rounded to bf16 first, for processors without bf16 products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide<const ROUND: bool>;

/// f32 operands.
pub(crate) const SINGLE: Wide<false> = Wide;
/// bf16 operands without instructions of their own.
pub(crate) const ROUNDED: Wide<true> = Wide;

impl<S: Simd, const ROUND: bool> Element<S> for Wide<ROUND> {
    type E = f32;
    type V = S::V;
    const GROUP: usize = 1;

    #[inline(always)]
    unsafe fn splat(self, s: S, p: *const f32) -> S::V {
        // SAFETY: the caller vouches for one value.
        s.splat(unsafe { *p })
    }
    #[inline(always)]
    unsafe fn load(self, s: S, p: *const f32) -> S::V {
        // SAFETY: the caller vouches for LANES values.
        unsafe { s.load(p) }
    }
    #[inline(always)]
    fn accumulate(self, s: S, a: S::V, b: S::V, c: S::V) -> S::V {
        s.fma(a, b, c)
    }
    #[inline(always)]
    unsafe fn store(self, s: S, p: *mut f32, v: S::V) {
        let v = if ROUND { s.bf16(v) } else { v };
        // SAFETY: the caller vouches for LANES values.
        unsafe { s.store(p, v) }
    }
    #[inline(always)]
    unsafe fn store_part(self, s: S, p: *mut f32, v: S::V, n: usize) {
        let v = if ROUND { s.bf16(v) } else { v };
        // SAFETY: the caller vouches for n values.
        unsafe { s.store_part(p, v, n) }
    }
    #[inline(always)]
    fn round(self, x: f32) -> f32 {
        match ROUND {
            true => half::bf16::from_f32(x).to_f32(),
            false => x,
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod native {
    use std::arch::x86_64::*;

    use half::bf16;

    use super::Element;
    use crate::simd::avx512::{Avx512, Avx512Bf16, lanes};

    /// Pairs of bf16 operands, multiplied and added by one instruction.
    ///
    /// SAFETY of all calls: an [`Avx512Bf16`] exists only where the processor has these instructions.
    #[allow(
        clippy::undocumented_unsafe_blocks,
        reason = "one reason for all, above"
    )]
    impl Element<Avx512> for Avx512Bf16 {
        type E = bf16;
        type V = __m512i;
        const GROUP: usize = 2;

        #[inline(always)]
        unsafe fn splat(self, _: Avx512, p: *const bf16) -> __m512i {
            unsafe { _mm512_set1_epi32(p.cast::<i32>().read_unaligned()) }
        }
        #[inline(always)]
        unsafe fn load(self, _: Avx512, p: *const bf16) -> __m512i {
            unsafe { _mm512_loadu_si512(p.cast()) }
        }
        #[inline(always)]
        fn accumulate(self, _: Avx512, a: __m512i, b: __m512i, c: __m512) -> __m512 {
            unsafe {
                let [a, b] = [a, b].map(|x| std::mem::transmute::<__m512i, __m512bh>(x));
                _mm512_dpbf16_ps(c, a, b)
            }
        }
        #[inline(always)]
        unsafe fn store(self, _: Avx512, p: *mut bf16, v: __m512) {
            unsafe {
                let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(v));
                _mm256_storeu_si256(p.cast(), rounded);
            }
        }
        #[inline(always)]
        unsafe fn store_part(self, _: Avx512, p: *mut bf16, v: __m512, n: usize) {
            unsafe {
                let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(v));
                _mm256_mask_storeu_epi16(p.cast(), lanes(n), rounded);
            }
        }
        #[inline(always)]
        fn round(self, x: f32) -> bf16 {
            bf16::from_f32(x)
        }
    }
}
