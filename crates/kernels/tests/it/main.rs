//! Kernels against f64 loops, on every set of instructions that this processor has.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::needless_range_loop,
    reason = "formulas are read by their indices"
)]

mod activation;
mod common;
mod gradient;
mod normalization;
mod panics;
mod product;
mod transfer;
