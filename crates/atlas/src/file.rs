//! Files appear under their final name only when they are complete.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` beside `path` under a temporary name and renames it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    let Some(name) = path.file_name() else {
        return Err(failed(std::io::Error::from(
            std::io::ErrorKind::InvalidInput,
        )));
    };
    let mut part = name.to_os_string();
    part.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(part);
    let done = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    done.map_err(|source| {
        let _ = fs::remove_file(&part);
        failed(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_names_the_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("taken");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("child"), "x").unwrap();
        let error = write_atomically(&target, b"text").unwrap_err();
        assert!(error.to_string().contains("taken"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let missing = dir.path().join("no/such/dir.html");
        assert!(write_atomically(&missing, b"text").is_err());
    }

    #[test]
    fn the_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.html");
        write_atomically(&path, b"first, longer").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
