//! Single-precision sine and cosine with the same bits on every machine.
//!
//! The reference computes node positions with NumPy's vectorised single-precision sine and cosine: Cody-Waite
//! reduction by pi/2 in three steps, then one polynomial per octant (constants of NumPy 2,
//! <https://github.com/numpy/numpy>, `loops_trigonometric.dispatch.c.src`; at most 1.5 units in the last place).
//! Differences of nearby positions magnify the last bit, so the same steps are taken here.

/// -pi/2 as a sum, largest part first.
#[expect(
    clippy::approx_constant,
    reason = "only the sum is pi/2; the first part has few bits on purpose"
)]
const MINUS_HALF_PI: [f32; 3] = [-1.570_796, -3.139_164_7e-7, -5.390_302_5e-15];
/// Coefficients of x^9, x^7, x^5 and x^3.
const SINE: [f32; 4] = [
    2.840_409_7e-6,
    -1.985_649_1e-4,
    0.008_333_397,
    -0.166_666_67,
];
/// Coefficients of x^8, x^6, x^4, x^2 and 1.
const COSINE: [f32; 5] = [2.437_226_6e-5, -0.001_388_652, 0.041_666_62, -0.5, 1.0];

/// An angle in radians with its sine and cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Angle {
    pub(crate) radians: f32,
    pub(crate) sin: f32,
    pub(crate) cos: f32,
}

impl Angle {
    /// From degrees of magnitude at most 360.
    pub(crate) fn from_degrees(degrees: f32) -> Self {
        let radians = degrees * (std::f32::consts::PI / 180.0);
        let (quadrant, rest) = reduce(radians);
        let (sin, cos) = (sine(rest), cosine(rest));
        let (sin, cos) = match quadrant.rem_euclid(4) {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        };
        Self { radians, sin, cos }
    }
}

/// The multiple of pi/2 nearest to `x`, and what remains of `x`.
fn reduce(x: f32) -> (i32, f32) {
    let quadrant = (x * std::f32::consts::FRAC_2_PI).round_ties_even();
    let rest = MINUS_HALF_PI
        .into_iter()
        .fold(x, |rest, part| quadrant.mul_add(part, rest));
    (quadrant as i32, rest)
}

fn sine(x: f32) -> f32 {
    let square = x * x;
    let tail = polynomial(square, SINE);
    (tail * square).mul_add(x, x)
}

fn cosine(x: f32) -> f32 {
    polynomial(x * x, COSINE)
}

/// Horner's scheme, highest power first.
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    coefficients
        .into_iter()
        .reduce(|sum, next| sum.mul_add(x, next))
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_a_half_units_in_the_last_place() {
        for step in 0..=360_000 {
            let angle = Angle::from_degrees(step as f32 / 1000.0);
            let (sin, cos) = f64::from(angle.radians).sin_cos();
            for (ours, exact) in [(angle.sin, sin), (angle.cos, cos)] {
                let unit =
                    f64::from((exact as f32).abs().next_up()) - f64::from((exact as f32).abs());
                let error = (f64::from(ours) - exact).abs();
                assert!(error <= 1.5 * unit + 1e-13, "{angle:?}: {error:e}");
            }
        }
    }

    #[test]
    fn constants_have_the_published_bits() {
        assert_eq!(
            SINE.map(f32::to_bits),
            [0x363e_9dde, 0xb950_35dd, 0x3c08_88cd, 0xbe2a_aaab]
        );
        assert_eq!(
            COSINE[..3].iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            [0x37cc_730b, 0xbab6_036e, 0x3d2a_aa9e]
        );
    }
}
