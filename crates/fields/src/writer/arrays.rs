//! Zarr v3 arrays in one group on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayView3;
use serde_json::{Map, Value, json};
use zarrs::array::builder::ArrayBuilderFillValue;
use zarrs::array::codec::{BloscCodec, BloscCompressor, BloscShuffleMode, ZstdCodec};
use zarrs::array::{
    Array, ArrayBuilder, ArrayMetadataOptions, CodecOptions, DataType, ZARR_NAN_F32, data_type,
};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupBuilder;
use zarrs::metadata::v3::AdditionalFieldV3;
use zarrs::node::Node;

use super::part::write_error;
use super::plan::{ArrayPlan, Coordinate, Kind, Numbers};
use crate::{Error, Result};

const ZSTD_LEVEL: i32 = 3;

/// A Zarr v3 group that is being written.
#[derive(Debug)]
pub(super) struct ZarrWriter {
    path: PathBuf,
    attributes: Map<String, Value>,
    store: Arc<FilesystemStore>,
}

/// An array of a [`ZarrWriter`] that takes one chunk for each index of its leading dimensions.
pub(super) type ZarrArray = Array<FilesystemStore>;

impl ZarrWriter {
    /// An empty group with attributes in a fresh directory; what is there is removed.
    pub(super) fn create(path: &Path, attributes: Map<String, Value>) -> Result<Self> {
        if path.exists() {
            std::fs::remove_dir_all(path).map_err(|e| write_error(path, e.to_string()))?;
        }
        Self::open(path, attributes)
    }

    /// A group with attributes in a directory that may hold arrays already.
    pub(super) fn open(path: &Path, attributes: Map<String, Value>) -> Result<Self> {
        let failed = |message: String| write_error(path, message);
        std::fs::create_dir_all(path).map_err(|e| failed(e.to_string()))?;
        let store = Arc::new(FilesystemStore::new(path).map_err(|e| failed(e.to_string()))?);
        let group = GroupBuilder::new()
            .attributes(attributes.clone())
            .build(Arc::clone(&store), "/")
            .map_err(|e| failed(e.to_string()))?;
        group.store_metadata().map_err(|e| failed(e.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            attributes,
            store,
        })
    }

    fn failed(&self, name: &str, message: impl ToString) -> Error {
        write_error(&self.path.join(name), message.to_string())
    }

    /// A coordinate in one chunk.
    pub(super) fn store_coordinate(&self, coordinate: &Coordinate) -> Result<()> {
        let plan = &coordinate.plan;
        let array = self.array(plan, 0)?;
        self.store_metadata(&array, plan)?;
        if plan.n_elements() == Some(0) {
            return Ok(());
        }
        let first = vec![0; plan.dims.len()];
        match &coordinate.numbers {
            Numbers::F32(numbers) => array.store_chunk(&first, numbers),
            Numbers::I32(numbers) => array.store_chunk(&first, numbers),
            Numbers::I64(numbers) => array.store_chunk(&first, numbers),
        }
        .map_err(|e| self.failed(&plan.name, e))
    }

