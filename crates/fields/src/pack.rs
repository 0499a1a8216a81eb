//! Packing of long records: coarser, fewer, rounded, in shards; and their climatology.

mod axis;
mod checksums;
mod climatology;
mod harmonics;
mod plan;
mod progress;
mod provenance;
mod record;
mod run;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{TargetGrid, Variable};
pub use checksums::verify_checksums;
pub use climatology::{ClimatologyConfig, ClimatologyPlan};
pub use plan::PackPlan;
pub use run::PackSummary;

/// What is kept of a record when it is packed, and how.
///
/// ```
/// use dropsonde_fields::{PackConfig, Variable};
///
/// let config = PackConfig {
///     grid: Some("1.0".parse()?),
///     keep_bits: [(Variable::TEMPERATURE, 10)].into(),
///     ..PackConfig::default()
/// };
/// assert_eq!(config.bits_of(&Variable::TEMPERATURE), 10);
/// assert_eq!(config.bits_of(&Variable::GEOPOTENTIAL), 23); // lossless
/// # Ok::<(), dropsonde_fields::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackConfig {
    /// The grid to average to; without it the grid of the sources.
    pub grid: Option<TargetGrid>,
    /// Pressure levels in hPa and their order; without it those of the sources.
    pub levels: Option<Vec<u32>>,
    /// Variables; without it all of the first source.
    pub variables: Option<Vec<Variable>>,
    /// Variables that change slowly: one plane a day, on an axis `day`. At a time holds the plane of the latest `day`
    /// not after it.
    pub daily: Vec<Variable>,
    /// Mantissa bits that are kept, by variable; see [`round_mantissa`](crate::round_mantissa).
    pub keep_bits: BTreeMap<Variable, u32>,
    /// Mantissa bits of variables that `keep_bits` does not name and that change with time; static ones keep all.
    pub default_keep_bits: u32,
    /// States in one shard (one file of an array); without it as many as half a GiB holds.
    pub shard_states: Option<usize>,
    /// Attributes of the store, in addition to those of the first source.
    pub attributes: Map<String, Value>,
}

impl Default for PackConfig {
    fn default() -> Self {
        Self {
            grid: None,
            levels: None,
            variables: None,
            daily: Vec::new(),
            keep_bits: BTreeMap::new(),
            default_keep_bits: crate::MANTISSA_BITS,
            shard_states: None,
            attributes: Map::new(),
        }
    }
}

impl PackConfig {
    /// Mantissa bits that are kept of a variable.
    pub fn bits_of(&self, variable: &Variable) -> u32 {
        let named = self.keep_bits.get(variable).copied();
        named.unwrap_or(match variable.is_static() {
            true => crate::MANTISSA_BITS,
            false => self.default_keep_bits,
        })
    }
}
