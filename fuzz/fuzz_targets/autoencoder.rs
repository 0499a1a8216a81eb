//! Autoencoders: a good directory with damaged weights or configuration.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fuzz::{DamagedStore, scratch};
use dropsonde_sae::{Sae, SaeConfig};
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| {
    let directory = scratch();
    let path = directory.path().join("sae");
    let sae = Sae::random(SaeConfig::new(4, 8, 2), 1).expect("an autoencoder");
    sae.save(&path).expect("an autoencoder");
    DamagedStore::copy(&path, |_| true)
});

fuzz_target!(|data: &[u8]| {
    STORE.with(data, |path| {
        let _ = Sae::load(path);
    });
});
