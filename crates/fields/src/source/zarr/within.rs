//! A directory of objects that are not read past their end.

use zarrs::filesystem::FilesystemStore;
use zarrs::storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs::storage::{
    MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey,
};

/// Refuses ranges that no file holds before memory is taken for them.
///
/// The store of zarrs takes as much as is asked for, and the index of a damaged shard asks for anything.
pub(in super::super) struct WithinFiles(pub(super) FilesystemStore);

/// What is wrong with a range of an object of this size.
fn misfit(range: &ByteRange, size: u64) -> Option<StorageError> {
    let (offset, length) = match *range {
        ByteRange::FromStart(offset, length) => (offset, length.unwrap_or(0)),
        ByteRange::Suffix(length) => (0, length),
    };
    let fits = offset.checked_add(length).is_some_and(|end| end <= size);
    let message = || format!("{length} bytes at {offset} are asked for, but there are {size}");
    (!fits).then(|| StorageError::Other(message()))
}

impl ReadableStorageTraits for WithinFiles {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        self.0.get(key)
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let Some(size) = self.0.size_key(key)? else {
            return Ok(None);
        };
        let ranges: Vec<ByteRange> = byte_ranges.collect();
        match ranges.iter().find_map(|range| misfit(range, size)) {
            Some(error) => Err(error),
            None => self.0.get_partial_many(key, Box::new(ranges.into_iter())),
        }
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        self.0.size_key(key)
    }

    fn supports_get_partial(&self) -> bool {
        self.0.supports_get_partial()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn ranges_end_where_the_file_ends() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("k"), [1, 2, 3, 4]).unwrap();
        let store = FilesystemStore::new(directory.path()).unwrap();
        let store: Arc<dyn ReadableStorageTraits> = Arc::new(WithinFiles(store));
        let key = StoreKey::new("k").unwrap();
        let part = |range| store.get_partial(&key, range);
        assert_eq!(
            part(ByteRange::FromStart(1, Some(2))).unwrap().unwrap()[..],
            [2, 3]
        );
        assert_eq!(
            part(ByteRange::FromStart(3, None)).unwrap().unwrap()[..],
            [4]
        );
        assert_eq!(part(ByteRange::Suffix(4)).unwrap().unwrap().len(), 4);
        for range in [
            ByteRange::FromStart(0, Some(1 << 60)),
            ByteRange::FromStart(u64::MAX, Some(2)),
            ByteRange::FromStart(5, None),
            ByteRange::Suffix(5),
        ] {
            assert!(part(range).is_err(), "{range:?}");
        }
        let other = StoreKey::new("absent").unwrap();
        let absent = store.get_partial(&other, ByteRange::Suffix(1)).unwrap();
        assert!(absent.is_none());
    }
}
