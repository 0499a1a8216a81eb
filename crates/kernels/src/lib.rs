//! CPU kernels of graph networks, for blocks of rows that stay in a core's cache.
//!
//! A [`Block`] holds rows of f32, an [`Operand`] the left side of a product, a [`Packed`] matrix the weights. [`product`]
//! multiplies them; [`Block::activate`], [`Block::normalize`], [`Block::scatter_add`] and [`Block::write`] are what
//! happens between products, one pass each. Rows are gathered from and scattered to plain slices, so that a whole MLP with
//! its messages and sums runs on a block before the next one is touched. [`MatrixGradient`] and the `*_gradient` methods
//! are the way back.
//!
//! Every kernel is written once and compiled for AVX-512 (with and without bf16), AVX2, NEON and a portable baseline;
//! [`Cpu`] chooses at run time. Nothing here starts a thread: callers share out blocks, and since a row's result depends
//! on that row alone, the bits do not depend on how.

mod block;
mod buffer;
mod dispatch;
mod element;
mod gradient;
mod packed;
mod product;
mod rows;
mod simd;
mod swish;
mod tile;

pub use block::{Block, Operand};
pub use dispatch::{Cpu, Operands};
pub use gradient::MatrixGradient;
pub use packed::Packed;
pub use product::{Start, product};

/// Runs the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
