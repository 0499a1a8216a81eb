//! Autoencoders in training: a good directory with damaged weights, configuration or state.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fuzz::{DamagedStore, prepare, training};
use dropsonde_sae::Trainer;
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| DamagedStore::new(training));

fuzz_target!(init: prepare("autoencoder", STORE.seeds()), |data: &[u8]| {
    STORE.with(data, |path| {
        // Reads the autoencoder first.
        let _ = Trainer::load(path);
    });
});
