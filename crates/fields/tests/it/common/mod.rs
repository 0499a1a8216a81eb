//! Helpers of the tests: paths and arrays of the fixtures.

pub(crate) mod forecast;
pub(crate) mod planet;

use std::fs::File;
use std::path::PathBuf;

/// A fixture by name.
pub(crate) fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// A fixture that is JSON.
pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_reader(File::open(data(name)).unwrap()).unwrap()
}

/// An array of an npz fixture as f64, row-major.
pub(crate) fn npz(name: &str, array: &str) -> Vec<f64> {
    let mut zip = zip::ZipArchive::new(File::open(data(name)).unwrap()).unwrap();
    let open = |zip: &mut zip::ZipArchive<File>| {
        let mut bytes = Vec::new();
        let mut member = zip.by_name(&format!("{array}.npy")).unwrap();
        std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
        bytes
    };
    let bytes = open(&mut zip);
    let file = || npyz::NpyFile::new(&bytes[..]).unwrap();
    match file().dtype().descr().as_str() {
        "'<f8'" => file().into_vec::<f64>().unwrap(),
        "'<f4'" => file()
            .into_vec::<f32>()
            .unwrap()
            .into_iter()
            .map(f64::from)
            .collect(),
        "'<i8'" => file()
            .into_vec::<i64>()
            .unwrap()
            .into_iter()
            .map(|x| x as f64)
            .collect(),
        other => panic!("unexpected dtype {other}"),
    }
}

/// Largest absolute difference.
pub(crate) fn max_error(found: impl IntoIterator<Item = f64>, expected: &[f64]) -> f64 {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    let errors = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    errors.fold(0.0, |worst, e| {
        if e.is_nan() {
            f64::INFINITY
        } else {
            worst.max(e)
        }
    })
}
