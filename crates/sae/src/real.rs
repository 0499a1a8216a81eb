//! The numbers that the training step is written for.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::encoder::Encode;
use crate::train::dense::{DenseSecond, Never, Products};

/// f32, in which autoencoders are trained, and f64, in which the same code is checked against finite differences.
pub(crate) trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    const ZERO: Self;
    const ONE: Self;
    /// How this type multiplies rows with the encoder.
    type Encoder: Encode<Self>;
    /// How it makes an auxiliary reconstruction of many latents.
    type Dense: DenseSecond<Self>;

    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
    fn sqrt(self) -> Self;
    fn exp(self) -> Self;
    fn abs(self) -> Self;
    fn is_finite(self) -> bool;
    /// A positive number and an index in one integer: the larger number first, then the lower index.
    type Key: Copy + Ord + Send + Sync;
    fn key(self, index: u32) -> Self::Key;
    /// The number and the index of a key.
    fn of_key(key: Self::Key) -> (Self, u32);
}

macro_rules! real {
    ($float:ty, $encoder:ty, $dense:ty, $bits:ty, $key:ty) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            type Encoder = $encoder;
            type Dense = $dense;
            type Key = $key;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as Self
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$float>::sqrt(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                <$float>::exp(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$float>::abs(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }
            // Positive floats order like their bits; a lower index gives a larger key.
            #[inline(always)]
            fn key(self, index: u32) -> Self::Key {
                (<$key>::from(self.to_bits()) << 32) | <$key>::from(!index)
            }
            #[inline(always)]
            fn of_key(key: Self::Key) -> (Self, u32) {
                (Self::from_bits((key >> 32) as $bits), !(key as u32))
            }
        }
    };
}

real!(f32, crate::encoder::Blocked, Products, u32, u64);
real!(f64, crate::encoder::Plain, Never, u64, u128);
