//! Takes an npz apart and puts it together again, with changed members.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// Members by key, as raw `.npy` bytes.
pub(crate) struct Npz(pub Vec<(String, Vec<u8>)>);

impl Npz {
    pub(crate) fn open(path: impl AsRef<Path>) -> Self {
        let mut zip = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        let members = (0..zip.len()).map(|i| {
            let mut member = zip.by_index(i).unwrap();
            let key = member
                .name()
                .unwrap()
                .strip_suffix(".npy")
                .unwrap()
                .to_owned();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (key, bytes)
        });
        Self(members.collect())
    }

    pub(crate) fn set(&mut self, key: &str, bytes: Vec<u8>) {
        self.remove(key);
        self.0.push((key.to_owned(), bytes));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k != key);
    }

    pub(crate) fn get(&self, key: &str) -> &[u8] {
        &self.0.iter().find(|(k, _)| k == key).unwrap().1
    }

    pub(crate) fn bytes(&self, method: CompressionMethod) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .large_file(method == CompressionMethod::Stored);
        for (key, bytes) in &self.0 {
            zip.start_file(format!("{key}.npy"), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// Descr and shape of a member, as numpy would print them (`<f4`, `(4, 16)`).
pub(crate) fn header(bytes: &[u8]) -> (String, Vec<u64>) {
    let npy = npyz::NpyFile::new(bytes).unwrap();
    let descr = npy.dtype().descr().trim_matches('\'').to_owned();
    (descr, npy.shape().to_vec())
}

/// Values of an `<f4` member.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    npyz::NpyFile::new(bytes).unwrap().into_vec().unwrap()
}

/// A member of any dtype and order.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &[u64], data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({dims}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A 0-d string.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let data: Vec<u8> = text
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    npy(&format!("<U{}", data.len() / 4), false, &[], &data)
}
