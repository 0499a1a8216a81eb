//! Writing latents.

use std::path::{Path, PathBuf};

use crate::partial::PartialStore;
use crate::zarr::{self, ArraySpec};
use crate::{Dtype, Error, LatentsMeta, Record, Result, halves};

pub(crate) const KIND: &str = "latents";
const ARRAY: &str = "latents";
const DIMS: [&str; 3] = ["record", "node", "channel"];

/// Writes one record of latents after another; nothing exists at `path` before [`finish`](Self::finish).
pub struct ActivationWriter {
    meta: LatentsMeta,
    store: PartialStore,
}

fn check(meta: &LatentsMeta) -> Result<()> {
    let positive = |key, value: usize| match value {
        0 => Err(Error::Config {
            key,
            found: "0".into(),
            expected: "at least 1".into(),
        }),
        _ => Ok(()),
    };
    positive("n_nodes", meta.n_nodes)?;
    positive("width", meta.width)
}

pub(crate) fn layout(path: &Path, meta: &LatentsMeta) -> Result<(serde_json::Value, ArraySpec)> {
    check(meta)?;
    let value = serde_json::to_value(meta).map_err(|e| Error::zarr(path, e))?;
    let inner = vec![meta.n_nodes as u64, meta.width as u64];
    Ok((value, ArraySpec::float(ARRAY, meta.dtype, &DIMS, inner)))
}

impl ActivationWriter {
    /// Begins a store of exactly `n_records` records in `<path>.part`.
    ///
    /// # Errors
    /// When `path` or `<path>.part` exists, or the directory cannot be written.
    pub fn create(path: impl AsRef<Path>, meta: LatentsMeta, n_records: usize) -> Result<Self> {
        let (value, spec) = layout(path.as_ref(), &meta)?;
        let store = PartialStore::create(path.as_ref(), (KIND, value), &[spec], n_records)?;
        Ok(Self { meta, store })
    }

    /// Goes on with `<path>.part` where a killed run left it, or begins it when there is none.
    ///
    /// # Errors
    /// When the unfinished store has other metadata or another number of records, or `path` is complete already.
    pub fn resume(path: impl AsRef<Path>, meta: LatentsMeta, n_records: usize) -> Result<Self> {
        let (value, spec) = layout(path.as_ref(), &meta)?;
        let store = PartialStore::resume(path.as_ref(), (KIND, value), &[spec], n_records)?;
        Ok(Self { meta, store })
    }

    /// The metadata given at the start.
    pub fn meta(&self) -> &LatentsMeta {
        &self.meta
    }

    /// The records that are complete, in store order.
    pub fn records(&self) -> &[Record] {
        self.store.records()
    }

    /// Whether the record with this start and lead is complete, so that its forward pass can be skipped.
    pub fn contains(&self, record: &Record) -> bool {
        self.store.contains(record)
    }

    /// Compresses and writes one record; returns `false`, writing nothing, when it is complete already.
    ///
    /// # Shapes
    /// `latents`: `[n_nodes, width]`, row-major.
    ///
    /// # Errors
    /// On a wrong length, a value that f16 cannot hold, one record too many, or a write that fails.
    pub fn append(&mut self, record: &Record, latents: &[f32]) -> Result<bool> {
        let expected = self.meta.n_nodes * self.meta.width;
        if latents.len() != expected {
            return Err(Error::Length {
                what: "latents",
                expected,
                found: latents.len(),
            });
        }
        let dtype = self.meta.dtype;
        self.store.append(record, |root, arrays, at| match dtype {
            Dtype::F32 => zarr::write_shard(root, &arrays[0], at, latents),
            Dtype::F16 => zarr::write_shard(root, &arrays[0], at, &halves::to_f16(latents, ARRAY)?),
        })
    }

    /// Writes the coordinates and renames the store to its path.
    ///
    /// # Errors
    /// When records are missing, or a write fails.
    pub fn finish(self) -> Result<PathBuf> {
        self.store.finish()
    }
}
