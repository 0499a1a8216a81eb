//! The network against the reference, its files, and its training.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod checkpoint;
mod checkpoint_errors;
mod common;
mod configurations;
mod fused;
mod gradients;
mod parity;
mod precision;
mod training;
