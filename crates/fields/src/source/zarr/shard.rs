//! The chunks within shards, seen as if each were an object of its own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use zarrs::array::{ArrayToBytesCodecTraits, CodecChain, CodecOptions, FillValue, data_type};
use zarrs::metadata::v3::MetadataV3;
use zarrs::storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs::storage::{
    Bytes, MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey,
};

use super::number::DynArray;

/// Indices of so many shards are kept.
const MAX_INDICES: usize = 256;
/// The most chunks that a shard may have.
const MAX_PER_SHARD: u64 = 1 << 22;

/// Storage of an array whose chunks are those within the shards of another.
pub(super) struct ShardStorage {
    outer: DynArray,
    /// Chunks per shard on every dimension.
    per_shard: Vec<u64>,
    index_codecs: CodecChain,
    /// Bytes of an encoded index.
    index_size: u64,
    index_at_end: bool,
    /// Offset and length of every chunk of a shard; `None` for a shard that is not there.
    indices: Mutex<HashMap<Vec<u64>, Index>>,
}

type Index = Option<Arc<Vec<u64>>>;

/// Whether an array is nothing but shards; where other codecs surround them, a whole shard is one chunk.
pub(super) fn is_sharded(node: &Value) -> bool {
    let codecs = node["codecs"].as_array().map_or(&[][..], Vec::as_slice);
    matches!(codecs, [codec] if codec["name"] == "sharding_indexed")
}

/// Splits a sharded array: the storage of the chunks in its shards, and the metadata of an array of them.
pub(super) fn split(node: &Value, outer: DynArray) -> Result<(ShardStorage, Value), String> {
    let configuration = &node["codecs"][0]["configuration"];
    let chunk: Vec<NonZeroU64> = serde_json::from_value(configuration["chunk_shape"].clone())
        .map_err(|e| format!("`chunk_shape` of the shards: {e}"))?;
    let mut inner = node.clone();
    inner["chunk_grid"] = json!({"name": "regular", "configuration": {"chunk_shape": chunk}});
    inner["codecs"] = configuration["codecs"].clone();
    inner["chunk_key_encoding"] = json!({"name": "default"});
    Ok((ShardStorage::new(configuration, &chunk, outer)?, inner))
}

impl ShardStorage {
    fn new(configuration: &Value, chunk: &[NonZeroU64], outer: DynArray) -> Result<Self, String> {
        let shard = outer
            .chunk_shape(&vec![0; outer.dimensionality()])
            .map_err(|e| e.to_string())?;
        let divides = chunk.len() == shard.len()
            && shard
                .iter()
                .zip(chunk)
                .all(|(shard, chunk)| shard.get() % chunk.get() == 0);
        if !divides {
            return Err(format!(
                "expected shards of whole chunks, found {shard:?} and {chunk:?}"
            ));
        }
        let per_shard: Vec<u64> = shard
            .iter()
            .zip(chunk)
            .map(|(s, c)| s.get() / c.get())
            .collect();
        let count = per_shard
            .iter()
            .try_fold(1_u64, |n, &length| n.checked_mul(length));
        let count = count
            .filter(|&count| count <= MAX_PER_SHARD)
            .ok_or_else(|| {
                format!("expected at most {MAX_PER_SHARD} chunks per shard, found {per_shard:?}")
            })?;
        let list: Vec<MetadataV3> = serde_json::from_value(configuration["index_codecs"].clone())
            .map_err(|e| format!("`index_codecs`: {e}"))?;
        let mut index_size = 16 * count;
        for codec in &list {
            index_size += match codec.name() {
                "bytes" => 0,
                "crc32c" => 4,
                other => return Err(format!("index codec `{other}` of shards is not known")),
            };
        }
        Ok(Self {
            index_codecs: CodecChain::from_metadata(&list).map_err(|e| e.to_string())?,
            index_at_end: configuration["index_location"] != "start",
            outer,
            per_shard,
            index_size,
            indices: Mutex::default(),
        })
    }

    /// The name of the object that holds a chunk.
    pub(super) fn shard_key(&self, chunk: &[u64]) -> String {
        self.outer.chunk_key(&self.shard(chunk)).as_str().to_owned()
    }

