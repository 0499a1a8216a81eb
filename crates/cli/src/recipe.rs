//! What a file may say about an autoencoder and its training.

use anyhow::ensure;
use dropsonde_sae::{Activation, Decay, Penalty, Precision, SaeConfig, Shape, TrainConfig};
use serde::{Deserialize, Serialize};

/// Kinds of autoencoders; their equations are in the documentation of `dropsonde-sae`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Variant {
    #[default]
    #[serde(rename = "topk")]
    TopK,
    #[serde(rename = "batch_topk")]
    BatchTopK,
    JumpRelu,
    Gated,
    Relu,
    /// TopK with nested dictionaries.
    Matryoshka,
    /// BatchTopK with nested dictionaries.
    BatchMatryoshka,
}

impl Variant {
    /// Its name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TopK => "topk",
            Self::BatchTopK => "batch_topk",
            Self::JumpRelu => "jump_relu",
            Self::Gated => "gated",
            Self::Relu => "relu",
            Self::Matryoshka => "matryoshka",
            Self::BatchMatryoshka => "batch_matryoshka",
        }
    }
}

/// Width of the window in which a threshold has a gradient; rows have unit norm, codes are about 0.1 to 0.5.
const BANDWIDTH: f64 = 0.02;

/// Shape and training of an autoencoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Which kind.
    #[serde(default)]
    pub(crate) variant: Variant,
    /// Size of the dictionary.
    pub(crate) n_latents: usize,
    /// Active latents per row: exactly, on average, or what the weight of a penalty aims at.
    pub(crate) k: usize,
    /// Dead latents per row that the auxiliary loss uses.
    pub(crate) k_aux: usize,
    /// Passes over the rows.
    pub(crate) epochs: u64,
    /// Most rows per batch.
    pub(crate) batch_size: usize,
    /// Adam's rate after the warm-up.
    pub(crate) learning_rate: f64,
    /// What the encoder's product is computed in, `f32` or `bf16`.
    #[serde(default)]
    pub(crate) precision: Precision,
}

impl Recipe {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.k <= self.n_latents,
            "`k` is {}, more than `n_latents` = {}",
            self.k,
            self.n_latents
        );
        ensure!(
            self.batch_size > 0,
            "`batch_size` is 0, it must be at least 1"
        );
        ensure!(self.epochs > 0, "`epochs` is 0, it must be at least 1");
        ensure!(
            self.learning_rate > 0.0,
            "`learning_rate` is {}, it must be positive",
            self.learning_rate
        );
        Ok(())
    }

    /// The autoencoder's shape for rows of this width.
    pub(crate) fn config(&self, d_in: usize) -> SaeConfig {
        let k = self.k;
        let top_k = SaeConfig {
            k_aux: self.k_aux,
            ..SaeConfig::new(d_in, self.n_latents, k)
        };
        match self.variant {
            Variant::TopK => top_k,
            Variant::BatchTopK => top_k.with_activation(Activation::BatchTopK { k }),
            Variant::JumpRelu => top_k.with_activation(Activation::JumpRelu {
                bandwidth: BANDWIDTH,
            }),
            Variant::Gated => top_k.with_activation(Activation::Gated),
            Variant::Relu => top_k.with_activation(Activation::Relu),
            Variant::Matryoshka => top_k.matryoshka(),
            Variant::BatchMatryoshka => top_k
                .with_activation(Activation::BatchTopK { k })
                .matryoshka(),
        }
    }

    /// The settings of a training of so many steps over epochs of so many rows: warm-up, then full rate, then a fall to 0 over
    /// the last fifth.
    pub(crate) fn training(&self, steps: u64, epoch_rows: u64) -> TrainConfig {
        TrainConfig {
            learning_rate: self.learning_rate,
            decay: Some(Decay {
                from_step: steps * 4 / 5,
                to_step: steps + 1,
                shape: Shape::Linear,
            }),
            warmup_steps: (steps / 20).min(50),
            precision: self.precision,
            penalty: Penalty {
                target_l0: Some(self.k as f64),
                ..Penalty::default()
            },
            ..TrainConfig::new(epoch_rows)
        }
    }
}
