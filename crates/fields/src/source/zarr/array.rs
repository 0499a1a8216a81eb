//! Reading boxes of one Zarr array, chunk by chunk.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Axis, Slice, SliceInfoElem};
use rayon::prelude::*;
use serde_json::{Map, Value};
use zarrs::array::ArrayMetadata;
use zarrs::storage::ReadableStorageTraits;

use super::super::packing::Packing;
use super::super::store::{ArrayInfo, product, runs};
use super::cache::ChunkCache;
use super::metadata::Node;
use super::number::{DynArray, Number};
use super::place::Place;
use super::shard::{self, ShardStorage};
use crate::{Error, Result};

/// The largest decoded chunk that is read, in bytes; Blosc cannot hold more either.
const MAX_CHUNK: u64 = 1 << 31;

/// An array, how its numbers are packed, and what its absent chunks mean.
pub(super) struct ZarrArray {
    /// Of a sharded array, that of the chunks within the shards.
    array: DynArray,
    number: Number,
    packing: Packing,
    dims: Option<Vec<String>>,
    attributes: Map<String, Value>,
    /// Lengths of a chunk.
    unit: Vec<u64>,
    shards: Option<Arc<ShardStorage>>,
    may_miss_chunks: bool,
}

/// A chunk that could not be had.
pub(super) struct Missing {
    pub(super) key: String,
    /// The first index of the chunk on every dimension.
    pub(super) first: Vec<u64>,
    /// The fill value of the array.
    pub(super) fill: f64,
    /// Why it could not be read; `None` if it is not there.
    pub(super) failure: Option<String>,
}

/// The indices wanted of one chunk, on one dimension.
#[derive(Clone)]
struct Part {
    chunk: u64,
    /// Where they go in the result; they are consecutive there.
    start: usize,
    /// Indices within the chunk.
    local: Vec<usize>,
}

/// Values as memory holds them.
pub(super) trait Value32Or64: Copy + Send + Sync + 'static {
    fn from_f64(value: f64) -> Self;
}

impl Value32Or64 for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Value32Or64 for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

impl ZarrArray {
    /// Opens an array from its metadata; `None` if it has no numbers (texts, dates of numpy).
    pub(super) fn open(place: &Place, name: &str, node: Node) -> Result<Option<Self>> {
        let malformed = |message: String| Error::malformed(place.shown(), name, message);
        if !is_numeric(&node) {
            return Ok(None);
        }
        let is_v2 = matches!(node, Node::V2 { .. });
        let (dims, attributes) = description(&node);
        let (array, shards) = open_array(place, name, node).map_err(malformed)?;
        let Some(number) = Number::of(array.data_type()) else {
            return Ok(None);
        };
        let fill = number.fill(array.fill_value());
        let mut packing = Packing::from_attributes(&attributes);
        // xarray keeps `_FillValue` as the fill value of version 2; zero is also the default of other writers.
        if is_v2 && (packing.is_packed() || number.is_float() && fill != 0.0) {
            packing.add_missing(fill);
        }
        let unit = unit_shape(&array).map_err(malformed)?;
        Ok(Some(Self {
            may_miss_chunks: packing.unpack(fill).is_nan(),
            array,
            number,
            packing,
            dims,
            attributes,
            unit,
            shards,
        }))
    }

    /// Chunks that are not in the store are full of the fill value, whatever it is.
    pub(super) fn allow_missing_chunks(&mut self) {
        self.may_miss_chunks = true;
    }

    /// Dimensions, shape and attributes.
    pub(super) fn info(&self, path: &Path, name: &str) -> Result<ArrayInfo> {
        let shape: Vec<usize> = self
            .array
            .shape()
            .iter()
            .map(|&length| length as usize)
            .collect();
        let dims = match &self.dims {
            Some(dims) if dims.len() == shape.len() => dims.clone(),
            None if shape.is_empty() => Vec::new(),
            found => {
                let found = found.as_ref().map_or(0, Vec::len);
                let message = format!(
                    "expected names of {} dimensions (`dimension_names` in zarr.json or `_ARRAY_DIMENSIONS` in .zattrs), found {found}\nhint: write the store with xarray, or add the names",
                    shape.len()
                );
                return Err(Error::malformed(path, name, message));
            }
        };
        Ok(ArrayInfo {
            dims,
            shape,
            attributes: self.attributes.clone(),
        })
    }

    /// The numbers at ascending indices of every dimension; chunks are decoded in parallel.
    pub(super) fn read<O: Value32Or64>(
        &self,
        picks: &[Vec<usize>],
        shape: &[usize],
        cache: Option<(&ChunkCache, &str)>,
    ) -> Result<ArrayD<O>, Missing> {
        let parts: Vec<Vec<Part>> = picks
            .iter()
            .zip(&self.unit)
            .map(|(pick, &length)| split(pick, length))
            .collect();
        // A chunk of which only a part is wanted is likely to be wanted again.
        let cache = cache.filter(|_| self.wants_parts(&parts));
        let blocks = product(&parts);
        self.check_size()?;
        let taken = blocks
            .par_iter()
            .map(|block| self.block(block, cache))
            .collect::<Result<Vec<ArrayD<O>>, Missing>>()?;
        let mut whole = ArrayD::from_elem(shape, O::from_f64(0.0));
        for (block, data) in blocks.iter().zip(taken) {
            let target: Vec<SliceInfoElem> = block
                .iter()
                .map(|part| (part.start..part.start + part.local.len()).into())
                .collect();
            whole.slice_mut(target.as_slice()).assign(&data);
        }
        Ok(whole)
    }

