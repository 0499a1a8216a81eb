//! Reading latents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;
use serde::de::DeserializeOwned;
use zarrs::array::data_type;

use crate::rows::check_range;
use crate::writer::{KIND, layout};
use crate::zarr::{self, ReadArray};
use crate::{Dtype, Error, LatentsMeta, Record, Result, halves};

/// An open store of latents; shared between threads by reference, and cheap to clone.
#[derive(Clone)]
pub struct ActivationReader {
    path: PathBuf,
    meta: Arc<LatentsMeta>,
    records: Arc<[Record]>,
    array: Arc<ReadArray>,
}

impl ActivationReader {
    /// Opens a finished store and checks that every shard is there.
    ///
    /// # Errors
    /// When `path` is not a store of latents, its metadata and arrays disagree, or a shard is missing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let (meta, records): (LatentsMeta, Vec<Record>) = open_group(&path, KIND)?;
        let array = zarr::open_records(&path, &layout(&path, &meta)?.1, records.len())?;
        Ok(Self {
            path,
            meta: Arc::new(meta),
            records: records.into(),
            array: Arc::new(array),
        })
    }

    /// Where the store lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the store says about itself.
    pub fn meta(&self) -> &LatentsMeta {
        &self.meta
    }

    /// The records in store order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Reads one record as `[n_nodes, width]`.
    ///
    /// # Errors
    /// When there is no such record, or its shard is missing or damaged.
    pub fn read(&self, index: usize) -> Result<Vec<f32>> {
        let mut out = vec![0.0; self.meta.n_nodes * self.meta.width];
        self.read_into(index, &mut out)?;
        Ok(out)
    }

    /// Reads one record into `out`, `[n_nodes, width]`.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when `out` has the wrong length.
    pub fn read_into(&self, index: usize, out: &mut [f32]) -> Result<()> {
        self.read_rows_into(index, 0, out)
    }

    /// Reads the rows from `first_row` on, as many as `out` holds; only the inner chunks touched are decoded.
    ///
    /// # Shapes
    /// `out`: `[rows, width]`.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub fn read_rows_into(&self, index: usize, first_row: usize, out: &mut [f32]) -> Result<()> {
        let (n_nodes, width) = (self.meta.n_nodes, self.meta.width);
        let records = (index, self.records.len());
        let n_rows = check_range(records, (first_row, n_nodes), width, out.len())?;
        let rows = (first_row, n_rows);
        match self.meta.dtype {
            Dtype::F32 => out.copy_from_slice(&zarr::read_rows::<f32>(
                &self.path,
                &self.array,
                index,
                rows,
            )?),
            Dtype::F16 => halves::to_f32(
                &zarr::read_rows::<f16>(&self.path, &self.array, index, rows)?,
                out,
            ),
        }
        Ok(())
    }
}

/// The metadata and records of a finished group of the given kind.
pub(crate) fn open_group<M: DeserializeOwned>(
    path: &Path,
    kind: &'static str,
) -> Result<(M, Vec<Record>)> {
    let attributes = zarr::group_attributes(path, kind)?;
    let wrong = |found: String| Error::NotAStore {
        path: path.to_path_buf(),
        expected: kind,
        found,
    };
    let found = attributes
        .get("format")
        .and_then(|f| f.get("kind"))
        .and_then(|k| k.as_str());
    if found != Some(kind) {
        return Err(wrong(found.map_or_else(
            || "a Zarr group without `format.kind`".into(),
            |k| format!("a store of {k}"),
        )));
    }
    if attributes.contains_key("unfinished_records") {
        return Err(wrong("a store that was not finished".into()));
    }
    let meta = attributes.get("metadata").cloned().unwrap_or_default();
    let meta = serde_json::from_value(meta).map_err(|e| wrong(format!("`metadata`: {e}")))?;
    let splits = attributes.get("splits").cloned().unwrap_or_default();
    let splits: Vec<Option<String>> =
        serde_json::from_value(splits).map_err(|e| wrong(format!("`splits`: {e}")))?;
    let n = splits.len();
    let init: Vec<i64> = zarr::read_coordinate(path, "init_time", data_type::int64(), n)?;
    let lead: Vec<i32> = zarr::read_coordinate(path, "lead_hours", data_type::int32(), n)?;
    let records = init.into_iter().zip(lead).zip(splits);
    let records = records.map(|((init_time, lead_hours), split)| Record {
        init_time,
        lead_hours,
        split,
    });
    Ok((meta, records.collect()))
}
