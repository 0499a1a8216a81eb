//! Statistics: any bytes as the JSON form.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fields::{Statistics, Task};
use dropsonde_fuzz::ScratchFile;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("fuzz.json"));
static TASK: LazyLock<Task> = LazyLock::new(Task::graphcast_13);

fuzz_target!(|data: &[u8]| {
    if let Ok(statistics) = Statistics::from_json(FILE.with(data)) {
        let _ = statistics.normalizer(&TASK);
    }
});
