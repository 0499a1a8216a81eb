//! Checkpoints saved by PyTorch: any bytes as one member, chosen by the first byte, of a file that is good otherwise.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fuzz::{Member, ScratchFile, fixture, members_of, npz, prepare};
use dropsonde_sae::interchange;
use libfuzzer_sys::fuzz_target;
use zip::CompressionMethod::Stored;

static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("fuzz.pt"));

static MEMBERS: LazyLock<Vec<Member>> = LazyLock::new(|| {
    members_of(&fixture("sae/tests/data/interchange/paper/sae_step0000334_t0M.pt"))
});

/// Every member in its place.
fn seeds() -> Vec<Vec<u8>> {
    let good = |(i, (_, contents)): (usize, &Member)| [&[i as u8], contents.as_slice()].concat();
    MEMBERS.iter().enumerate().map(good).collect()
}

fuzz_target!(init: prepare("pt", seeds()), |data: &[u8]| {
    let [choice, bad @ ..] = data else { return };
    let choice = usize::from(*choice) % MEMBERS.len();
    let member = |(i, (name, good)): (usize, &'static Member)| {
        (name.as_str(), if i == choice { bad } else { good })
    };
    let bytes = npz(MEMBERS.iter().enumerate().map(member), Stored);
    let _ = interchange::import(FILE.with(&bytes));
});
