//! Captured latents: a good store with damaged metadata or chunks.
#![no_main]

use std::sync::LazyLock;

use dropsonde_activations::ActivationReader;
use dropsonde_fuzz::{DamagedStore, latents, prepare};
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| DamagedStore::new(latents));

fuzz_target!(init: prepare("latents", STORE.seeds()), |data: &[u8]| {
    STORE.with(data, |path| {
        if let Ok(reader) = ActivationReader::open(path) {
            for index in 0..reader.records().len().min(3) {
                let _ = reader.read(index);
            }
        }
    });
});
