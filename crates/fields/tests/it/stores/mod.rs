//! Stores for the tests of sources: fixtures, stores made on the fly, and servers on loopback.

pub(crate) mod raw;
pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use dropsonde_fields::{Field, RemoteOptions, Source, SourceOptions, Time, Variable};
use ndarray::Array3;

/// A store of `make_stores.py`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data/stores").join(name)
}

/// 1000 t + 200 k + 20 i + j, the formula of `make_stores.py`.
pub(crate) fn formula(t: usize, levels: &[usize]) -> Array3<f32> {
    Array3::from_shape_fn((levels.len(), 6, 12), |(k, i, j)| {
        (1000 * t + 200 * levels[k] + 20 * i + j) as f32
    })
}

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// The data of one variable at one time.
pub(crate) fn data(source: &Source, time: Time, variable: &Variable) -> Array3<f32> {
    field(source, time, variable).data
}

pub(crate) fn field(source: &Source, time: Time, variable: &Variable) -> Field {
    let state = source
        .state_of(time, std::slice::from_ref(variable))
        .unwrap();
    state.get(variable).unwrap().clone()
}

/// Options that give up quickly.
pub(crate) fn impatient() -> SourceOptions {
    SourceOptions {
        remote: RemoteOptions {
            max_retries: 2,
            retry_timeout: Duration::from_secs(2),
            first_pause: Duration::from_millis(1),
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(20),
            ..RemoteOptions::default()
        },
        ..SourceOptions::default()
    }
}

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
