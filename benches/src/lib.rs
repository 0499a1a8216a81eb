//! Helpers shared by the benchmarks, and the named figures that `cargo xtask bench` collects.
//!
//! Every area has one file under `figures/` with a function `measure`, which times real work and returns [`Figure`]s.
//! What needs a process of its own (peak memory) is under [`child`].

pub mod baseline;
pub mod case;
pub mod child;
mod figure;
pub mod figures;
pub mod flops;
pub mod history;
pub mod memory;
pub mod naive;
mod timing;
pub mod training;

pub use figure::{Better, Figure, to_json};
pub use timing::{Timing, median, seconds_of};

/// What a measurement returns: its figures, or why it could not be made.
pub type Outcome = Result<Vec<Figure>, Box<dyn std::error::Error + Send + Sync>>;
