//! Vectors of f32 behind one trait, so that every kernel is written once.
//!
//! A value of an instruction-set type exists only where the processor has these instructions; holding one is the proof
//! that its methods may be called.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

/// Arithmetic on vectors of [`Self::LANES`] <= 16 f32. Pointers need no alignment.
pub(crate) trait Simd: Copy {
    type V: Copy;
    const LANES: usize;

    fn splat(self, x: f32) -> Self::V;
    /// # Safety
    /// `p` must be valid for reading `LANES` values.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// # Safety
    /// `p` must be valid for writing `LANES` values.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a b + c.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The smaller; `b` where `a` is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger; `b` where `a` is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The nearest whole number, halves to even.
    fn round(self, v: Self::V) -> Self::V;
    /// v 2^n for whole n from -126 to 127.
    fn scale(self, v: Self::V, n: Self::V) -> Self::V;
    /// 1 / v to about one unit in the last place, for finite v of normal size.
    fn reciprocal(self, v: Self::V) -> Self::V;
    /// Asks for a cache line that will be needed soon; any address will do.
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    /// Sum of all lanes, in an order that is fixed.
    fn sum(self, v: Self::V) -> f32;
    /// Each value rounded to the nearest bf16, halves to even; NaN stays NaN.
    fn bf16(self, v: Self::V) -> Self::V;
    /// The first `n` < `LANES` values at `p`, zeros behind.
    ///
    /// # Safety
    /// `p` must be valid for reading `n` values.
    #[inline(always)]
    unsafe fn load_part(self, p: *const f32, n: usize) -> Self::V {
        let mut values = [0.0f32; 16];
        // SAFETY: the caller vouches for `n` values, and the array holds LANES <= 16.
        unsafe {
            std::ptr::copy_nonoverlapping(p, values.as_mut_ptr(), n);
            self.load(values.as_ptr())
        }
    }
    /// Writes the first `n` < `LANES` lanes.
    ///
    /// # Safety
    /// `p` must be valid for writing `n` values.
    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, v: Self::V, n: usize) {
        let mut values = [0.0f32; 16];
        // SAFETY: as in `load_part`.
        unsafe {
            self.store(values.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(values.as_ptr(), p, n);
        }
    }
    /// The first `n` <= `LANES` values at `p`, zeros behind.
    ///
    /// # Safety
    /// `p` must be valid for reading `n` values.
    #[inline(always)]
    unsafe fn load_some(self, p: *const f32, n: usize) -> Self::V {
        // SAFETY: passed on.
        unsafe {
            match n == Self::LANES {
                true => self.load(p),
                false => self.load_part(p, n),
            }
        }
    }
    /// Writes the first `n` <= `LANES` lanes.
    ///
    /// # Safety
    /// `p` must be valid for writing `n` values.
    #[inline(always)]
    unsafe fn store_some(self, p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: passed on.
        unsafe {
            match n == Self::LANES {
                true => self.store(p, v),
                false => self.store_part(p, v, n),
            }
        }
    }
    /// x in the first `n` <= `LANES` lanes, zeros behind.
    #[inline(always)]
    fn first(self, x: f32, n: usize) -> Self::V {
        match n == Self::LANES {
            true => self.splat(x),
            // SAFETY: the array holds LANES <= 16 values.
            false => unsafe { self.load_part([x; 16].as_ptr(), n) },
        }
    }
}
