use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::Kind;

use crate::{Error, Result};

/// In which numbers a forecaster computes; fixed when it is made.
///
/// Normalisation, the physical state and everything that a [`Tap`](crate::Tap) sees are in [`Precision::stream`],
/// never in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision throughout, as the published f32 model.
    #[default]
    F32,
    /// Matrix products with bf16 operands and f32 accumulation; sums, swish, layer normalisation and latents in f32.
    ///
    /// Closer to f32 than the published bf16 model, which also keeps its latents in bf16. With
    /// [`Kernel::Fused`](crate::Kernel::Fused) on a CPU with bf16 instructions nearly twice as fast as f32; with
    /// [`Kernel::Plain`](crate::Kernel::Plain) a CPU rounds the operands and then multiplies in f32, which gives the same
    /// numbers but takes longer than f32 alone. The fused kernel also trains in it.
    Bf16,
    /// Double precision throughout, for gradient tests and as a yardstick of rounding.
    F64,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F64];

    /// Element type of states, features, latents and outputs.
    pub fn stream(self) -> Kind {
        match self {
            Self::F32 | Self::Bf16 => Kind::Float,
            Self::F64 => Kind::Double,
        }
    }

    /// Element type of the operands of matrix products.
    pub fn product(self) -> Kind {
        match self {
            Self::Bf16 => Kind::BFloat16,
            other => other.stream(),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F64 => "f64",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|p| p.to_string() == name);
        known.ok_or_else(|| {
            Error::Config(format!(
                "unknown precision `{name}`\nhint: choose `f32`, `bf16` or `f64`"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for precision in Precision::ALL {
            assert_eq!(
                precision.to_string().parse::<Precision>().unwrap(),
                precision
            );
        }
        let error = "f16".parse::<Precision>().unwrap_err().to_string();
        assert!(
            error.contains("`f16`") && error.contains("`bf16`"),
            "{error}"
        );
    }
}
