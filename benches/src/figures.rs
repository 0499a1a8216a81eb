//! The areas of `cargo xtask bench --only AREA`, one file each.

pub mod capture;
pub mod forecast;
pub mod gemm;
pub mod mesh;
pub mod sae;

use crate::Outcome;

/// What measures one area.
pub type Measure = fn() -> Outcome;

/// The area names with their measurements, in the order in which they run.
pub const AREAS: &[(&str, Measure)] = &[
    ("mesh", mesh::measure),
    ("gemm", gemm::measure),
    ("forecast", forecast::measure),
    ("sae", sae::measure),
    ("capture", capture::measure),
];
