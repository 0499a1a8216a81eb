//! Statistics: any bytes as the JSON form.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fields::Statistics;
use dropsonde_fuzz::{ScratchFile, prepare, statistics, task};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("fuzz.json"));

fuzz_target!(init: prepare("statistics", [statistics()]), |data: &[u8]| {
    if let Ok(statistics) = Statistics::from_json(FILE.with(data)) {
        let _ = statistics.normalizer(&task());
    }
});
