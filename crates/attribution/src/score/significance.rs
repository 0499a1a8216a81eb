//! Which of many features are more than chance.

/// For each p-value whether it is a discovery at the given false discovery rate.
///
/// # Source
/// Benjamini & Hochberg 1995, <https://doi.org/10.1111/j.2517-6161.1995.tb02031.x>.
pub fn benjamini_hochberg(p_values: &[f64], rate: f64) -> Vec<bool> {
    let n = p_values.len() as f64;
    let mut sorted: Vec<f64> = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let threshold = sorted
        .iter()
        .enumerate()
        .filter(|(i, p)| **p <= (i + 1) as f64 / n * rate)
        .map(|(_, p)| *p)
        .next_back();
    p_values
        .iter()
        .map(|p| threshold.is_some_and(|t| *p <= t))
        .collect()
}

/// Probability that Student's t with `freedom` degrees of freedom exceeds `t`.
///
/// # Source
/// DLMF 8.17, <https://dlmf.nist.gov/8.17>: half the regularised incomplete beta function
/// `I_x(freedom / 2, 1 / 2)` at `x = freedom / (freedom + t^2)`.
pub fn student_t_upper_tail(t: f64, freedom: f64) -> f64 {
    if t.is_nan() {
        return 1.0;
    }
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let half = 0.5 * incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    if t >= 0.0 { half } else { 1.0 - half }
}

/// The regularised incomplete beta function.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return f64::from(u8::from(x >= 1.0));
    }
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * beta_fraction(x, a, b) / a
    } else {
        1.0 - log_front.exp() * beta_fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction of DLMF 8.17.22 by the modified Lentz method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            value *= c * d;
        }
        if (value - before).abs() <= 1e-15 * value.abs() {
            break;
        }
    }
    value
}

/// Logarithm of the gamma function for positive arguments: Stirling's series after shifting upwards.
fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut z = x;
    while z < 15.0 {
        shift += z.ln();
        z += 1.0;
    }
    let series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z.powi(3)) + 1.0 / (1260.0 * z.powi(5));
    (z - 0.5) * z.ln() - z + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_tails_have_their_closed_forms() {
        for t in [-3.0, -0.5, 0.0, 0.7, 2.0, 12.0_f64] {
            let cauchy = 0.5 - t.atan() / std::f64::consts::PI;
            assert!((student_t_upper_tail(t, 1.0) - cauchy).abs() < 1e-12, "{t}");
            let two = 0.5 - t / (2.0 * (2.0 + t * t).sqrt());
            assert!((student_t_upper_tail(t, 2.0) - two).abs() < 1e-12, "{t}");
        }
        // Table value: the 97.5 % point for 10 degrees of freedom.
        assert!((student_t_upper_tail(2.228_138_852, 10.0) - 0.025).abs() < 1e-9);
        assert_eq!(student_t_upper_tail(f64::INFINITY, 5.0), 0.0);
    }

    #[test]
    fn ln_gamma_of_integers_is_the_factorial() {
        let mut factorial = 1.0_f64;
        for n in 1..12 {
            assert!((ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-11);
            factorial *= f64::from(n);
        }
    }

    #[test]
    fn discoveries_of_the_original_paper() {
        // The 15 p-values of Benjamini & Hochberg 1995, section 3.2: four discoveries at 5 %.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let found = benjamini_hochberg(&p, 0.05);
        assert_eq!(found.iter().filter(|d| **d).count(), 4);
        assert!(found[..4].iter().all(|d| *d));
        assert!(benjamini_hochberg(&[], 0.05).is_empty());
    }
}