    fn wants_parts(&self, parts: &[Vec<Part>]) -> bool {
        let lengths = self.array.shape().iter().zip(&self.unit);
        parts.iter().zip(lengths).any(|(parts, (&length, &unit))| {
            parts
                .iter()
                .any(|part| (part.local.len() as u64) < unit.min(length))
        })
    }

    /// A chunk whose size comes from damaged metadata must not be allocated.
    fn check_size(&self) -> Result<(), Missing> {
        let bytes = self
            .unit
            .iter()
            .try_fold(self.number.size(), |bytes, &length| {
                bytes.checked_mul(length)
            });
        match bytes {
            Some(bytes) if bytes <= MAX_CHUNK => Ok(()),
            _ => {
                let message = format!(
                    "expected at most {MAX_CHUNK} bytes, found chunks of shape {:?}",
                    self.unit
                );
                Err(self.missing(&vec![0; self.unit.len()], Some(message)))
            }
        }
    }

    /// The wanted numbers of one chunk.
    fn block<O: Value32Or64>(
        &self,
        block: &[Part],
        cache: Option<(&ChunkCache, &str)>,
    ) -> Result<ArrayD<O>, Missing> {
        let indices: Vec<u64> = block.iter().map(|part| part.chunk).collect();
        let Some((cache, name)) = cache else {
            let chunk = self.chunk::<O>(&indices)?;
            return Ok(take(chunk.view(), block));
        };
        let chunk = match cache.get(name, &indices) {
            Some(chunk) => chunk,
            None => {
                let chunk = Arc::new(self.chunk::<f32>(&indices)?);
                cache.insert(name, &indices, Arc::clone(&chunk));
                chunk
            }
        };
        Ok(take(chunk.view(), block).mapv(|x| O::from_f64(f64::from(x))))
    }

    /// A whole decoded chunk, unpacked.
    fn chunk<O: Value32Or64>(&self, indices: &[u64]) -> Result<ArrayD<O>, Missing> {
        let failed = |e: zarrs::array::ArrayError| self.missing(indices, Some(e.to_string()));
        if self.packing.is_plain() && self.number == Number::F32 {
            let chunk = self
                .array
                .retrieve_chunk_if_exists::<ArrayD<f32>>(indices)
                .map_err(failed)?;
            return match chunk {
                Some(chunk) => Ok(convert(chunk)),
                None => self.absent(indices),
            };
        }
        let unpack = |stored: f64| O::from_f64(self.packing.unpack(stored));
        let chunk = self
            .number
            .decode(&self.array, indices, unpack)
            .map_err(failed)?;
        chunk.map_or_else(|| self.absent(indices), Ok)
    }

    fn absent<O: Value32Or64>(&self, indices: &[u64]) -> Result<ArrayD<O>, Missing> {
        if !self.may_miss_chunks {
            return Err(self.missing(indices, None));
        }
        let shape: Vec<usize> = self.unit.iter().map(|&length| length as usize).collect();
        let fill = self
            .packing
            .unpack(self.number.fill(self.array.fill_value()));
        Ok(ArrayD::from_elem(shape, O::from_f64(fill)))
    }

    fn missing(&self, indices: &[u64], failure: Option<String>) -> Missing {
        let first: Vec<u64> = indices
            .iter()
            .zip(&self.unit)
            .map(|(i, unit)| i.saturating_mul(*unit))
            .collect();
        let key = match &self.shards {
            Some(shards) => shards.shard_key(indices),
            None => self.array.chunk_key(indices).as_str().to_owned(),
        };
        Missing {
            key,
            first,
            fill: self.number.fill(self.array.fill_value()),
            failure,
        }
    }
}

/// Lengths of a chunk.
fn unit_shape(array: &DynArray) -> Result<Vec<u64>, String> {
    let shape = array.chunk_shape(&vec![0; array.dimensionality()]);
    let shape = shape.map_err(|e| format!("expected a regular grid of chunks: {e}"))?;
    Ok(shape.iter().map(|length| length.get()).collect())
}

