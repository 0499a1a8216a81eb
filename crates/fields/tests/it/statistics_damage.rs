//! Statistics whose numbers do not fit their levels. Found while the fuzz target `netcdf` was written.

use dropsonde_fields::{Error, Statistics};

fn word(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// A name as classic NetCDF writes it: length, bytes, zeros up to a multiple of four.
fn name(text: &str) -> Vec<u8> {
    let mut bytes = word(text.len() as u32).to_vec();
    bytes.extend(text.bytes());
    bytes.resize(4 + text.len().div_ceil(4) * 4, 0);
    bytes
}

/// A float variable on one dimension, without attributes.
fn variable(text: &str, dimension: u32, length: u32, begin: u32) -> Vec<u8> {
    let fields = [1, dimension, 0, 0, 5, 4 * length, begin];
    [name(text), fields.map(word).concat()].concat()
}

/// Classic NetCDF with three numbers on `level` and as many levels as asked, which are on a dimension of their own.
/// Layout: <https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html>.
fn file(n_levels: u32) -> Vec<u8> {
    let header = |begin: u32| {
        [
            b"CDF\x01".to_vec(),
            [0, 10, 2].map(word).concat(),
            [name("level"), word(3).to_vec()].concat(),
            [name("other"), word(n_levels).to_vec()].concat(),
            [0, 0, 11, 2].map(word).concat(),
            variable("level", 1, n_levels, begin),
            variable("temperature", 0, 3, begin + 4 * n_levels),
        ]
        .concat()
    };
    let levels = [500.0_f32, 850.0, 1000.0]
        .into_iter()
        .take(n_levels as usize);
    let numbers: Vec<u8> = levels
        .chain([250.0, 260.0, 270.0])
        .flat_map(f32::to_be_bytes)
        .collect();
    let begin = header(0).len() as u32;
    [header(begin), numbers].concat()
}

#[test]
fn there_is_one_number_per_level() {
    let directory = tempfile::tempdir().unwrap();
    for kind in ["mean", "stddev", "diffs_stddev"] {
        let path = directory.path().join(format!("{kind}_by_level.nc"));
        std::fs::write(path, file(3)).unwrap();
    }
    let statistics = Statistics::from_dir(directory.path()).unwrap();
    assert_eq!(statistics.variables.len(), 1);
    let path = directory.path().join("stddev_by_level.nc");
    std::fs::write(path, file(2)).unwrap();
    let error = Statistics::from_dir(directory.path()).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("stddev_by_level.nc"), "{said}");
    assert!(said.contains("found 3 for 2 levels"), "{said}");
}
