//! Reading boxes of one Zarr array, chunk by chunk.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayD, SliceInfoElem};
use rayon::prelude::*;
use serde_json::{Map, Value};

use super::super::packing::Packing;
use super::super::store::{ArrayInfo, product};
use super::cache::ChunkCache;
use super::metadata::Node;
use super::number::{DynArray, Number};
use super::opening::{description, is_numeric, open_array, unit_shape};
use super::pick::{Part, split, take};
use super::place::Place;
use super::shard::ShardStorage;
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
        let mut taken = blocks
            .par_iter()
            .map(|block| self.block(block, cache))
            .collect::<Result<Vec<ArrayD<O>>, Missing>>()?;
        // One chunk is often all, and large: it is handed on without a copy.
        if let ([_], Some(_)) = (blocks.as_slice(), taken.first()) {
            return Ok(taken.swap_remove(0));
        }
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
            let is_whole = |(part, &length): (&Part, &usize)| part.local.len() == length;
            return Ok(match block.iter().zip(chunk.shape()).all(is_whole) {
                true => chunk,
                false => take(chunk.view(), block),
            });
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
    fn conversion_keeps_values() {
        let data = ArrayD::from_elem(IxDyn(&[2]), 1.5_f32);
        assert_eq!(convert::<f32>(data.clone()), data);
        assert_eq!(convert::<f64>(data), ArrayD::from_elem(IxDyn(&[2]), 1.5));
    }
}
