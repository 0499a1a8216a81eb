//! Per-row centring and unit norm.

use rayon::prelude::*;

use crate::kernels::{self, dispatch};
use crate::{Error, Preprocessing, Result};

/// Below this norm a row counts as constant (the paper's clamp).
const MIN_NORM: f32 = 1e-6;

#[inline(always)]
fn centre_unit_norm(x: &[f32], out: &mut [f32]) -> (f32, f32) {
    let mean = kernels::sum(x) / x.len() as f32;
    for (o, x) in out.iter_mut().zip(x) {
        *o = x - mean;
    }
    let raw = kernels::dot(out, out).sqrt();
    let norm = if raw < MIN_NORM { MIN_NORM } else { raw };
    for o in out {
        *o /= norm;
    }
    (mean, norm)
}

dispatch! {
    fn row(x: &[f32], out: &mut [f32]) -> (f32, f32) = centre_unit_norm
}

/// Writes the preprocessed rows of `x` into `out`, both `[rows, d]`, and their mean and norm; `first_row` is for errors.
pub(crate) fn rows(
    how: Preprocessing,
    (x, d, first_row): (&[f32], usize, usize),
    out: &mut [f32],
    (mean, norm): (&mut [f32], &mut [f32]),
) -> Result<()> {
    let one = |x: &[f32], out: &mut [f32]| match how {
        Preprocessing::CentreUnitNorm => row(x, out),
        Preprocessing::None => {
            out.copy_from_slice(x);
            (
                0.0,
                if x.iter().all(|v| v.is_finite()) {
                    1.0
                } else {
                    f32::NAN
                },
            )
        }
    };
    let rows = out.par_chunks_mut(d).zip(x.par_chunks(d));
    let context = mean.par_iter_mut().zip(norm.par_iter_mut());
    let bad = rows
        .zip(context)
        .enumerate()
        .filter_map(|(i, ((out, x), (mean, norm)))| {
            (*mean, *norm) = one(x, out);
            (!norm.is_finite() || !mean.is_finite()).then_some(i)
        });
    match bad.min() {
        Some(i) => Err(Error::NotFinite { row: first_row + i }),
        None => Ok(()),
    }
}
