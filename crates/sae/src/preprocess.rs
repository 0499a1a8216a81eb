//! What happens to rows before encoding.

use rayon::prelude::*;

use crate::kernels::{self, dispatch};
use crate::real::Real;
use crate::{Error, Preprocessing, Result, SaeConfig};

/// Below this norm a row counts as constant (the paper's clamp).
const MIN_NORM: f64 = 1e-6;
/// What SAELens adds to the standard deviation.
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Mean and norm of one row at one site.
pub(crate) type Frame<T> = (T, T);

#[inline(always)]
fn centre_body<T: Real>(x: &[T], out: &mut [T]) -> (T, T) {
    let mean = kernels::sum(x) / T::of(x.len() as f64);
    for (o, x) in out.iter_mut().zip(x) {
        *o = *x - mean;
    }
    (mean, kernels::dot(out, out))
}

dispatch! {
    /// `out = x - mean`; the mean and the squared norm.
    fn centre<T>(x: &[T], out: &mut [T]) -> (T, T) = centre_body
}

#[inline(always)]
fn divide_body<T: Real>(row: &mut [T], norm: T) {
    for x in row {
        *x /= norm;
    }
}

dispatch! {
    fn divide<T>(row: &mut [T], norm: T) = divide_body
}

fn one<T: Real>(how: Preprocessing, x: &[T], out: &mut [T]) -> Frame<T> {
    let (mean, norm) = match how {
        Preprocessing::CentreUnitNorm => {
            let (mean, power) = centre(x, out);
            let (raw, least) = (power.sqrt(), T::of(MIN_NORM));
            (mean, if raw < least { least } else { raw })
        }
        Preprocessing::LayerNorm => {
            let (mean, power) = centre(x, out);
            let freedom = T::of((x.len() as f64 - 1.0).max(1.0));
            (mean, (power / freedom).sqrt() + T::of(LAYER_NORM_EPSILON))
        }
        Preprocessing::Scale(scale) => {
            out.copy_from_slice(x);
            (T::ZERO, T::of(scale.into()))
        }
        Preprocessing::None => {
            out.copy_from_slice(x);
            (T::ZERO, T::ONE)
        }
    };
    if norm != T::ONE {
        divide(out, norm);
    }
    match out.iter().all(|x| x.is_finite()) {
        true => (mean, norm),
        false => (mean, T::of(f64::NAN)),
    }
}

/// Writes the preprocessed rows of `x` into `out`, both `[rows, d_in]`, and their frames, `[rows, n_sites]`.
///
/// # Errors
/// On a row that is not finite; `first_row` is added to its number.
pub(crate) fn rows<T: Real>(
    config: &SaeConfig,
    (x, first_row): (&[T], usize),
    out: &mut [T],
    frames: &mut [Frame<T>],
) -> Result<()> {
    let width = config.site_width();
    let sites = x.par_chunks(width).zip(out.par_chunks_mut(width));
    let bad = sites
        .zip(frames)
        .enumerate()
        .filter_map(|(i, ((x, out), frame))| {
            *frame = one(config.preprocessing, x, out);
            (!(frame.0.is_finite() && frame.1.is_finite())).then_some(i / config.n_sites)
        });
    match bad.min() {
        Some(row) => Err(Error::NotFinite {
            row: first_row + row,
        }),
        None => Ok(()),
    }
}

/// Writes target rows in the frames of the encoded rows into `out`, both `[rows, d_out]`: for transcoders.
///
/// # Errors
/// As [`rows`].
pub(crate) fn in_frames<T: Real>(
    d_out: usize,
    (x, first_row): (&[T], usize),
    out: &mut [T],
    frames: &[Frame<T>],
) -> Result<()> {
    let work = x.par_chunks(d_out).zip(out.par_chunks_mut(d_out));
    let bad = work
        .zip(frames)
        .enumerate()
        .filter_map(|(i, ((x, out), &(mean, norm)))| {
            for (o, x) in out.iter_mut().zip(x) {
                *o = (*x - mean) / norm;
            }
            out.iter().any(|x| !x.is_finite()).then_some(i)
        });
    match bad.min() {
        Some(row) => Err(Error::NotFinite {
            row: first_row + row,
        }),
        None => Ok(()),
    }
}
