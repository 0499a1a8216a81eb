//! Checkpoints: any bytes as an npz file.
#![no_main]

use std::io::Cursor;

use dropsonde_forecaster::Checkpoint;
use dropsonde_fuzz::{checkpoint, members, npz, prepare};
use libfuzzer_sys::fuzz_target;
use zip::CompressionMethod::{Deflated, Stored};

/// A whole checkpoint, and each member alone: in a short file more changes hit what matters.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![checkpoint()];
    for (name, contents) in &members() {
        let member = [(name.as_str(), contents.as_slice())];
        seeds.extend([Stored, Deflated].map(|method| npz(member, method)));
    }
    seeds
}

fuzz_target!(init: prepare("npz", seeds()), |data: &[u8]| {
    let _ = Checkpoint::from_reader(Cursor::new(data), "fuzz.npz");
});
