//! `dropsonde sae`: training, evaluation and conversion of autoencoders.

pub(crate) mod convert;
pub(crate) mod encode;
pub(crate) mod eval;
mod fit;
mod latents;
mod live;
pub(crate) mod recovered;
pub(crate) mod sweep;
pub(crate) mod train;
