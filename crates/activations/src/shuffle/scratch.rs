//! The directory of the bucket files.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::plan::Plan;
use crate::{Error, Result};

const LOCK: &str = "lock";
const MARKER: &str = "complete";
const EPOCH: &str = "epoch-";
/// Left free on the disk, bytes.
const RESERVE: u64 = 16 << 20;

/// A directory that belongs to one shuffle as long as this value lives; removed with it.
pub(super) struct Scratch {
    root: PathBuf,
    stamp: String,
    lock: File,
}

impl Scratch {
    /// Creates the directory or takes over what a killed run has left.
    pub(super) fn open(root: &Path, plan: &Plan) -> Result<Self> {
        fs::create_dir_all(root).map_err(Error::io(root))?;
        let path = root.join(LOCK);
        let lock = File::create(&path).map_err(Error::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::InUse {
                    path: root.to_path_buf(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::Io { path, source }),
        }
        Ok(Self {
            root: root.to_path_buf(),
            stamp: plan.stamp(),
            lock,
        })
    }

    pub(super) fn epoch(&self, epoch: u64) -> PathBuf {
        self.root.join(format!("{EPOCH}{epoch}"))
    }

    pub(super) fn bucket(&self, epoch: u64, bucket: usize) -> PathBuf {
        self.epoch(epoch).join(format!("bucket-{bucket:05}"))
    }

    /// Whether every bucket from `first` on is there as this plan wants it.
    pub(super) fn is_complete(&self, plan: &Plan, epoch: u64, first: usize) -> bool {
        let marker = fs::read_to_string(self.epoch(epoch).join(MARKER));
        let size = |bucket| self.bucket(epoch, bucket).metadata().map(|m| m.len()).ok();
        marker.is_ok_and(|text| text == self.stamp)
            && (first..plan.n_buckets()).all(|b| size(b) == Some(plan.file_bytes(b)))
    }

    /// Makes an empty directory for an epoch, on a disk with space for its buckets from `first` on.
    pub(super) fn begin(&self, plan: &Plan, epoch: u64, first: usize) -> Result<()> {
        let path = self.epoch(epoch);
        remove(&path)?;
        fs::create_dir_all(&path).map_err(Error::io(&path))?;
        // Two buckets of the epoch before are still there while those of the next are written.
        let buckets = plan.n_buckets() - first + 2;
        let needed = buckets as u64 * plan.file_bytes(0) + RESERVE;
        match free_bytes(&path) {
            Some(free) if free < needed => Err(Error::DiskFull {
                path: self.root.clone(),
                needed,
                free,
            }),
            _ => Ok(()),
        }
    }

    /// Declares the buckets of an epoch complete.
    pub(super) fn complete(&self, epoch: u64) -> Result<()> {
        let path = self.epoch(epoch).join(MARKER);
        let draft = path.with_extension("part");
        fs::write(&draft, &self.stamp).map_err(Error::io(&draft))?;
        fs::rename(&draft, &path).map_err(Error::io(&path))
    }

    /// Removes the buckets of all epochs but one.
    pub(super) fn keep_only(&self, epoch: Option<u64>) -> Result<()> {
        let kept = epoch.map(|epoch| self.epoch(epoch));
        for entry in fs::read_dir(&self.root).map_err(Error::io(&self.root))? {
            let path = entry.map_err(Error::io(&self.root))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(EPOCH) && Some(&path) != kept.as_ref() {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes a bucket that is not needed again.
    pub(super) fn discard(&self, epoch: u64, bucket: usize) -> Result<()> {
        let path = self.bucket(epoch, bucket);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(e)),
            _ => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whatever cannot be removed now is removed by the next shuffle that uses the directory.
        let _ = self.keep_only(None);
        let _ = fs::remove_file(self.root.join(LOCK));
        let _ = self.lock.unlock();
        let _ = fs::remove_dir(&self.root);
    }
}

fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path).map_err(Error::io(path))?;
    }
    Ok(())
}

/// Bytes that may still be written to the disk of `path`, where the system says so.
#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_path: &Path) -> Option<u64> {
    None
}
