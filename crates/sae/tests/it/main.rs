//! Autoencoders against the authors' model, on disk, and in training.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;
mod goldens;
mod interchange;
mod model;
mod recovery;
mod training;
