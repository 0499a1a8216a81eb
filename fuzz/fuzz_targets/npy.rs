//! Arrays: any bytes as a member of a checkpoint that is good otherwise.
#![no_main]

use std::io::{Cursor, Write};

use dropsonde_forecaster::Checkpoint;
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;

const MEMBERS: [&str; 4] = [
    "model_config:mesh_size.npy",
    "task_config:pressure_levels:0.npy",
    "description.npy",
    "params:mesh_gnn/~_networks_builder/encoder_edges_mesh_mlp/~/linear_0:w.npy",
];

fuzz_target!(|data: &[u8]| {
    let [choice, contents @ ..] = data else { return };
    let mut npz = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    npz.start_file(MEMBERS[usize::from(*choice) % MEMBERS.len()], stored).expect("a zip in memory");
    npz.write_all(contents).expect("a zip in memory");
    let bytes = npz.finish().expect("a zip in memory");
    let _ = Checkpoint::from_reader(bytes, "fuzz.npz");
});
