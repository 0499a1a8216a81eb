//! `dropsonde sae`: training, evaluation and conversion of autoencoders.

pub(crate) mod eval;
mod fit;
pub(crate) mod recovered;
pub(crate) mod sweep;
pub(crate) mod train;
