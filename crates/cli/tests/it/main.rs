//! The program as a user runs it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod errors;
mod events;
mod forecast;
mod graphcast;
mod pack;
mod sae;
mod sae_convert;
mod skill;
mod synthetic;
mod train;
