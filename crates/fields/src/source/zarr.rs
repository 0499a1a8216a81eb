//! Zarr v3 directories.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayD;
use serde_json::Value;
use zarrs::array::chunk_cache::{ChunkCache, ChunkCacheDecodedLruChunkLimit};
use zarrs::array::{Array, ArrayShardedExt, CodecOptions, ElementOwned, data_type};
use zarrs::filesystem::FilesystemStore;
use zarrs::storage::ReadableStorageTraits;

use super::store::{ArrayInfo, Store};
use crate::{Error, Result};

type DynArray = Array<dyn ReadableStorageTraits>;

/// Chunks that reach over several times are kept for this many reads' worth of neighbours.
const CACHED_READS: u64 = 2;

/// A Zarr v3 group of arrays on disk.
pub(super) struct ZarrStore {
    path: PathBuf,
    attributes: Value,
    infos: BTreeMap<String, ArrayInfo>,
    arrays: BTreeMap<String, Entry>,
}

struct Entry {
    array: Arc<DynArray>,
    /// Decoded chunks, where one chunk holds several times.
    cache: Option<ChunkCacheDecodedLruChunkLimit>,
    packing: Packing,
}

/// CF attributes that say how numbers are stored.
struct Packing {
    scale: f64,
    offset: f64,
    missing: Option<f64>,
}

impl ZarrStore {
    /// Reads the metadata of a directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let metadata = read_json(&path.join("zarr.json"))?;
        if metadata["zarr_format"] != 3 || metadata["node_type"] != "group" {
            let message = format!(
                "expected a Zarr v3 group, found format {} {}",
                metadata["zarr_format"], metadata["node_type"]
            );
            return Err(Error::malformed(path, "zarr.json", message));
        }
        let store =
            FilesystemStore::new(path).map_err(|e| Error::malformed(path, "zarr.json", e))?;
        let store: Arc<dyn ReadableStorageTraits> = Arc::new(store);
        let mut this = Self {
            path: path.to_owned(),
            attributes: metadata
                .get("attributes")
                .cloned()
                .unwrap_or_else(|| Value::Object(Default::default())),
            infos: BTreeMap::new(),
            arrays: BTreeMap::new(),
        };
        for name in array_names(path)? {
            let array = Array::open(Arc::clone(&store), &format!("/{name}"))
                .map_err(|e| Error::malformed(path, &name, e))?;
            let entry = Entry::new(array);
            this.infos.insert(name.clone(), entry.info(path, &name)?);
            this.arrays.insert(name, entry);
        }
        Ok(this)
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.arrays
            .get(name)
            .ok_or_else(|| Error::malformed(&self.path, name, "no such array"))
    }

    fn read_as_f64(&self, name: &str, ranges: &[Range<u64>]) -> Result<ArrayD<f64>> {
        let entry = self.entry(name)?;
        let data = entry
            .read_as_f64(ranges)
            .map_err(|e| Error::malformed(&self.path, name, e))?;
        Ok(data.mapv_into(|x| entry.packing.unpack(x)))
    }
}

impl Store for ZarrStore {
    fn path(&self) -> &Path {
        &self.path
    }

    fn arrays(&self) -> &BTreeMap<String, ArrayInfo> {
        &self.infos
    }

    fn attributes(&self) -> &Value {
        &self.attributes
    }

    fn read(&self, name: &str, ranges: &[Range<usize>]) -> Result<ArrayD<f32>> {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|r| r.start as u64..r.end as u64)
            .collect();
        let entry = self.entry(name)?;
        if entry.packing.is_plain() && *entry.array.data_type() == data_type::float32() {
            return entry
                .retrieve(&ranges)
                .map_err(|e| Error::malformed(&self.path, name, e));
        }
        Ok(self.read_as_f64(name, &ranges)?.mapv(|x| x as f32))
    }

    fn read_all(&self, name: &str) -> Result<ArrayD<f64>> {
        let shape = self.entry(name)?.array.shape();
        let ranges: Vec<_> = shape.iter().map(|&length| 0..length).collect();
        self.read_as_f64(name, &ranges)
    }
}

