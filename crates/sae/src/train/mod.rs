//! Training.

mod adam;
mod backward;
mod checkpoint;
mod config;
pub(crate) mod dense;
mod device;
mod errors;
mod gradients;
mod network;
mod select;
mod slots;
mod step;
mod trainer;

pub use config::{AuxDecoder, Decay, Penalty, Precision, Shape, TrainConfig};
pub use device::DeviceTrainer;
pub use gradients::Gradients;
pub(crate) use network::Network;
pub use trainer::{Losses, Trainer};
