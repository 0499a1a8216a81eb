//! What the fuzz targets share: a scratch directory in memory, and directories of which one file is damaged.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Fixtures of a crate of the project.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(path)
}

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
        Self { _directory: directory, path }
    }

    pub fn with(&self, contents: &[u8]) -> &Path {
        std::fs::write(&self.path, contents).expect("scratch is writable");
        &self.path
    }
}

/// A store of several files, of which one at a time is replaced.
pub struct DamagedStore {
    _directory: TempDir,
    root: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl DamagedStore {
    /// A copy of a good store; `is_target` says which files may be damaged.
    pub fn copy(from: &Path, is_target: impl Fn(&Path) -> bool) -> Self {
        let directory = scratch();
        let root = directory.path().join("store");
        let mut files = Vec::new();
        copy(from, &root, &mut files);
        files.retain(|(path, _)| is_target(path));
        files.sort();
        assert!(!files.is_empty(), "no file to damage in {}", from.display());
        Self { _directory: directory, root, files }
    }

    /// Runs `read` with one file, chosen by the first byte of the input, damaged as the rest says.
    ///
    /// The rest is pairs of a position (two bytes) and a byte to put there, so that most of the file stays
    /// good; if the second byte of the input is odd the rest replaces the file altogether.
    pub fn with(&self, input: &[u8], read: impl FnOnce(&Path)) {
        let [choice, how, rest @ ..] = input else { return };
        let (path, good) = &self.files[usize::from(*choice) % self.files.len()];
        let bad = match how % 2 {
            1 => rest.to_vec(),
            _ => edited(good, rest),
        };
        std::fs::write(path, bad).expect("scratch is writable");
        read(&self.root);
        std::fs::write(path, good).expect("scratch is writable");
    }
}

fn edited(good: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for edit in edits.chunks_exact(4) {
        let position = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        match edit[2] % 4 {
            // Overwrite, insert, remove, cut off.
            0 if position < bytes.len() => bytes[position] = edit[3],
            1 if position <= bytes.len() => bytes.insert(position, edit[3]),
            2 if position < bytes.len() => drop(bytes.remove(position)),
            3 => bytes.truncate(position.max(1) * usize::from(edit[3]).max(1)),
            _ => {}
        }
    }
    bytes
}

fn copy(from: &Path, to: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    std::fs::create_dir_all(to).expect("scratch is writable");
    for entry in std::fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("a fixture");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, files);
        } else {
            let contents = std::fs::read(entry.path()).expect("a fixture");
            std::fs::write(&target, &contents).expect("scratch is writable");
            files.push((target, contents));
        }
    }
}
