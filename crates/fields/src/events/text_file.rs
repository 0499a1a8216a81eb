//! Writing small text files.

use std::path::Path;

use crate::{Error, Result};

/// Writes a file that appears under its name only when it is complete.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(super) fn write_complete(path: &Path, text: &str) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let write = || {
        std::fs::write(&part, text)?;
        std::fs::rename(&part, path)
    };
    write().map_err(|source| {
        // best effort: the error that matters is the one that follows
        std::fs::remove_file(&part).ok();
        Error::io(path, source)
    })
}
