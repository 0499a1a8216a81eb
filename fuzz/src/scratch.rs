use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that is gone with its owner, in memory where the system offers that.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => TempDir::new_in(memory),
        false => TempDir::new(),
    }
    .expect("a scratch directory")
}

/// A single file whose contents are replaced again and again.
pub struct ScratchFile {
    _directory: TempDir,
    path: PathBuf,
}

impl ScratchFile {
    pub fn new(name: &str) -> Self {
        let directory = scratch();
        let path = directory.path().join(name);
        Self {
            _directory: directory,
            path,
        }
    }

    pub fn with(&self, contents: &[u8]) -> &Path {
        std::fs::write(&self.path, contents).expect("scratch is writable");
        &self.path
    }
}

/// A fixture of a crate of the project.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates")
        .join(path)
}

/// Copies a directory with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("scratch is writable");
    for entry in std::fs::read_dir(from).expect("a fixture") {
        let from = entry.expect("a fixture").path();
        let to = to.join(from.file_name().unwrap_or_default());
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(std::fs::copy(&from, &to).expect("scratch is writable")),
        }
    }
}
