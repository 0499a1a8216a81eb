//! Chunks packed with Blosc, whose header says how large they become.

use std::sync::Arc;

use serde_json::Value;
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{
    MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey,
};

use super::metadata::Node;

/// Storage of an array that refuses chunks that would become larger than the metadata say.
///
/// The codec of zarrs takes as much memory as the header of a chunk asks for.
/// The header: <https://www.blosc.org/c-blosc/pages/readme_chunk_format.html>.
pub(super) struct BloscChunks {
    pub(super) storage: Arc<dyn ReadableStorageTraits>,
    /// Bytes of a chunk without compression.
    pub(super) size: u64,
}

/// Whether the chunks of an array begin with Blosc's header: nothing but a checksum comes after it.
pub(super) fn is_blosc(node: &Node) -> bool {
    match node {
        Node::V2 { array, .. } => array["compressor"]["id"] == "blosc",
        Node::V3(node) => {
            let codecs = node["codecs"].as_array().map_or(&[][..], Vec::as_slice);
            let last = codecs.iter().rfind(|codec| codec["name"] != "crc32c");
            last.is_some_and(|codec: &Value| codec["name"] == "blosc")
        }
    }
}

impl ReadableStorageTraits for BloscChunks {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        let bytes = self.storage.get(key)?;
        let stated = bytes.as_ref().and_then(|bytes| bytes.get(4..8));
        let stated = stated.map_or(0, |size| {
            size.iter()
                .rev()
                .fold(0, |n, &byte| n << 8 | u64::from(byte))
        });
        // Codecs between the numbers and Blosc may add a checksum.
        if stated > self.size.saturating_add(64) {
            let size = self.size;
            let message = format!("expected a chunk of {size} bytes, found one of {stated}");
            return Err(StorageError::Other(message));
        }
        Ok(bytes)
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        self.storage.get_partial_many(key, byte_ranges)
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        self.storage.size_key(key)
    }

    fn supports_get_partial(&self) -> bool {
        self.storage.supports_get_partial()
    }
}
