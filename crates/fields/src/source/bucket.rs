//! A blocking view of a remote object store; everything asynchronous stays in here.

mod connect;
mod failure;

use std::future::Future;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;
use zarrs::storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs::storage::{
    Bytes, MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey,
};

use super::location::{RemoteLocation, Service};
use super::options::RemoteOptions;
use crate::{Error, Result};
use failure::Reporter;
pub(super) use failure::{Failure, FailureKind};

/// What a request for a part of an object brings.
pub(super) enum Part {
    /// The bytes asked for, of an object of `size` bytes.
    Range { bytes: Bytes, size: u64 },
    /// All bytes.
    Whole(Bytes),
}

/// Objects behind a URL, read by blocking calls from any thread.
pub(super) struct Bucket {
    inner: Arc<dyn ObjectStore>,
    prefix: String,
    shown: PathBuf,
    reporter: Reporter,
    /// Plain HTTP cannot list.
    can_list: bool,
    /// `None` only while dropping.
    runtime: Option<Runtime>,
    /// As many threads as requests may be under way.
    pool: rayon::ThreadPool,
}

impl Bucket {
    /// Prepares access; nothing is requested yet.
    pub(super) fn new(location: &RemoteLocation, options: &RemoteOptions) -> Result<Self> {
        let cannot = |message: String| Error::Remote {
            url: location.shown.clone(),
            message,
        };
        let reporter = Reporter::new(location, options);
        let (inner, prefix) = connect::connect(location, options)
            .map_err(|e| cannot(reporter.failure(&location.shown, e).message))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("dropsonde-remote")
            .enable_all()
            .build()
            .map_err(|e| cannot(format!("no threads for requests: {e}")))?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.concurrency.clamp(1, 256))
            .build()
            .map_err(|e| cannot(format!("no threads for requests: {e}")))?;
        Ok(Self {
            inner,
            prefix,
            shown: location.shown.clone(),
            reporter,
            can_list: location.service != Service::Http,
            runtime: Some(runtime),
            pool,
        })
    }

    /// The address, fit to be shown.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// Threads that may wait for requests.
    pub(super) fn pool(&self) -> &rayon::ThreadPool {
        &self.pool
    }

    /// The address of an object, fit to be shown; the empty key is the address itself.
    pub(super) fn address(&self, key: &str) -> PathBuf {
        let shown = self.shown.display();
        match key {
            "" => self.shown.clone(),
            key => PathBuf::from(format!("{shown}/{key}")),
        }
    }

    /// A whole object, or `None` if there is none of this name.
    pub(super) fn fetch(&self, key: &str) -> Result<Option<Bytes>, Failure> {
        let (store, path) = (Arc::clone(&self.inner), self.key(key));
        self.wait(key, async move { store.get(&path).await?.bytes().await })
    }

    /// Bytes of an object, or `None` if there is none of this name.
    pub(super) fn fetch_range(&self, key: &str, range: GetRange) -> Result<Option<Bytes>, Failure> {
        let part = match self.part(key, range.clone())? {
            None => return Ok(None),
            Some(Part::Range { bytes, .. }) => Ok(bytes),
            Some(Part::Whole(bytes)) => slice(&bytes, &range),
        };
        part.map(Some).map_err(|message| Failure {
            kind: FailureKind::Other,
            message,
        })
    }

    /// Bytes of an object, or all of it from a server that sends no parts.
    pub(super) fn part(&self, key: &str, range: GetRange) -> Result<Option<Part>, Failure> {
        let (store, path) = (Arc::clone(&self.inner), self.key(key));
        let part = self.wait(key, async move {
            let options = GetOptions {
                range: Some(range),
                ..GetOptions::default()
            };
            let result = store.get_opts(&path, options).await?;
            let size = result.meta.size;
            let bytes = result.bytes().await?;
            Ok(Part::Range { bytes, size })
        });
        match part {
            Err(failure) if failure.kind == FailureKind::NoRanges => {
                Ok(self.fetch(key)?.map(Part::Whole))
            }
            part => part,
        }
    }

    /// The length of an object in bytes, or `None` if there is none of this name.
    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, Failure> {
        let (store, path) = (Arc::clone(&self.inner), self.key(key));
        self.wait(key, async move { Ok(store.head(&path).await?.size) })
    }

    /// Names directly below the prefix that have something below them; `None` where that cannot be listed.
    pub(super) fn children(&self) -> Option<Vec<String>> {
        if !self.can_list {
            return None;
        }
        let store = Arc::clone(&self.inner);
        let prefix = (!self.prefix.is_empty()).then(|| Key::from(self.prefix.as_str()));
        let listed = self.wait("", async move {
            store.list_with_delimiter(prefix.as_ref()).await
        });
        let names = listed.ok()??.common_prefixes;
        Some(
            names
                .iter()
                .filter_map(|path| path.filename().map(str::to_owned))
                .collect(),
        )
    }

    fn key(&self, key: &str) -> Key {
        match (self.prefix.is_empty(), key.is_empty()) {
            (true, _) => Key::from(key),
            (false, true) => Key::from(self.prefix.as_str()),
            (false, false) => Key::from(format!("{}/{key}", self.prefix)),
        }
    }

    /// Runs a request on the runtime's threads and waits for it, which is allowed on any thread.
    fn wait<T: Send + 'static>(
        &self,
        key: &str,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<Option<T>, Failure> {
        let stopped = || Failure {
            kind: FailureKind::Other,
            message: "the threads for requests have stopped".to_owned(),
        };
        let (sender, receiver) = mpsc::channel();
        let runtime = self.runtime.as_ref().ok_or_else(stopped)?;
        runtime.spawn(async move {
            // Nobody waits any more if this fails.
            let _ = sender.send(request.await);
        });
        match receiver.recv().map_err(|_| stopped())? {
            Ok(value) => Ok(Some(value)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.reporter.failure(&self.address(key), error)),
        }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl ReadableStorageTraits for Bucket {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        Ok(Bucket::fetch(self, key.as_str())?)
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let mut parts = Vec::new();
        for range in byte_ranges {
            match self.fetch_range(key.as_str(), to_get_range(range))? {
                Some(bytes) => parts.push(Ok(bytes)),
                None => return Ok(None),
            }
        }
        Ok(Some(Box::new(parts.into_iter())))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(self.size(key.as_str())?)
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        Self::Other(failure.message)
    }
}

fn to_get_range(range: ByteRange) -> GetRange {
    match range {
        ByteRange::FromStart(start, Some(length)) => {
            GetRange::Bounded(start..start.saturating_add(length))
        }
        ByteRange::FromStart(start, None) => GetRange::Offset(start),
        ByteRange::Suffix(length) => GetRange::Suffix(length),
    }
}

/// The bytes of a range out of all bytes.
fn slice(bytes: &Bytes, range: &GetRange) -> Result<Bytes, String> {
    let length = bytes.len() as u64;
    let Range { start, end } = match range {
        GetRange::Bounded(range) => range.clone(),
        GetRange::Offset(start) => *start..length,
        GetRange::Suffix(n) => length.saturating_sub(*n)..length,
    };
    if start > end || end > length {
        return Err(format!(
            "expected bytes {start} to {end}, found {length} bytes"
        ));
    }
    Ok(bytes.slice(start as usize..end as usize))
}
