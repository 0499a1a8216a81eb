//! x / (1 + exp(-x)).

use crate::simd::Simd;

/// Beyond these exp leaves the normal numbers.
const LIMIT: f32 = 87.0;

/// exp(-x) for |x| <= 88 to about one unit in the last place: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2].
#[inline(always)]
fn exp_minus<S: Simd>(s: S, x: S::V) -> S::V {
    // ln 2 in two parts, the first with trailing zeros, so that n times it is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Taylor's coefficients of exp(-r), from -1/7! down to 1, enough on this interval.
    const TAYLOR: [f32; 8] = [
        -1.0 / 5040.0,
        1.0 / 720.0,
        -1.0 / 120.0,
        1.0 / 24.0,
        -1.0 / 6.0,
        0.5,
        -1.0,
        1.0,
    ];
    let n = s.round(s.mul(x, s.splat(-std::f32::consts::LOG2_E)));
    // r = x + n ln 2.
    let r = s.fma(n, s.splat(LN2[0]), x);
    let r = s.fma(n, s.splat(LN2[1]), r);
    let mut p = s.splat(TAYLOR[0]);
    for c in &TAYLOR[1..] {
        p = s.fma(p, r, s.splat(*c));
    }
    s.scale(p, n)
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let limited = s.max(s.min(x, s.splat(LIMIT)), s.splat(-LIMIT));
    s.reciprocal(s.add(exp_minus(s, limited), s.splat(1.0)))
}

/// The activation of GraphCast's MLPs. NaN stays NaN, through the factor x; see [`Block::activate`](crate::Block::activate).
#[inline(always)]
pub(crate) fn swish<S: Simd>(s: S, x: S::V) -> S::V {
    s.mul(x, sigmoid(s, x))
}
