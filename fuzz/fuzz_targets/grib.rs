//! Weather in GRIB2: any bytes as a file, and reading all of its first state.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fuzz::grib::{Packing, message};
use dropsonde_fuzz::{ScratchFile, prepare, read_first};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("fuzz.grib2"));

fn seeds() -> [Vec<u8>; 2] {
    [Packing::Simple, Packing::ComplexWithDifferences].map(|packing| {
        let bytes = message(packing);
        read_first(FILE.with(&bytes)).expect("a good message");
        bytes
    })
}

fuzz_target!(init: prepare("grib", seeds()), |data: &[u8]| {
    let _ = read_first(FILE.with(data));
});
