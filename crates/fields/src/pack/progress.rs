//! What an interrupted run has left.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::writer::write_error;
use crate::{Error, Result, Time};

/// How far a run has come; written after every block, beside the unfinished store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Everything but the times that decides about the bytes of the store.
    pub(super) plan: Value,
    /// The times of the store.
    pub(super) times: Vec<Time>,
    /// Blocks that are complete, over all axes.
    pub(super) blocks: usize,
}

impl Progress {
    /// `<store>.part.json`.
    fn path(store: &Path) -> PathBuf {
        let mut path = store.to_owned().into_os_string();
        path.push(".part.json");
        path.into()
    }

    /// That of a store, if there is one with data.
    pub(super) fn read(store: &Path) -> Result<Option<Self>> {
        let path = Self::path(store);
        let mut part = store.to_owned().into_os_string();
        part.push(".part");
        if !Path::new(&part).is_dir() || !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        let progress = serde_json::from_str(&text).map_err(|e| {
            let message = format!("{e}\nhint: remove it to begin anew");
            Error::malformed(&path, "progress", message)
        })?;
        Ok(Some(progress))
    }

    /// Writes it in one step.
    pub(super) fn write(&self, store: &Path) -> Result<()> {
        let path = Self::path(store);
        let failed = |message: String| write_error(&path, message);
        let text = serde_json::to_string(self).map_err(|e| failed(e.to_string()))?;
        let new = path.with_extension("json.new");
        std::fs::write(&new, text).map_err(|e| failed(e.to_string()))?;
        std::fs::rename(&new, &path).map_err(|e| failed(e.to_string()))
    }

    /// Takes it away; not being there is as good.
    pub(super) fn remove(store: &Path) -> Result<()> {
        let path = Self::path(store);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(write_error(&path, e.to_string()))
            }
            _ => Ok(()),
        }
    }
}
