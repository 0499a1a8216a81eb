//! Codes: a good store with damaged metadata or chunks.
#![no_main]

use std::sync::LazyLock;

use dropsonde_activations::CodeStore;
use dropsonde_fuzz::{DamagedStore, codes, prepare};
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| DamagedStore::new(codes));

fuzz_target!(init: prepare("codes", STORE.seeds()), |data: &[u8]| {
    STORE.with(data, |path| {
        if let Ok(store) = CodeStore::open(path) {
            for index in 0..store.records().len().min(2) {
                let _ = store.read(index);
            }
        }
    });
});
