//! Arrays: any bytes as one member, chosen by the first byte, of a checkpoint that is good otherwise.
#![no_main]

use std::io::Cursor;
use std::sync::LazyLock;

use dropsonde_forecaster::Checkpoint;
use dropsonde_fuzz::{Member, members, npz, prepare};
use libfuzzer_sys::fuzz_target;
use zip::CompressionMethod::Stored;

static MEMBERS: LazyLock<Vec<Member>> = LazyLock::new(members);

/// Every member in its place.
fn seeds() -> Vec<Vec<u8>> {
    let good = |(i, (_, contents)): (usize, &Member)| [&[i as u8], contents.as_slice()].concat();
    MEMBERS.iter().enumerate().map(good).collect()
}

fuzz_target!(init: prepare("npy", seeds()), |data: &[u8]| {
    let [choice, bad @ ..] = data else { return };
    let choice = usize::from(*choice) % MEMBERS.len();
    let member = |(i, (name, good)): (usize, &'static Member)| {
        (name.as_str(), if i == choice { bad } else { good })
    };
    let bytes = npz(MEMBERS.iter().enumerate().map(member), Stored);
    let _ = Checkpoint::from_reader(Cursor::new(bytes), "fuzz.npz");
});
