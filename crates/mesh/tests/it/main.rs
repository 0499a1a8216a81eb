//! The mesh and the graph: mathematics, and agreement with the reference.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;
mod geometry;
mod grid;
mod interpolation;
mod reference;
