//! f32 to f16 and back, with the check that f16 can hold the value.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use rayon::prelude::*;

use crate::{Error, Result};

const BLOCK: usize = 1 << 14;

/// Converts `values` (rounding to nearest even); a NaN or an overflow is an error naming `array`.
pub(crate) fn to_f16(values: &[f32], array: &'static str) -> Result<Vec<f16>> {
    let mut out = vec![f16::ZERO; values.len()];
    let bad = out
        .par_chunks_mut(BLOCK)
        .zip(values.par_chunks(BLOCK))
        .enumerate()
        .filter_map(|(block, (out, values))| {
            out.convert_from_f32_slice(values);
            let at = out.iter().position(|v| !v.is_finite())?;
            Some(block * BLOCK + at)
        })
        .min();
    match bad {
        None => Ok(out),
        Some(element) => Err(Error::NotRepresentable {
            array,
            value: values[element],
            element,
        }),
    }
}

/// Widens `values` into `out` of the same length.
pub(crate) fn to_f32(values: &[f16], out: &mut [f32]) {
    values.convert_to_f32_slice(out);
}
