//! Codes: a good store with damaged metadata or chunks.
#![no_main]

use std::sync::LazyLock;

use dropsonde_activations::{CodeMeta, CodeRecord, CodeStore, CodeWriter, Record};
use dropsonde_fuzz::{DamagedStore, scratch};
use libfuzzer_sys::fuzz_target;

static STORE: LazyLock<DamagedStore> = LazyLock::new(|| {
    let directory = scratch();
    let path = directory.path().join("codes.zarr");
    let codes = CodeRecord {
        indices: vec![1, 2, 3, 0, 5, 6],
        values: vec![0.5; 6],
        mean: vec![0.0; 3],
        norm: vec![1.0; 3],
    };
    let mut writer = CodeWriter::create(&path, CodeMeta::new("processor/08", 3, 8, 2), 2).expect("a store");
    for hours in 0..2 {
        writer.append(&Record::new(0, 6 * hours), &codes).expect("a record");
    }
    writer.finish().expect("a store");
    DamagedStore::copy(&path, |_| true)
});

fuzz_target!(|data: &[u8]| {
    STORE.with(data, |path| {
        if let Ok(store) = CodeStore::open(path) {
            for index in 0..store.records().len().min(2) {
                let _ = store.read(index);
            }
        }
    });
});
