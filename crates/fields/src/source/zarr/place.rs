//! Where the objects of a Zarr store are: a directory or a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zarrs::filesystem::FilesystemStore;
use zarrs::storage::ReadableStorageTraits;

use super::super::bucket::{Bucket, FailureKind};
use super::within::WithinFiles;
use crate::{Error, Result};

/// A directory on disk or objects behind a URL.
pub(in super::super) enum Place {
    Directory {
        path: PathBuf,
        storage: Arc<WithinFiles>,
    },
    Remote(Arc<Bucket>),
}

impl Place {
    pub(in super::super) fn directory(path: &Path) -> Result<Self> {
        let storage =
            FilesystemStore::new(path).map_err(|e| Error::malformed(path, "directory", e))?;
        Ok(Self::Directory {
            path: path.to_owned(),
            storage: Arc::new(WithinFiles(storage)),
        })
    }

    /// The path or address, fit to be shown.
    pub(super) fn shown(&self) -> &Path {
        match self {
            Self::Directory { path, .. } => path,
            Self::Remote(bucket) => bucket.shown(),
        }
    }

    /// The path or address of an object, fit to be shown.
    pub(super) fn address(&self, key: &str) -> PathBuf {
        match self {
            Self::Directory { path, .. } => path.join(key),
            Self::Remote(bucket) => bucket.address(key),
        }
    }

    pub(super) fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::Directory { .. } => None,
            Self::Remote(bucket) => Some(bucket),
        }
    }

    /// The objects as zarrs reads them.
    pub(super) fn storage(&self) -> Arc<dyn ReadableStorageTraits> {
        match self {
            Self::Directory { storage, .. } => storage.clone(),
            Self::Remote(bucket) => bucket.clone(),
        }
    }

    /// A whole object, or `None` if there is none.
    ///
    /// A bucket that may not be listed answers 403 instead of 404, so a refusal is no object either.
    pub(super) fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Directory { path, .. } => {
                let path = path.join(key);
                match std::fs::read(&path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(e) => Err(Error::io(path, e)),
                }
            }
            Self::Remote(bucket) => match bucket.fetch(key) {
                Ok(bytes) => Ok(bytes.map(|bytes| bytes.to_vec())),
                Err(failure) if failure.kind == FailureKind::Denied => Ok(None),
                Err(failure) => Err(Error::Remote {
                    url: bucket.shown().to_owned(),
                    message: failure.message,
                }),
            },
        }
    }

    /// Names directly below that have something below them, or `None` where that cannot be listed.
    pub(super) fn children(&self) -> Result<Option<Vec<String>>> {
        match self {
            Self::Directory { path, .. } => {
                let mut names = Vec::new();
                for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
                    let entry = entry.map_err(|e| Error::io(path, e))?;
                    if entry.path().is_dir() {
                        names.extend(entry.file_name().into_string().ok());
                    }
                }
                names.sort();
                Ok(Some(names))
            }
            Self::Remote(bucket) => Ok(bucket.children()),
        }
    }
}
