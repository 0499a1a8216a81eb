use std::fmt;
use std::str::FromStr;

use tch::Device;

use crate::{Error, Precision, Result};

/// Which implementation of the network runs; part of every artefact, because last digits depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Kernel {
    /// libtorch operations, one after another: any device, any [`Precision`], differentiable.
    #[default]
    Plain,
    /// Our own kernels, block by block: CPU, f32 or bf16, without gradients. Several times faster, and in a fraction of
    /// the memory. The same bits for any number of threads.
    Fused,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Fused];

    /// The fastest that a device and a precision have.
    pub fn best(device: Device, precision: Precision) -> Self {
        match (device, precision) {
            (Device::Cpu, Precision::F32 | Precision::Bf16) => Self::Fused,
            _ => Self::Plain,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => f.write_str("plain"),
            Self::Fused => f.write_str("fused"),
        }
    }
}

impl FromStr for Kernel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|k| k.to_string() == name);
        known.ok_or_else(|| {
            Error::Config(format!(
                "unknown kernel `{name}`\nhint: choose `plain` or `fused`"
            ))
        })
    }
}

/// Where and how a [`Forecaster`](crate::Forecaster) computes; fixed when it is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecasterOptions {
    /// Device of all tensors.
    pub device: Device,
    /// In which numbers.
    pub precision: Precision,
    /// Implementation of the network.
    pub kernel: Kernel,
}

impl Default for ForecasterOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            precision: Precision::F32,
            kernel: Kernel::Plain,
        }
    }
}
