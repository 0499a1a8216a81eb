//! `.npy` dumps of activations: any bytes as a file, in every reading of two-byte elements.
#![no_main]

use std::sync::LazyLock;

use dropsonde_activations::{NpyDtype, NpyDump, Rows as _};
use dropsonde_fuzz::{ScratchFile, fixture, prepare};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("fuzz.npy"));

fn seeds() -> [Vec<u8>; 3] {
    ["layer0008_f32_2d", "layer0008_f16_3d", "layer0008_bf16_V2"].map(|name| {
        let path = fixture("activations/tests/data").join(format!("{name}.npy"));
        std::fs::read(path).expect("a fixture")
    })
}

fuzz_target!(init: prepare("dump", seeds()), |data: &[u8]| {
    let path = FILE.with(data);
    for dtype in [None, Some(NpyDtype::Bf16), Some(NpyDtype::F16View)] {
        let Ok(dump) = NpyDump::open(path, dtype) else {
            continue;
        };
        let _ = dump.meta();
        // The first row and the last: those between are no different.
        let mut row = vec![0.0; dump.width()];
        for first in [0, dump.n_rows(0).saturating_sub(1)] {
            let _ = dump.read_rows_into(0, first, &mut row);
        }
    }
});
