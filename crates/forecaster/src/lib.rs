//! The graph network: load weights, one step, rollout, training; offers named sites to taps.
//!
//! The forward pass is GraphCast's (Lam et al. 2023, <https://arxiv.org/abs/2212.12794>): grid to mesh, message passing on
//! the multi-mesh, mesh to grid. [`Forecaster`] exposes these phases on a [`Latents`] state, so that a caller can
//! stop, look, change and go on at any [`Site`]. A [`Tap`] does this inside one forward pass.
//!
//! Weights are read from and written to the public GraphCast `.npz` layout ([`Checkpoint`]).

mod autoregression;
mod checkpoint;
mod config;
mod engine;
mod error;
mod forecaster;
mod fused;
mod host;
mod memory;
mod mlp;
mod network;
mod normalize;
mod npz;
mod options;
mod parameters;
mod precision;
mod preset;
mod random;
mod rng;
mod rollout;
mod site;
mod structure;
mod summary;
mod tap;
pub mod train;

pub use checkpoint::Checkpoint;
pub use config::ModelConfig;
pub use error::{Error, Result};
pub use forecaster::Forecaster;
pub use memory::{GraphSize, MemoryEstimate};
pub use network::Latents;
pub use options::{ForecasterOptions, Kernel};
pub use parameters::{Parameters, parameter_shapes};
pub use precision::Precision;
pub use preset::Preset;
pub use rng::Rng;
pub use rollout::{Forcing, Rollout};
pub use site::Site;
pub use summary::{SiteSummary, Summary};
pub use tap::{NoTap, Tap};
