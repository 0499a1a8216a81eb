//! Storms on a latitude-longitude grid: find, measure, follow.

mod config;
mod disc;
mod finder;
mod follower;
mod measure;
mod quadratic;
#[cfg(test)]
pub(crate) mod vortex;

pub use config::StormConfig;
pub use finder::{Minimum, StormFinder};
pub use follower::Follower;
pub use measure::Storm;
