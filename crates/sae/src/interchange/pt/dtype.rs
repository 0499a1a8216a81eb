//! Number formats of storages.

use half::{bf16, f16};

/// The number format of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    U8,
    Bool,
}

/// Values of one kind, widened: integers to `i64`, floats to `f32` (an f64 is rounded).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Float(Vec<f32>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

impl Dtype {
    /// The format of a storage class of `torch`.
    pub(super) fn of_class(name: &str) -> Option<Self> {
        Some(match name {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "LongStorage" => Self::I64,
            "IntStorage" => Self::I32,
            "ByteStorage" => Self::U8,
            "BoolStorage" => Self::Bool,
            _ => return None,
        })
    }

    /// Bytes of one value.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::U8 | Self::Bool => 1,
        }
    }

    /// The values at `positions` of little-endian `bytes`; positions behind the end give nothing.
    pub(crate) fn gather(self, bytes: &[u8], positions: &[usize]) -> Values {
        match self {
            Self::F64 => Values::Float(pick(bytes, positions, |b| f64::from_le_bytes(b) as f32)),
            Self::F32 => Values::Float(pick(bytes, positions, f32::from_le_bytes)),
            Self::F16 => Values::Float(pick(bytes, positions, |b| f16::from_le_bytes(b).to_f32())),
            Self::Bf16 => {
                Values::Float(pick(bytes, positions, |b| bf16::from_le_bytes(b).to_f32()))
            }
            Self::I64 => Values::Int(pick(bytes, positions, i64::from_le_bytes)),
            Self::I32 => Values::Int(pick(bytes, positions, |b| i32::from_le_bytes(b).into())),
            Self::U8 => Values::Int(pick(bytes, positions, |[b]: [u8; 1]| b.into())),
            Self::Bool => Values::Bool(pick(bytes, positions, |[b]: [u8; 1]| b != 0)),
        }
    }
}

fn pick<const N: usize, T>(
    bytes: &[u8],
    positions: &[usize],
    value: impl Fn([u8; N]) -> T,
) -> Vec<T> {
    let (words, _) = bytes.as_chunks::<N>();
    positions
        .iter()
        .filter_map(|&at| words.get(at).map(|word| value(*word)))
        .collect()
}
