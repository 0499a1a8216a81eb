//! Training: weighted squared error on normalised changes, AdamW, warm-up and cosine decay, gradient clipping,
//! autoregressive fine-tuning, exact resumption.
//!
//! The loss is GraphCast's (`losses.py`): per variable the mean over levels, latitudes and longitudes of the squared
//! normalised error, weighted by area and pressure level, summed over variables with their weights.

mod adamw;
mod config;
mod dataset;
mod fused;
mod loss;
mod skill;
mod state;
mod trainer;

pub use config::{Phase, TrainConfig};
pub use dataset::Dataset;
pub use loss::LossParts;
pub use skill::{ChannelSkill, skill};
pub use trainer::{StepReport, Trainer};
