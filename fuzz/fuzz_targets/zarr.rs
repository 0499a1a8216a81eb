//! Weather in Zarr: good stores, v3, sharded v3 and v2, with damaged metadata or chunks.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fuzz::{DamagedStore, copy, fixture, prepare, read_first};
use libfuzzer_sys::fuzz_target;

static STORES: LazyLock<[DamagedStore; 3]> = LazyLock::new(|| {
    ["earth.zarr", "sharded.zarr", "stores/coarse.zarr"].map(|name| {
        let from = fixture("fields/tests/data").join(name);
        DamagedStore::new(|path| copy(&from, path))
    })
});

fn seeds() -> Vec<Vec<u8>> {
    let of = |(i, store): (usize, &DamagedStore)| {
        let with_choice = move |input: Vec<u8>| [&[i as u8], input.as_slice()].concat();
        store.seeds().into_iter().map(with_choice)
    };
    STORES.iter().enumerate().flat_map(of).collect()
}

fuzz_target!(init: prepare("zarr", seeds()), |data: &[u8]| {
    let [choice, rest @ ..] = data else { return };
    STORES[usize::from(*choice) % STORES.len()].with(rest, |path| {
        let _ = read_first(path);
    });
});
