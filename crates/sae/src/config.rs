//! The shape of a sparse autoencoder and where it comes from.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What happens to a row before encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preprocessing {
    /// Each row is centred over its channels and divided by `max(norm, 1e-6)` (the paper).
    #[default]
    CentreUnitNorm,
    /// Rows are taken as they are (mean 0 and norm 1 in the [`RowContext`](crate::RowContext)).
    None,
}

/// The shape of a sparse autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaeConfig {
    /// Channels of the latents.
    pub d_in: usize,
    /// Size of the dictionary.
    pub n_latents: usize,
    /// Active latents per row.
    pub k: usize,
    /// Dead latents per row that the auxiliary loss uses.
    pub k_aux: usize,
    /// What happens to a row before encoding.
    pub preprocessing: Preprocessing,
}

impl SaeConfig {
    /// `k_aux` = `d_in`, centred unit-norm rows.
    pub fn new(d_in: usize, n_latents: usize, k: usize) -> Self {
        Self {
            d_in,
            n_latents,
            k,
            k_aux: d_in,
            preprocessing: Preprocessing::default(),
        }
    }

    /// The published SAE: 512 channels, 4096 latents, 32 active, 512 auxiliary.
    ///
    /// # Source
    /// <https://github.com/theodoremacmillan/graphcast-interpretability>, the demonstration notebook.
    pub fn paper() -> Self {
        Self::new(512, 4096, 32)
    }

    /// Refuses sizes that cannot work.
    ///
    /// # Errors
    /// When a size is 0, or `k` is larger than the dictionary.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("d_in", self.d_in),
            ("n_latents", self.n_latents),
            ("k", self.k),
        ];
        for (key, value) in sizes {
            if value == 0 || value > i32::MAX as usize {
                return Err(Error::Config {
                    key,
                    found: value.to_string(),
                    expected: "at least 1".into(),
                });
            }
        }
        if self.k > self.n_latents {
            let expected = format!("at most `n_latents` = {}", self.n_latents);
            return Err(Error::Config {
                key: "k",
                found: self.k.to_string(),
                expected,
            });
        }
        Ok(())
    }
}

/// Where an autoencoder comes from; kept with its weights so that nothing is guessed when it is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaeMeta {
    /// The place in the network, as text, for example `processor/08`.
    pub site: String,
    /// Number format of the latents it was trained on, `f16` or `f32`.
    pub dtype: String,
    /// The kernel that computed the latents, `plain` or `fused`.
    pub kernel: String,
    /// SHA-256 of the weights of the network.
    pub weights_sha256: String,
    /// The data the latents came from.
    pub source: String,
    /// The seed of the training.
    pub seed: u64,
    /// The version of the program that made it.
    pub version: String,
    /// Anything else worth keeping, for example the training configuration.
    pub extra: serde_json::Value,
}
