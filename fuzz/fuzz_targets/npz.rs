//! Checkpoints: any bytes as an npz file.
#![no_main]

use std::io::Cursor;

use dropsonde_forecaster::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Checkpoint::from_reader(Cursor::new(data), "fuzz.npz");
});