impl Entry {
    fn new(array: DynArray) -> Self {
        let array = Arc::new(array);
        let packing = Packing::from_attributes(array.attributes());
        let cache = chunks_per_read(&array)
            .map(|n| ChunkCacheDecodedLruChunkLimit::new(Arc::clone(&array), n * CACHED_READS));
        Self {
            array,
            cache,
            packing,
        }
    }

    fn info(&self, path: &Path, name: &str) -> Result<ArrayInfo> {
        let n_dims = self.array.dimensionality();
        let names = self.array.dimension_names().as_deref().unwrap_or_default();
        let dims: Vec<String> = names.iter().flatten().cloned().collect();
        if dims.len() != n_dims {
            let message = format!(
                "expected {n_dims} `dimension_names`, found {}\nhint: write the store with xarray, or add the names to its zarr.json",
                dims.len()
            );
            return Err(Error::malformed(path, name, message));
        }
        let shape = self
            .array
            .shape()
            .iter()
            .map(|&length| length as usize)
            .collect();
        Ok(ArrayInfo {
            dims,
            shape,
            attributes: self.array.attributes().clone(),
        })
    }

    fn retrieve<T: ElementOwned>(&self, ranges: &[Range<u64>]) -> Result<ArrayD<T>, String> {
        let subset = ranges.to_vec();
        let data = match &self.cache {
            Some(cache) => cache.retrieve_array_subset(&subset, &CodecOptions::default()),
            None => self.array.retrieve_array_subset(&subset),
        };
        data.map_err(|e| e.to_string())
    }

    fn read_as_f64(&self, ranges: &[Range<u64>]) -> Result<ArrayD<f64>, String> {
        let found = self.array.data_type().clone();
        macro_rules! read {
            ($($name:ident as $type:ty),*) => {
                $(if found == data_type::$name() {
                    return Ok(self.retrieve::<$type>(ranges)?.mapv(|x| x as f64));
                })*
            };
        }
        read!(
            float32 as f32,
            float64 as f64,
            int64 as i64,
            int32 as i32,
            int16 as i16,
            int8 as i8,
            uint64 as u64,
            uint32 as u32,
            uint16 as u16,
            uint8 as u8
        );
        Err(format!("expected numbers, found data type {found:?}"))
    }
}

impl Packing {
    fn from_attributes(attributes: &serde_json::Map<String, Value>) -> Self {
        let number = |name: &str| attributes.get(name).and_then(Value::as_f64);
        Self {
            scale: number("scale_factor").unwrap_or(1.0),
            offset: number("add_offset").unwrap_or(0.0),
            missing: number("_FillValue").or_else(|| number("missing_value")),
        }
    }

    fn is_plain(&self) -> bool {
        self.scale == 1.0 && self.offset == 0.0 && self.missing.is_none()
    }

    fn unpack(&self, stored: f64) -> f64 {
        if self.missing == Some(stored) {
            return f64::NAN;
        }
        stored * self.scale + self.offset
    }
}

/// How many chunks one index of the first dimension touches, if chunks are worth keeping: they are not
/// sharded (parts of a shard are read alone) and reach over several indices.
fn chunks_per_read(array: &DynArray) -> Option<u64> {
    if array.is_sharded() || array.dimensionality() == 0 {
        return None;
    }
    let chunk = array.chunk_shape(&vec![0; array.dimensionality()]).ok()?;
    if chunk[0].get() <= 1 {
        return None;
    }
    let others = array.shape().iter().zip(&chunk).skip(1);
    Some(
        others
            .map(|(length, chunk)| length.div_ceil(chunk.get()))
            .product(),
    )
}

fn read_json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    serde_json::from_str(&text).map_err(|e| Error::malformed(path, "JSON", e))
}

/// Names of the arrays directly below a group, sorted.
fn array_names(path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
        let entry = entry.map_err(|e| Error::io(path, e))?;
        let metadata = entry.path().join("zarr.json");
        if !metadata.is_file() || read_json(&metadata)?["node_type"] != "array" {
            continue;
        }
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
