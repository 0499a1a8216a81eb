//! Rounding to a number of mantissa bits, so that what is left compresses well.

use crate::{Error, Result};

/// Mantissa bits of an `f32`; keeping all of them changes nothing.
pub const MANTISSA_BITS: u32 = 23;

/// Rounds numbers to `keep` of their 23 mantissa bits, to the nearest and ties to even.
///
/// The relative error is at most `2^-(keep + 1)`. Infinities and NaN stay what they are; a finite number within half
/// a step of the largest one becomes infinite, as in any rounding to fewer digits.
/// Klöwer et al. 2021 (<https://doi.org/10.1038/s43588-021-00156-2>) say how many bits of a variable are information.
///
/// ```
/// let mut values = [101_325.0_f32, -0.1, f32::INFINITY];
/// dropsonde_fields::round_mantissa(&mut values, 7)?;
/// assert_eq!(values, [101_376.0, -0.100_097_656, f32::INFINITY]);
/// # Ok::<(), dropsonde_fields::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidParameter`] if `keep` is above [`MANTISSA_BITS`].
pub fn round_mantissa(values: &mut [f32], keep: u32) -> Result<()> {
    if keep > MANTISSA_BITS {
        return Err(Error::InvalidParameter {
            name: "keep_bits",
            expected: format!("mantissa bits of an f32, 0 to {MANTISSA_BITS}"),
            found: keep.to_string(),
        });
    }
    let dropped = MANTISSA_BITS - keep;
    if dropped > 0 {
        for value in values.iter_mut().filter(|value| value.is_finite()) {
            *value = rounded(*value, dropped);
        }
    }
    Ok(())
}

/// A finite number without its last `dropped` (1 to 23) mantissa bits.
fn rounded(value: f32, dropped: u32) -> f32 {
    let bits = value.to_bits();
    let is_odd = (bits >> dropped) & 1;
    // Half a step less the bit that a tie must not carry, more if the kept part is odd. A carry out of the mantissa
    // goes into the exponent, which is what the next power of two looks like; the sign cannot be reached.
    let nearest = bits + ((1 << (dropped - 1)) - 1) + is_odd;
    f32::from_bits(nearest & !((1 << dropped) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(value: f32, keep: u32) -> f32 {
        let mut values = [value];
        round_mantissa(&mut values, keep).unwrap();
        values[0]
    }

    #[test]
    fn ties_go_to_even() {
        // With two mantissa bits the numbers from 1 to 2 are 1, 1.25, 1.5, 1.75.
        for (value, expected) in [
            (1.125, 1.0),
            (1.375, 1.5),
            (1.126, 1.25),
            (1.874, 1.75),
            (1.875, 2.0),
            (-1.375, -1.5),
        ] {
            assert_eq!(round(value, 2), expected, "{value}");
        }
        assert_eq!(round(1.5, 0), 2.0);
        assert_eq!(round(1.25, 0), 1.0);
    }

    #[test]
    fn what_is_no_number_stays() {
        assert_eq!(round(f32::INFINITY, 3), f32::INFINITY);
        assert_eq!(round(f32::NEG_INFINITY, 3), f32::NEG_INFINITY);
        let nan = f32::from_bits(0x7f80_0001);
        assert_eq!(round(nan, 0).to_bits(), nan.to_bits());
        assert_eq!(round(-0.0, 5).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(round(f32::MAX, 7), f32::INFINITY);
        assert!(round_mantissa(&mut [1.0], 24).is_err());
    }

    proptest! {
        #[test]
        fn the_error_is_half_a_step(value in -1e30_f32..1e30, keep in 1_u32..=23) {
            prop_assume!(value.is_normal());
            let found = round(value, keep);
            let error = f64::from(found) / f64::from(value) - 1.0;
            prop_assert!(error.abs() <= 0.5_f64.powi(keep as i32 + 1));
            prop_assert_eq!(found.to_bits() & ((1 << (23 - keep)) - 1), 0);
            prop_assert_eq!(round(found, keep), found);
        }
    }
}
