//! Scores by themselves, and a whole study of planted features.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;
mod planted;
mod scores;
