//! Vector kernels with the same bits on every CPU.
//!
//! Sums run over a fixed number of lanes that are combined in a fixed order, and no fused multiply-add is used,
//! so that the portable, AVX2 and AVX-512 builds of one function round alike.

use crate::real::Real;

const LANES: usize = 32;

/// Compiles `$body` for AVX-512, AVX2 and the baseline, and picks at run time.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident<$t:ident>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:path) => {
        $(#[$doc])*
        $vis fn $name<$t: Real>($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512<$t: Real>($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2<$t: Real>($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f") {
                    // SAFETY: the CPU has AVX-512F, just checked.
                    return unsafe { avx512($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the CPU has AVX2, just checked.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatch;

#[inline(always)]
fn reduce<T: Real>(mut lanes: [T; LANES], tail: T) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0] + tail
}

/// `sum a_i b_i`.
#[inline(always)]
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let tail = rest.fold(T::ZERO, |sum, (x, y)| sum + *x * *y);
    for (x, y) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    reduce(lanes, tail)
}

/// `sum a_i`.
#[inline(always)]
pub(crate) fn sum<T: Real>(a: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let chunks = a.chunks_exact(LANES);
    let tail = chunks.remainder().iter().fold(T::ZERO, |sum, x| sum + *x);
    for x in chunks {
        for i in 0..LANES {
            lanes[i] += x[i];
        }
    }
    reduce(lanes, tail)
}

/// `out += a x`.
#[inline(always)]
pub(crate) fn axpy<T: Real>(out: &mut [T], a: T, x: &[T]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o += a * *x;
    }
}

#[inline(always)]
fn floor_norm<T: Real>(row: &[T]) -> T {
    let (norm, least) = (dot(row, row).sqrt(), T::of(1e-8));
    if norm < least { least } else { norm }
}

#[inline(always)]
fn unit_body<T: Real>(row: &mut [T]) {
    let norm = floor_norm(row);
    for x in row {
        *x /= norm;
    }
}

dispatch! {
    /// `row /= max(norm, 1e-8)`.
    pub(crate) fn unit<T>(row: &mut [T]) = unit_body
}

#[inline(always)]
fn inverse_norm_body<T: Real>(row: &[T]) -> T {
    T::ONE / floor_norm(row)
}

dispatch! {
    /// `1 / max(norm, 1e-8)`.
    pub(crate) fn inverse_norm<T>(row: &[T]) -> T = inverse_norm_body
}

#[inline(always)]
fn subtract_body<T: Real>(row: &mut [T], b: &[T]) {
    for (x, b) in row.iter_mut().zip(b) {
        *x -= *b;
    }
}

dispatch! {
    /// `row -= b`.
    pub(crate) fn subtract<T>(row: &mut [T], b: &[T]) = subtract_body
}

#[inline(always)]
fn add_body<T: Real>(row: &mut [T], b: &[T]) {
    for (x, b) in row.iter_mut().zip(b) {
        *x += *b;
    }
}

dispatch! {
    /// `row += b`.
    pub(crate) fn add<T>(row: &mut [T], b: &[T]) = add_body
}

#[inline(always)]
fn scale_body<T: Real>(row: &mut [T], scale: T) {
    for x in row {
        *x *= scale;
    }
}

dispatch! {
    /// `row *= scale`.
    pub(crate) fn scale<T>(row: &mut [T], scale: T) = scale_body
}

#[inline(always)]
fn affine_body<T: Real>(row: &mut [T], scale: T, offset: T) {
    for x in row {
        *x = *x * scale + offset;
    }
}

dispatch! {
    /// `row = row * scale + offset`.
    pub(crate) fn affine<T>(row: &mut [T], scale: T, offset: T) = affine_body
}

#[inline(always)]
fn square_body<T: Real>(x: &[T]) -> T {
    dot(x, x)
}

dispatch! {
    /// `|x|^2`.
    pub(crate) fn square<T>(x: &[T]) -> T = square_body
}

#[inline(always)]
fn residual_body<T: Real>(x: &[T], sum: &[T], out: &mut [T]) -> T {
    for ((o, x), s) in out.iter_mut().zip(x).zip(sum) {
        *o = *x - *s;
    }
    dot(out, out)
}

dispatch! {
    /// `out = x - sum`; returns its squared norm.
    pub(crate) fn residual<T>(x: &[T], sum: &[T], out: &mut [T]) -> T = residual_body
}

#[inline(always)]
fn combine_body<T: Real>((indices, values): (&[u32], &[T]), scale: &[T], w: &[T], out: &mut [T]) {
    let d = out.len();
    for (&index, &value) in indices.iter().zip(values) {
        let i = index as usize;
        if value != T::ZERO {
            axpy(out, value * scale[i], &w[i * d..][..d]);
        }
    }
}

dispatch! {
    /// `out += sum_s value_s scale_s w_s`, in the order of the slots, zeros skipped; `codes` are indices and values.
    pub(crate) fn combine<T>(codes: (&[u32], &[T]), scale: &[T], w: &[T], out: &mut [T]) = combine_body
}

#[inline(always)]
fn project_codes_body<T: Real>(indices: &[u32], scale: &[T], (w, g): (&[T], &[T]), out: &mut [T]) {
    let d = g.len();
    for (&index, out) in indices.iter().zip(out) {
        let i = index as usize;
        *out = scale[i] * dot(&w[i * d..][..d], g);
    }
}

dispatch! {
    /// `out_s = scale_s (w_s . g)`, with `wg = (w, g)`.
    pub(crate) fn project_codes<T>(indices: &[u32], scale: &[T], wg: (&[T], &[T]), out: &mut [T]) = project_codes_body
}
