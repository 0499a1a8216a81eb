//! Zarr stores, v2 and v3, in a directory or behind a URL.

mod array;
mod blosc;
mod cache;
mod metadata;
mod number;
mod opening;
mod pick;
mod place;
mod shard;
mod within;

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::ArrayD;
use serde_json::Value;

use super::clock;
use super::guard::guarded;
use super::options::MissingChunks;
use super::store::{ArrayInfo, MAX_COORDINATE, Parallel, Store, checked_shape};
use crate::{Error, Result};
use array::{Missing, ZarrArray};
use cache::ChunkCache;
use metadata::Metadata;
pub(super) use place::Place;

/// A Zarr group of arrays.
pub(super) struct ZarrStore {
    place: Place,
    attributes: Value,
    infos: BTreeMap<String, ArrayInfo>,
    arrays: BTreeMap<String, ZarrArray>,
    cache: ChunkCache,
}

impl ZarrStore {
    /// Reads the metadata of a store; `None` if there is no Zarr group at this place.
    pub(super) fn open(place: Place, missing: MissingChunks) -> Result<Option<Self>> {
        let Some(metadata) = Metadata::read(&place)? else {
            return Ok(None);
        };
        let mut store = Self {
            attributes: metadata.attributes,
            infos: BTreeMap::new(),
            arrays: BTreeMap::new(),
            cache: ChunkCache::default(),
            place,
        };
        for (name, node) in metadata.arrays {
            let open = || ZarrArray::open(&store.place, &name, node);
            let Some(mut array) = guarded(store.path(), &name, open)? else {
                continue;
            };
            let info = array.info(store.path(), &name)?;
            let is_coordinate =
                info.dims.is_empty() || info.dims == [name.as_str()] || clock::is_absolute(&info);
            // A coordinate such as `time = [0]` is its fill value, which zarr-python 3 does not write;
            // a gap in a longer one would not ascend.
            if is_coordinate || missing == MissingChunks::Fill {
                array.allow_missing_chunks();
            }
            store.infos.insert(name.clone(), info);
            store.arrays.insert(name, array);
        }
        Ok(Some(store))
    }

    fn array(&self, name: &str) -> Result<(&ZarrArray, &ArrayInfo)> {
        let found = self.arrays.get(name).zip(self.infos.get(name));
        found.ok_or_else(|| Error::malformed(self.path(), name, "no such array"))
    }

    /// Runs a read of an array on the threads that suit the place.
    fn decode<T: Send>(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<T, Missing> + Send,
    ) -> Result<T> {
        guarded(self.path(), name, || {
            let data = match self.parallel() {
                Parallel::Pool(pool) => pool.install(read),
                _ => read(),
            };
            data.map_err(|missing| self.chunk_error(name, &missing))
        })
    }

    /// Says which chunk could not be read, and of which entries it is.
    fn chunk_error(&self, name: &str, missing: &Missing) -> Error {
        let path = self.place.address(&missing.key);
        match &missing.failure {
            Some(failure) => {
                Error::malformed(path, name, format!("the chunk cannot be read: {failure}"))
            }
            None => {
                let dims = self.infos.get(name).map_or(&[][..], |info| &info.dims);
                let of: Vec<String> = dims
                    .iter()
                    .zip(&missing.first)
                    .map(|(dim, index)| format!("{dim} {index}"))
                    .collect();
                let message = format!(
                    "the chunk with {} is not in the store, and its fill value is a number\nhint: the store may be incomplete; if its writer leaves out chunks of nothing but the fill value {}, set `SourceOptions::missing_chunks` to `MissingChunks::Fill`",
                    of.join(", "),
                    missing.fill
                );
                Error::malformed(path, name, message)
            }
        }
    }
}

impl Store for ZarrStore {
    fn path(&self) -> &Path {
        self.place.shown()
    }

    fn arrays(&self) -> &BTreeMap<String, ArrayInfo> {
        &self.infos
    }

    fn attributes(&self) -> &Value {
        &self.attributes
    }

    fn read(&self, name: &str, picks: &[Vec<usize>]) -> Result<ArrayD<f32>> {
        let (array, info) = self.array(name)?;
        let shape = checked_shape(self, name, info, picks)?;
        let read = || array.read(picks, &shape, Some((&self.cache, name)));
        self.decode(name, read)
    }

    fn read_all(&self, name: &str) -> Result<ArrayD<f64>> {
        let (array, info) = self.array(name)?;
        let count = info
            .shape
            .iter()
            .try_fold(1_usize, |n, &length| n.checked_mul(length));
        if count.is_none_or(|count| count > MAX_COORDINATE) {
            let shape = &info.shape;
            let message =
                format!("expected at most {MAX_COORDINATE} entries, found the shape {shape:?}");
            return Err(Error::malformed(self.path(), name, message));
        }
        let picks: Vec<Vec<usize>> = info
            .shape
            .iter()
            .map(|&length| (0..length).collect())
            .collect();
        let read = || array.read(&picks, &info.shape, None);
        self.decode(name, read)
    }

    fn parallel(&self) -> Parallel<'_> {
        match self.place.bucket() {
            Some(bucket) => Parallel::Pool(bucket.pool()),
            None => Parallel::Global,
        }
    }
}
