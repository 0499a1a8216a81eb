//! JSON files, written under a temporary name first.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Version of the JSON formats of this crate.
pub(crate) const FORMAT: u32 = 1;

/// `path` with `.part` appended.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".part");
    PathBuf::from(name)
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|e| Error::Format {
        path: path.to_path_buf(),
        expected: "representable as JSON",
        reason: e.to_string(),
    })?;
    text.push('\n');
    let part = part_of(path);
    fs::write(&part, text).map_err(Error::io(&part))?;
    fs::rename(&part, path).map_err(Error::io(path))
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    serde_json::from_str(&text).map_err(|e| Error::Format {
        path: path.to_path_buf(),
        expected,
        reason: e.to_string(),
    })
}
