//! Taps and capture runs on a small random forecaster.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;
mod recovered;
mod run;
mod stream;
mod taps;
