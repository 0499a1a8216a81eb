//! Vector kernels with the same bits on every CPU.
//!
//! Sums run over a fixed number of lanes that are combined in a fixed order, and no fused multiply-add is used,
//! so that the portable, AVX2 and AVX-512 builds of one function round alike.

const LANES: usize = 32;

/// Compiles `$body` for AVX-512, AVX2 and the baseline, and picks at run time.
macro_rules! dispatch {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:path) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
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
fn reduce(mut lanes: [f32; LANES], tail: f32) -> f32 {
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
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let tail = rest.fold(0.0, |sum, (x, y)| sum + x * y);
    for (x, y) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    reduce(lanes, tail)
}

/// `sum a_i`.
#[inline(always)]
pub(crate) fn sum(a: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let chunks = a.chunks_exact(LANES);
    let tail = chunks.remainder().iter().fold(0.0, |sum, x| sum + x);
    for x in chunks {
        for i in 0..LANES {
            lanes[i] += x[i];
        }
    }
    reduce(lanes, tail)
}

/// `out += a x`.
#[inline(always)]
pub(crate) fn axpy(out: &mut [f32], a: f32, x: &[f32]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o += a * x;
    }
}

#[inline(always)]
fn unit_body(row: &mut [f32]) {
    let norm = dot(row, row).sqrt();
    let norm = if norm < 1e-8 { 1e-8 } else { norm };
    for x in row {
        *x /= norm;
    }
}

dispatch! {
    /// `row /= max(norm, 1e-8)`.
    fn unit(row: &mut [f32]) = unit_body
}

#[inline(always)]
fn subtract_body(row: &mut [f32], b: &[f32]) {
    for (x, b) in row.iter_mut().zip(b) {
        *x -= b;
    }
}

dispatch! {
    /// `row -= b`.
    fn subtract(row: &mut [f32], b: &[f32]) = subtract_body
}

#[inline(always)]
fn affine_body(row: &mut [f32], b: &[f32], (scale, offset): (f32, f32)) {
    for (x, b) in row.iter_mut().zip(b) {
        *x = (*x + b) * scale + offset;
    }
}

dispatch! {
    /// `row = (row + b) * scale + offset`, with `scale_offset = (scale, offset)`.
    fn affine(row: &mut [f32], b: &[f32], scale_offset: (f32, f32)) = affine_body
}

#[inline(always)]
fn scale_body(row: &mut [f32], scale: f32) {
    for x in row {
        *x *= scale;
    }
}

dispatch! {
    /// `row *= scale`.
    fn scale(row: &mut [f32], scale: f32) = scale_body
}

#[inline(always)]
fn inverse_norm_body(row: &[f32]) -> f32 {
    let norm = dot(row, row).sqrt();
    1.0 / if norm < 1e-8 { 1e-8 } else { norm }
}

dispatch! {
    /// `1 / max(norm, 1e-8)`.
    fn inverse_norm(row: &[f32]) -> f32 = inverse_norm_body
}
