//! The data types that fields have, and their numbers as `f64`.

use half::{bf16, f16};
use ndarray::ArrayD;
use zarrs::array::{Array, ArrayError, DataType, FillValue, data_type};
use zarrs::storage::ReadableStorageTraits;

pub(super) type DynArray = Array<dyn ReadableStorageTraits>;

/// A numeric data type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F16,
    BF16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

/// Runs an expression with a type name bound to the Rust type of a number.
macro_rules! with_type {
    ($number:expr, $type:ident => $body:expr) => {
        match $number {
            Number::F16 => {
                type $type = f16;
                $body
            }
            Number::BF16 => {
                type $type = bf16;
                $body
            }
            Number::F32 => {
                type $type = f32;
                $body
            }
            Number::F64 => {
                type $type = f64;
                $body
            }
            Number::I8 => {
                type $type = i8;
                $body
            }
            Number::I16 => {
                type $type = i16;
                $body
            }
            Number::I32 => {
                type $type = i32;
                $body
            }
            Number::I64 => {
                type $type = i64;
                $body
            }
            Number::U8 => {
                type $type = u8;
                $body
            }
            Number::U16 => {
                type $type = u16;
                $body
            }
            Number::U32 => {
                type $type = u32;
                $body
            }
            Number::U64 => {
                type $type = u64;
                $body
            }
        }
    };
}

/// Numbers that become `f64`, exactly up to 53 bits.
trait ToF64: Copy {
    fn to_f64(self) -> f64;
}

macro_rules! to_f64 {
    ($($type:ty: |$x:ident| $body:expr;)*) => {
        $(impl ToF64 for $type {
            fn to_f64(self) -> f64 {
                let $x = self;
                $body
            }
        })*
    };
}

to_f64! {
    f16: |x| x.to_f64();
    bf16: |x| x.to_f64();
    f32: |x| f64::from(x);
    f64: |x| x;
    i8: |x| f64::from(x);
    i16: |x| f64::from(x);
    i32: |x| f64::from(x);
    i64: |x| x as f64;
    u8: |x| f64::from(x);
    u16: |x| f64::from(x);
    u32: |x| f64::from(x);
    u64: |x| x as f64;
}

impl Number {
    /// The number of a data type, or `None` for texts and the like.
    pub(super) fn of(found: &DataType) -> Option<Self> {
        let known = [
            (data_type::float16(), Self::F16),
            (data_type::bfloat16(), Self::BF16),
            (data_type::float32(), Self::F32),
            (data_type::float64(), Self::F64),
            (data_type::int8(), Self::I8),
            (data_type::int16(), Self::I16),
            (data_type::int32(), Self::I32),
            (data_type::int64(), Self::I64),
            (data_type::uint8(), Self::U8),
            (data_type::uint16(), Self::U16),
            (data_type::uint32(), Self::U32),
            (data_type::uint64(), Self::U64),
        ];
        let position = known.iter().find(|(data_type, _)| data_type == found);
        position.map(|(_, number)| *number)
    }

    /// Bytes of one number.
    pub(super) fn size(self) -> u64 {
        with_type!(self, T => size_of::<T>() as u64)
    }

    /// Whether numbers may have fractions.
    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// The fill value of an array, NaN if it has the wrong length.
    pub(super) fn fill(self, fill: &FillValue) -> f64 {
        let bytes = fill.as_ne_bytes();
        with_type!(self, T => bytes.try_into().map_or(f64::NAN, |bytes| T::from_ne_bytes(bytes).to_f64()))
    }

    /// Decodes one chunk and converts its numbers, or `None` if it is not in the store.
    pub(super) fn decode<O: Clone + 'static>(
        self,
        array: &DynArray,
        chunk: &[u64],
        convert: impl Fn(f64) -> O,
    ) -> Result<Option<ArrayD<O>>, ArrayError> {
        with_type!(self, T => {
            let data = array.retrieve_chunk_if_exists::<ArrayD<T>>(chunk)?;
            Ok(data.map(|data| data.mapv(|x| convert(x.to_f64()))))
        })
    }
}
