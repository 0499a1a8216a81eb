//! Captured latents: a good store with damaged metadata or chunks.
#![no_main]

use std::sync::LazyLock;

use dropsonde_activations::{ActivationReader, ActivationWriter, LatentsMeta, Record};
use dropsonde_fuzz::{DamagedStore, scratch};
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| {
    let directory = scratch();
    let path = directory.path().join("latents.zarr");
    let mut writer = ActivationWriter::create(&path, LatentsMeta::new("processor/08", 5, 4), 3).expect("a store");
    for hours in 0..3 {
        writer.append(&Record::new(0, 6 * hours), &[0.5; 20]).expect("a record");
    }
    writer.finish().expect("a store");
    DamagedStore::copy(&path, |_| true)
});

fuzz_target!(|data: &[u8]| {
    STORE.with(data, |path| {
        if let Ok(reader) = ActivationReader::open(path) {
            for index in 0..reader.records().len().min(3) {
                let _ = reader.read(index);
            }
        }
    });
});