/// The array, or that of the chunks within its shards.
fn open_array(
    place: &Place,
    name: &str,
    node: Node,
) -> Result<(DynArray, Option<Arc<ShardStorage>>), String> {
    let open = |storage: Arc<dyn ReadableStorageTraits>, metadata: ArrayMetadata| {
        DynArray::new_with_metadata(storage, &format!("/{name}"), metadata)
            .map_err(|e| e.to_string())
    };
    let v3 = |node: Value| {
        serde_json::from_value(node)
            .map(ArrayMetadata::V3)
            .map_err(|e| e.to_string())
    };
    match node {
        Node::V2 { array, .. } => {
            let metadata = serde_json::from_value(array).map_err(|e| e.to_string())?;
            Ok((open(place.storage(), ArrayMetadata::V2(metadata))?, None))
        }
        Node::V3(node) => {
            let outer = open(place.storage(), v3(node.clone())?)?;
            if !shard::is_sharded(&node) {
                return Ok((outer, None));
            }
            let (shards, inner) = shard::split(&node, outer)?;
            let shards = Arc::new(shards);
            Ok((open(shards.clone(), v3(inner)?)?, Some(shards)))
        }
    }
}

/// Whether the data type of an array is a number, as far as its name tells.
fn is_numeric(node: &Node) -> bool {
    match node {
        Node::V2 { array, .. } => {
            let kind = array["dtype"].as_str().and_then(|text| text.chars().nth(1));
            kind.is_some_and(|kind| "fiu".contains(kind)) || array["dtype"].is_null()
        }
        Node::V3(node) => {
            let name = node["data_type"].as_str();
            let is_number = |name: &str| {
                ["float", "bfloat", "int", "uint"]
                    .iter()
                    .any(|kind| name.starts_with(kind))
            };
            name.map_or(node["data_type"].is_null(), is_number)
        }
    }
}

/// Names of dimensions, and attributes.
fn description(node: &Node) -> (Option<Vec<String>>, Map<String, Value>) {
    match node {
        Node::V2 { attributes, .. } => {
            let dims = attributes.get("_ARRAY_DIMENSIONS").map(names);
            (dims, attributes.clone())
        }
        Node::V3(node) => {
            let dims = node.get("dimension_names").map(names);
            (
                dims,
                node["attributes"].as_object().cloned().unwrap_or_default(),
            )
        }
    }
}

fn names(list: &Value) -> Vec<String> {
    let texts = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Sorts ascending indices by the chunk they are in.
fn split(pick: &[usize], length: u64) -> Vec<Part> {
    let mut parts: BTreeMap<u64, Part> = BTreeMap::new();
    for (position, &index) in pick.iter().enumerate() {
        let chunk = index as u64 / length;
        let part = parts.entry(chunk).or_insert_with(|| Part {
            chunk,
            start: position,
            local: Vec::new(),
        });
        part.local.push((index as u64 % length) as usize);
    }
    parts.into_values().collect()
}

/// The wanted indices of a chunk.
fn take<O: Clone>(chunk: ArrayViewD<'_, O>, block: &[Part]) -> ArrayD<O> {
    let mut view = chunk;
    let mut scattered: Option<ArrayD<O>> = None;
    for (axis, part) in block.iter().enumerate() {
        if let [(_, range)] = runs(&part.local).as_slice() {
            view.slice_axis_inplace(Axis(axis), Slice::from(range.clone()));
        }
    }
    for (axis, part) in block.iter().enumerate() {
        if runs(&part.local).len() != 1 {
            let source = scattered
                .as_ref()
                .map_or_else(|| view.view(), |data| data.view());
            scattered = Some(source.select(Axis(axis), &part.local));
        }
    }
    scattered.unwrap_or_else(|| view.to_owned())
}

/// 32-bit numbers as they are, without a copy, or as 64-bit ones.
fn convert<O: Value32Or64>(chunk: ArrayD<f32>) -> ArrayD<O> {
    let mut chunk = Some(chunk);
    match (&mut chunk as &mut dyn Any)
        .downcast_mut::<Option<ArrayD<O>>>()
        .and_then(Option::take)
    {
        Some(same) => same,
        None => chunk
            .unwrap_or_default()
            .mapv(|x| O::from_f64(f64::from(x))),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;

    use super::*;

    #[test]
    fn indices_are_sorted_by_chunk() {
        let parts = split(&[0, 2, 3, 4, 11], 4);
        let found: Vec<_> = parts
            .iter()
            .map(|p| (p.chunk, p.start, p.local.clone()))
            .collect();
        assert_eq!(
            found,
            [(0, 0, vec![0, 2, 3]), (1, 3, vec![0]), (2, 4, vec![3])]
        );
    }

    #[test]
    fn scattered_and_consecutive_indices_of_a_chunk() {
        let chunk = ArrayD::from_shape_fn(IxDyn(&[4, 5]), |i| 10 * i[0] + i[1]);
        let block = [split(&[0, 2, 3], 4).remove(0), split(&[1, 2], 5).remove(0)];
        let taken = take(chunk.view(), &block);
        assert_eq!(taken.shape(), [3, 2]);
        assert_eq!(
            taken.iter().copied().collect::<Vec<_>>(),
            [1, 2, 21, 22, 31, 32]
        );
    }

    #[test]
    fn conversion_keeps_values() {
        let data = ArrayD::from_elem(IxDyn(&[2]), 1.5_f32);
        assert_eq!(convert::<f32>(data.clone()), data);
        assert_eq!(convert::<f64>(data), ArrayD::from_elem(IxDyn(&[2]), 1.5));
    }
}
