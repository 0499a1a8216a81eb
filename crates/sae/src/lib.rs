//! Sparse autoencoders: models, training step, metrics, the algebra of code edits, checkpoints and their conversion.
//!
//! [`SaeConfig::paper`] is the TopK autoencoder of MacMillan & Ouellette 2025 (arXiv 2512.24440); [`Activation`], [`Bias`] and
//! [`SaeConfig`] have the other kinds. With `x` one row of latents, `mean` and `norm` what [`Preprocessing`] takes out of it:
//!
//! ```text
//! u    = (x - mean) / norm
//! z    = top_k(relu(W_enc (u - b_dec)))        the codes, k per row
//! u'   = W_dec^T z + b_dec                     rows of W_dec have unit norm
//! x'   = mean + norm * u'
//! ```
//!
//! ```
//! use dropsonde_sae::{CodeEdit, EditOp, Sae, SaeConfig};
//! use tch::{Kind, Tensor};
//!
//! # fn main() -> Result<(), dropsonde_sae::Error> {
//! let sae = Sae::random(SaeConfig::new(8, 32, 4), 1)?;
//! let x = Tensor::arange(24, (Kind::Float, tch::Device::Cpu)).reshape([3, 8]).sin();
//! let (codes, context) = sae.encode(&x)?;
//! let edit = CodeEdit::new(vec![codes.indices[0]], EditOp::Scale { strength: -1.0 });
//! let delta = sae.decode_delta(&edit.delta(&codes, None), &context)?;
//! let edited = &x + delta;                     // the feature is ablated, the rest of `x` stays
//! assert_eq!(edited.size(), [3, 8]);
//! # Ok(())
//! # }
//! ```

mod card;
mod codes;
mod config;
mod dictionary;
mod edit;
mod encode;
mod encoder;
mod error;
pub mod interchange;
mod io;
mod kernels;
mod matrix;
mod metrics;
mod model;
mod pca;
mod preprocess;
mod probe;
mod real;
mod topk;
mod train;

pub use codes::{Codes, RowContext};
pub use config::{Activation, Bias, Preprocessing, SaeConfig, SaeMeta};
pub use dictionary::Matches;
pub use edit::{CodeEdit, EditOp, Rescale};
pub use error::{Error, Result};
pub use metrics::Metrics;
pub use model::Sae;
pub use pca::{Covariance, Pca};
pub use probe::{Absorption, Logistic, SparseProbe};
pub use train::{
    AuxDecoder, Decay, DeviceTrainer, Gradients, Losses, Penalty, Precision, Shape, TrainConfig,
    Trainer,
};
