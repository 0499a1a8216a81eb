//! Weather in Zarr: a good store with damaged metadata or chunks.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use dropsonde_fields::Source;
use dropsonde_fuzz::{DamagedStore, copy, fixture, seed};
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| {
    DamagedStore::new(|path: &Path| copy(&fixture("fields/tests/data/earth.zarr"), path))
});

fuzz_target!(init: seed("zarr", STORE.seeds()), |data: &[u8]| {
    STORE.with(data, |path| {
        if let Ok(source) = Source::open(path) {
            let _ = source.state(source.times()[0]);
        }
    });
});
