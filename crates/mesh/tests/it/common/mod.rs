//! Reads the reference arrays.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

pub(crate) struct Npz {
    archive: ZipArchive<File>,
    prefix: String,
}

impl Npz {
    /// Opens `tests/data/{file}`; every array name is then looked up behind `prefix`.
    pub(crate) fn open(file: &str, prefix: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(file);
        Self {
            archive: ZipArchive::new(File::open(path).unwrap()).unwrap(),
            prefix: prefix.to_owned(),
        }
    }

    pub(crate) fn values<T: npyz::Deserialize>(&mut self, name: &str) -> Vec<T> {
        let entry = format!("{}{name}.npy", self.prefix);
        let mut bytes = Vec::new();
        self.archive
            .by_name(&entry)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap()
    }

    pub(crate) fn scalar<T: npyz::Deserialize>(&mut self, name: &str) -> T {
        let mut values = self.values(name);
        assert_eq!(values.len(), 1, "{name}");
        values.remove(0)
    }

    pub(crate) fn indices(&mut self, name: &str) -> Vec<u32> {
        self.values::<i32>(name)
            .into_iter()
            .map(|x| u32::try_from(x).unwrap())
            .collect()
    }
}

pub(crate) fn largest_difference(ours: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(ours.len(), reference.len());
    ours.iter()
        .zip(reference)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
