//! All taps (record, edit, splice, leaf), capture runs, streaming SAE training, forecast loss recovered.
//!
//! A tap sees mesh-node latents `[M, B, D]` at a [`Site`](dropsonde_forecaster::Site) inside a forward pass.
//! Taps do no I/O: a [`Recorder`] keeps handles, the caller writes them.
//! Edits act on node latents only; edge latents and the grid latents that skip from encoder to decoder go on unchanged.

mod edit;
mod error;
mod leaf;
mod push;
mod recorder;
mod recovered;
mod rows;
mod run;
mod splice;
mod stream;

pub use edit::{EditRecord, EditTap};
pub use error::{Error, Result};
pub use leaf::Leaf;
pub use push::PushTap;
pub use recorder::Recorder;
pub use recovered::{LossRecovered, RecoveredChannel};
pub use run::{CapturePlan, capture, latents_from};
pub use splice::{Replace, Splice, SpliceTap};
pub use stream::{LatentStream, StreamConfig};
