//! Training: one hand-written step with sparse gradients.

mod adam;
mod backward;
mod checkpoint;
mod config;
mod forward;
mod slots;
mod trainer;

pub use config::{AuxDecoder, Decay, TrainConfig};
pub use trainer::{Gradients, Losses, Trainer};
