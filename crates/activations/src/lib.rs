//! The on-disk form of latents and codes: sharded Zarr, metadata, seeded shuffle.
//!
//! A latents store is a Zarr v3 group with one array `latents` `[record, node, channel]`, one shard per record,
//! and the coordinates `init_time`, `valid_time` and `lead_hours` `[record]`.
//! A code store holds `indices`, `values` `[record, node, k]`, `mean` and `norm` `[record, node]`.
//! Both are written to `<path>.part` and renamed when complete; an interrupted write is resumed record by record.
//!
//! ```
//! use dropsonde_activations::{ActivationReader, ActivationWriter, Dtype, LatentsMeta, Record};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("latents.zarr");
//! let mut meta = LatentsMeta::new("processor/08", 6, 4);
//! meta.dtype = Dtype::F32;
//! let mut writer = ActivationWriter::create(&path, meta, 1)?;
//! let rows: Vec<f32> = (0..24).map(|i| i as f32).collect();
//! writer.append(&Record::new(1_667_865_600, 6), &rows)?;
//! writer.finish()?;
//!
//! let reader = ActivationReader::open(&path)?;
//! assert_eq!(reader.read(0)?, rows);
//! # Ok(())
//! # }
//! ```

mod codes;
mod error;
mod halves;
mod meta;
mod npy;
mod partial;
mod reader;
mod rng;
mod rows;
mod shuffle;
mod within;
mod writer;
mod zarr;

pub use codes::{CodeRecord, CodeStore, CodeWriter};
pub use error::{Error, Result};
pub use meta::{CodeMeta, Dtype, LatentsMeta, Record};
pub use npy::{NpyDtype, NpyDump, NpyFile};
pub use reader::ActivationReader;
pub use rng::{Rng, RngState};
pub use rows::{Precision, Rows};
pub use shuffle::{Shuffle, ShuffleConfig, ShufflePosition};
pub use writer::ActivationWriter;