    fn shard(&self, chunk: &[u64]) -> Vec<u64> {
        chunk
            .iter()
            .zip(&self.per_shard)
            .map(|(i, n)| i / n)
            .collect()
    }

    /// Which of the chunks of its shard a chunk is.
    fn entry(&self, chunk: &[u64]) -> usize {
        let pairs = chunk.iter().zip(&self.per_shard);
        pairs.fold(0, |entry, (i, n)| entry * *n as usize + (i % n) as usize)
    }

    /// Where a chunk is in its shard, or `None` if it is not there.
    fn range(&self, chunk: &[u64]) -> Result<Option<(u64, u64)>, StorageError> {
        let Some(index) = self.index(&self.shard(chunk))? else {
            return Ok(None);
        };
        let entry = 2 * self.entry(chunk);
        match index.get(entry..entry + 2) {
            Some([u64::MAX, u64::MAX]) => Ok(None),
            Some(&[offset, length]) if offset.checked_add(length).is_some() => {
                Ok(Some((offset, length)))
            }
            _ => Err(StorageError::Other(
                "the index of the shard is damaged".to_owned(),
            )),
        }
    }

    fn index(&self, shard: &[u64]) -> Result<Index, StorageError> {
        let known = || self.indices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known().get(shard) {
            return Ok(index.clone());
        }
        let index = self.read_index(shard)?.map(Arc::new);
        let mut known = known();
        if known.len() >= MAX_INDICES {
            known.clear();
        }
        known.insert(shard.to_vec(), index.clone());
        Ok(index)
    }

    fn read_index(&self, shard: &[u64]) -> Result<Option<Vec<u64>>, StorageError> {
        let range = match self.index_at_end {
            true => ByteRange::Suffix(self.index_size),
            false => ByteRange::FromStart(0, Some(self.index_size)),
        };
        let key = self.outer.chunk_key(shard);
        let Some(bytes) = self.outer.storage().get_partial(&key, range)? else {
            return Ok(None);
        };
        let damaged =
            |e: String| StorageError::Other(format!("the index of the shard is damaged: {e}"));
        let shape = self
            .per_shard
            .iter()
            .chain(&[2])
            .copied()
            .filter_map(NonZeroU64::new);
        let decoded = self
            .index_codecs
            .decode(
                Cow::Borrowed(&bytes),
                &shape.collect::<Vec<_>>(),
                &data_type::uint64(),
                &FillValue::from(u64::MAX),
                &CodecOptions::default(),
            )
            .and_then(|decoded| Ok(decoded.into_fixed()?.into_owned()))
            .map_err(|e| damaged(e.to_string()))?;
        let numbers = decoded.as_chunks::<8>().0.iter();
        Ok(Some(
            numbers.map(|bytes| u64::from_ne_bytes(*bytes)).collect(),
        ))
    }

    /// The indices in a key such as `temperature/c/0/1/2`.
    fn chunk_of(&self, key: &StoreKey) -> Option<Vec<u64>> {
        let parts: Vec<&str> = key.as_str().split('/').collect();
        let numbers = parts.get(parts.len().checked_sub(self.per_shard.len())?..)?;
        numbers.iter().map(|number| number.parse().ok()).collect()
    }
}

impl ReadableStorageTraits for ShardStorage {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        let chunk = self.chunk_of(key);
        let chunk =
            chunk.ok_or_else(|| StorageError::Other(format!("no chunk is named `{key}`")))?;
        let Some((offset, length)) = self.range(&chunk)? else {
            return Ok(None);
        };
        let shard = self.outer.chunk_key(&self.shard(&chunk));
        let range = ByteRange::FromStart(offset, Some(length));
        self.outer.storage().get_partial(&shard, range)
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let Some(bytes) = self.get(key)? else {
            return Ok(None);
        };
        let part = move |range: ByteRange| -> Result<Bytes, StorageError> {
            let length = bytes.len() as u64;
            let (start, end) = (range.start(length), range.end(length));
            if start > end || end > length {
                return Err(StorageError::Other(format!(
                    "no bytes {range} in a chunk of {length}"
                )));
            }
            Ok(bytes.slice(start as usize..end as usize))
        };
        Ok(Some(Box::new(byte_ranges.map(part))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(self.get(key)?.map(|bytes| bytes.len() as u64))
    }

    fn supports_get_partial(&self) -> bool {
        false
    }
}
