//! Helpers shared by the benchmarks, and the named figures that `cargo xtask bench` collects.
//!
//! Every area has one file under `figures/` with a function `measure`, which times real work and returns [`Figure`]s.

mod figure;
pub mod figures;
mod timing;

pub use figure::{Better, Figure, to_json};
pub use timing::{Timing, seconds_of};

/// What a measurement returns: its figures, or why it could not be made.
pub type Outcome = Result<Vec<Figure>, Box<dyn std::error::Error + Send + Sync>>;
