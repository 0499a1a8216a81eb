use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::scratch;

/// What a number in a text is replaced by.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "-1",
    "2",
    "7",
    "65536",
    "4294967296",
    "1099511627776",
    "18446744073709551615",
    "1e300",
    "null",
    "[]",
];

/// A store of several files, of which one at a time is damaged.
pub struct DamagedStore {
    _directory: TempDir,
    root: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl DamagedStore {
    /// Takes the good store that `write` puts at the path it is given.
    pub fn new(write: impl FnOnce(&Path)) -> Self {
        let directory = scratch();
        let root = directory.path().join("store.zarr");
        write(&root);
        let mut files = Vec::new();
        collect(&root, &mut files);
        files.sort();
        assert!(!files.is_empty(), "no file to damage in {}", root.display());
        Self {
            _directory: directory,
            root,
            files,
        }
    }

    /// Inputs that replace one number, in different places of every file.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let n = NUMBERS.len();
        let input = |i| vec![(i / n) as u8, 0, (37 * (i % n)) as u8, 0, 4, (i % n) as u8];
        (0..self.files.len() * n).map(input).collect()
    }

    /// Runs `read` with one file, chosen by the first byte of the input, damaged as the rest says.
    ///
    /// If the second byte is odd the rest replaces the file altogether; else it is a list of small [`edit`]s.
    pub fn with(&self, input: &[u8], read: impl FnOnce(&Path)) {
        let [choice, how, rest @ ..] = input else {
            return;
        };
        let (path, good) = &self.files[usize::from(*choice) % self.files.len()];
        let mut bad = good.clone();
        match how % 2 {
            1 => bad = rest.to_vec(),
            _ => rest
                .as_chunks()
                .0
                .iter()
                .for_each(|step| edit(&mut bad, *step)),
        }
        std::fs::write(path, bad).expect("scratch is writable");
        read(&self.root);
        std::fs::write(path, good).expect("scratch is writable");
    }
}

/// One change of a file: position (two bytes), kind and value.
fn edit(bytes: &mut Vec<u8>, [low, high, kind, value]: [u8; 4]) {
    let position = usize::from(u16::from_le_bytes([low, high])) % (bytes.len() + 1);
    match kind % 5 {
        0 if position < bytes.len() => bytes[position] = value,
        1 => bytes.insert(position, value),
        2 if position < bytes.len() => drop(bytes.remove(position)),
        3 => bytes.truncate(position),
        4 => replace_number(bytes, position, NUMBERS[usize::from(value) % NUMBERS.len()]),
        _ => {}
    }
}

/// Replaces the first number at or after `position`.
fn replace_number(bytes: &mut Vec<u8>, position: usize, by: &str) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    if let Some(start) = bytes[position..].iter().position(is_digit) {
        let start = position + start;
        let length = bytes[start..]
            .iter()
            .take_while(|byte| is_digit(byte))
            .count();
        bytes.splice(start..start + length, by.bytes());
    }
}

fn collect(directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("a store") {
        let path = entry.expect("a store").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push((path.clone(), std::fs::read(&path).expect("a store"))),
        }
    }
}