    /// An array with one chunk for each index of its first `n_leading` dimensions; nothing is stored yet.
    pub(super) fn array(&self, plan: &ArrayPlan, n_leading: usize) -> Result<ZarrArray> {
        let shape: Vec<u64> = plan.shape().map(|length| length as u64).collect();
        let mut chunk: Vec<u64> = shape.iter().map(|&length| length.max(1)).collect();
        chunk
            .iter_mut()
            .take(n_leading)
            .for_each(|length| *length = 1);
        let (data_type, fill) = type_and_fill(plan.kind);
        let mut builder = ArrayBuilder::new(shape, chunk, data_type, fill);
        builder
            .dimension_names(Some(plan.dims.iter().map(|&(name, _)| name)))
            .attributes(plan.attributes.clone())
            .bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(ZSTD_LEVEL, false))])
            .build(Arc::clone(&self.store), &format!("/{}", plan.name))
            .map(|array| {
                // No attribute of the library that wrote it.
                let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
                array.with_metadata_options(options)
            })
            .map_err(|e| self.failed(&plan.name, e))
    }

    /// An array of f32 in shards; `inner` chunks of Zstandard after bit shuffling divide a shard.
    pub(super) fn sharded(
        &self,
        plan: &ArrayPlan,
        shard: &[u64],
        inner: &[u64],
        blosc_level: u8,
    ) -> Result<ZarrArray> {
        let failed = |message: String| self.failed(&plan.name, message);
        let level = blosc_level
            .try_into()
            .map_err(|level: u8| failed(format!("no Blosc level {level}")))?;
        let shuffle = BloscShuffleMode::BitShuffle;
        let codec = BloscCodec::new(BloscCompressor::Zstd, level, None, shuffle, Some(4))
            .map_err(|e| failed(e.to_string()))?;
        let shape: Vec<u64> = plan.shape().map(|length| length as u64).collect();
        let (data_type, fill) = type_and_fill(plan.kind);
        ArrayBuilder::new(shape, shard.to_vec(), data_type, fill)
            .subchunk_shape(inner.to_vec())
            .dimension_names(Some(plan.dims.iter().map(|&(name, _)| name)))
            .attributes(plan.attributes.clone())
            .bytes_to_bytes_codecs(vec![Arc::new(codec)])
            .build(Arc::clone(&self.store), &format!("/{}", plan.name))
            .map(|array| {
                let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
                array.with_metadata_options(options)
            })
            .map_err(|e| failed(e.to_string()))
    }

    pub(super) fn store_metadata(&self, array: &ZarrArray, plan: &ArrayPlan) -> Result<()> {
        array
            .store_metadata()
            .map_err(|e| self.failed(&plan.name, e))
    }

    /// The chunk of a field `[level (1 if none), lat, lon]` at an index of the leading dimensions.
    pub(super) fn store_chunk(
        &self,
        array: &ZarrArray,
        plan: &ArrayPlan,
        leading: &[usize],
        data: ArrayView3<'_, f32>,
    ) -> Result<()> {
        let mut chunk = vec![0; plan.dims.len()];
        for (index, &lead) in chunk.iter_mut().zip(leading) {
            *index = lead as u64;
        }
        let data = data.as_standard_layout();
        // A standard layout is one slice.
        let values = data.as_slice().unwrap_or_default();
        array
            .store_chunk(&chunk, values)
            .map_err(|e| self.failed(&plan.name, e))
    }

    /// The chunk (or shard) of an index on every dimension, all of its numbers.
    pub(super) fn store_numbers(
        &self,
        array: &ZarrArray,
        plan: &ArrayPlan,
        chunk: &[u64],
        numbers: &[f32],
    ) -> Result<()> {
        // On one thread: several put the inner chunks of a shard in the order in which they finish.
        let options = CodecOptions::default().with_concurrent_target(1);
        array
            .store_chunk_opt(chunk, numbers, &options)
            .map_err(|e| self.failed(&plan.name, e))
    }

    /// Repeats the metadata of all arrays in that of the group, so that a reader needs one file only.
    pub(super) fn consolidate(&self) -> Result<()> {
        let failed = |message: String| self.failed("zarr.json", message);
        let root = Node::open(&self.store, "/").map_err(|e| failed(e.to_string()))?;
        // Sorted by name, so that the same data make the same bytes.
        let metadata: BTreeMap<_, _> = root.consolidate_metadata().into_iter().flatten().collect();
        let consolidated = json!({ "kind": "inline", "metadata": metadata });
        let field = AdditionalFieldV3::new(consolidated, false);
        let fields = [("consolidated_metadata".to_owned(), field)];
        let group = GroupBuilder::new()
            .attributes(self.attributes.clone())
            .additional_fields(fields.into_iter().collect())
            .build(Arc::clone(&self.store), "/")
            .map_err(|e| failed(e.to_string()))?;
        group.store_metadata().map_err(|e| failed(e.to_string()))
    }
}

fn type_and_fill(kind: Kind) -> (DataType, ArrayBuilderFillValue) {
    match kind {
        Kind::F32 => (data_type::float32(), ZARR_NAN_F32.into()),
        Kind::I32 => (data_type::int32(), 0_i32.into()),
        Kind::I64 => (data_type::int64(), 0_i64.into()),
    }
}
