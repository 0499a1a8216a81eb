//! The name that a file or directory gets when it is complete.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Something that is written as `<path>.part` and renamed to `<path>` at the end.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    part: PathBuf,
    overwrite: bool,
}

impl Part {
    /// Checks that the name is free, or that what has it is a store that may be replaced.
    pub(super) fn new(path: &Path, overwrite: bool) -> Result<Self> {
        let mut part = path.to_owned().into_os_string();
        part.push(".part");
        let this = Self {
            path: path.to_owned(),
            part: part.into(),
            overwrite,
        };
        this.check_target()?;
        Ok(this)
    }

    /// The name at the end.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name until then.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// A failure of the whole store.
    pub(super) fn failed(&self, message: impl Into<String>) -> Error {
        write_error(&self.path, message)
    }

    /// Gives the data their name.
    pub(super) fn commit(&self) -> Result<()> {
        self.check_target()?;
        let old = self.path.is_dir().then(|| self.beside(".old"));
        if let Some(old) = &old {
            // A directory cannot be renamed over another one.
            self.rename(&self.path, old)?;
        }
        self.rename(&self.part, &self.path)?;
        match old {
            Some(old) => {
                std::fs::remove_dir_all(&old).map_err(|e| write_error(&old, e.to_string()))
            }
            None => Ok(()),
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        std::fs::rename(from, to).map_err(|e| self.failed(e.to_string()))
    }

    fn check_target(&self) -> Result<()> {
        let metadata = match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(self.failed(e.to_string())),
        };
        if !self.overwrite {
            return Err(self.failed("it exists already\nhint: choose another name or remove it"));
        }
        let is_store = !metadata.is_dir() || self.path.join("zarr.json").is_file();
        match is_store {
            true => Ok(()),
            false => Err(self.failed("it is a directory that is not a Zarr v3 store, and only a store is replaced\nhint: choose another name")),
        }
    }
}

pub(crate) fn write_error(path: &Path, message: impl Into<String>) -> Error {
    Error::Write {
        path: path.to_owned(),
        message: message.into(),
    }
}
