//! Weather in NetCDF: any bytes as a file, and reading all of its first state.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fields::Source;
use dropsonde_fuzz::ScratchFile;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("fuzz.nc"));

fuzz_target!(|data: &[u8]| {
    if let Ok(source) = Source::open(FILE.with(data)) {
        let _ = source.state(source.times()[0]);
    }
});
