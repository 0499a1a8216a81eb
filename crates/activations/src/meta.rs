//! What a store says about itself.

use serde::{Deserialize, Serialize};

/// How floating-point values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats (not bfloat16, which Zarr has no type for).
    #[default]
    F16,
}

/// Everything needed to use a store of latents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentsMeta {
    /// The place in the network, as text, for example `processor/08`.
    pub site: String,
    /// The nodes that the rows belong to, for example `mesh_nodes`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_set: String,
    /// Rows per record.
    pub n_nodes: usize,
    /// Channels per row.
    pub width: usize,
    /// Number format on disk.
    pub dtype: Dtype,
    /// The kernel that computed the latents, `plain` or `fused`.
    pub kernel: String,
    /// SHA-256 of the weights of the network.
    pub weights_sha256: String,
    /// SHA-256 of the positions of the nodes, so that two stores on different meshes are not taken for one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub grid_sha256: String,
    /// The data the forecasts started from.
    pub source: String,
    /// The seed of the run.
    pub seed: u64,
    /// The version of the program that wrote the store.
    pub version: String,
    /// Anything else worth keeping, for example the run's configuration.
    pub extra: serde_json::Value,
}

impl LatentsMeta {
    /// Metadata with only the shape and site filled in; f16, this crate's version, the rest empty.
    pub fn new(site: impl Into<String>, n_nodes: usize, width: usize) -> Self {
        Self {
            site: site.into(),
            node_set: String::new(),
            n_nodes,
            width,
            dtype: Dtype::default(),
            kernel: String::new(),
            weights_sha256: String::new(),
            grid_sha256: String::new(),
            source: String::new(),
            seed: 0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extra: serde_json::Value::Null,
        }
    }
}

/// Everything needed to use a store of codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeMeta {
    /// The place in the network, as text.
    pub site: String,
    /// The nodes that the rows belong to, for example `mesh_nodes`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_set: String,
    /// Rows per record.
    pub n_nodes: usize,
    /// Size of the dictionary; indices are u16 up to 65,536 and u32 beyond.
    pub n_latents: usize,
    /// Codes per row.
    pub k: usize,
    /// Number format of `values`; `mean` and `norm` are always f32.
    ///
    /// f16 keeps 11 significant bits from 6.1e-5 to 65504. Larger values are refused. Smaller ones lose bits, and
    /// below 3e-8 a value becomes 0, so that its slot is unused: of a row of norm 1 nothing that matters.
    pub dtype: Dtype,
    /// Hash of the SAE that made the codes.
    pub sae_sha256: String,
    /// SHA-256 of the weights of the network.
    pub weights_sha256: String,
    /// SHA-256 of the positions of the nodes, so that two stores on different meshes are not taken for one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub grid_sha256: String,
    /// The data the forecasts started from.
    pub source: String,
    /// The version of the program that wrote the store.
    pub version: String,
    /// Anything else worth keeping.
    pub extra: serde_json::Value,
}

impl CodeMeta {
    /// Metadata with only the shape and site filled in; f16 values, this crate's version, the rest empty.
    pub fn new(site: impl Into<String>, n_nodes: usize, n_latents: usize, k: usize) -> Self {
        Self {
            site: site.into(),
            node_set: String::new(),
            n_nodes,
            n_latents,
            k,
            dtype: Dtype::F16,
            sae_sha256: String::new(),
            weights_sha256: String::new(),
            grid_sha256: String::new(),
            source: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extra: serde_json::Value::Null,
        }
    }
}

/// Which forecast step one record holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Start of the forecast, seconds since 1970-01-01 UTC.
    pub init_time: i64,
    /// Lead time in hours of the newer state that the step starts from (0: the step from the initial state).
    pub lead_hours: i32,
    /// `train`, `test`, ... where the run distinguishes them.
    pub split: Option<String>,
}

impl Record {
    /// A record without a split.
    pub fn new(init_time: i64, lead_hours: i32) -> Self {
        Self {
            init_time,
            lead_hours,
            split: None,
        }
    }

    /// Start plus lead, seconds since 1970-01-01 UTC.
    pub fn valid_time(&self) -> i64 {
        self.init_time
            .saturating_add(i64::from(self.lead_hours) * 3600)
    }
}
