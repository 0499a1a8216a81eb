//! What the fuzz targets share: a limit on memory, good files to begin with, and directories of which one file is
//! damaged.

mod limit;
mod models;
mod npz;
mod scratch;
mod seed;
mod store;

pub use models::{checkpoint, codes, latents, statistics, task, training};
pub use npz::{Member, members, npz};
pub use scratch::{ScratchFile, copy, fixture, scratch};
pub use seed::seed;
pub use store::DamagedStore;
