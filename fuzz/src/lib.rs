//! What the fuzz targets share: a limit on memory, good files to begin with, and directories of which one file is
//! damaged.

pub mod grib;
mod limit;
mod models;
mod npz;
mod prepare;
mod scratch;
mod store;
mod weather;

pub use models::{checkpoint, codes, latents, statistics, task, training};
pub use npz::{Member, members, members_of, npz};
pub use prepare::prepare;
pub use scratch::{ScratchFile, copy, fixture, scratch};
pub use store::DamagedStore;
pub use weather::read_first;
