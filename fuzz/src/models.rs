//! A small good file of every form that the project writes itself.

use std::path::Path;

use dropsonde_activations::{
    ActivationWriter, CodeMeta, CodeRecord, CodeWriter, LatentsMeta, Record, ShufflePosition,
};
use dropsonde_fields::{Statistics, Task, Variable};
use dropsonde_forecaster::{Checkpoint, ModelConfig};

use dropsonde_sae::{Sae, SaeConfig, TrainConfig, Trainer};

use crate::{fixture, scratch};

/// The smallest task: one variable on one level.
pub fn task() -> Task {
    Task {
        input_variables: vec![Variable::TEMPERATURE],
        target_variables: vec![Variable::TEMPERATURE],
        forcing_variables: Vec::new(),
        pressure_levels: vec![500],
        input_duration_hours: 12,
    }
}

/// A checkpoint with one channel of weather, a latent size of 1, and one layer in every MLP.
pub fn checkpoint() -> Vec<u8> {
    let model = ModelConfig {
        mesh_size: 0,
        latent_size: 1,
        gnn_msg_steps: 1,
        hidden_layers: 0,
        ..ModelConfig::graphcast()
    };
    let checkpoint = Checkpoint::random(model, task(), 1).expect("a checkpoint");
    written("small.npz", |path| {
        checkpoint.write(path).expect("a checkpoint");
    })
}

/// Statistics of one variable as JSON.
pub fn statistics() -> Vec<u8> {
    let directory = fixture("fields/tests/data/stats");
    let mut statistics = Statistics::from_dir(directory).expect("statistics");
    let one = |variable: &Variable| *variable == Variable::TEMPERATURE;
    statistics.variables.retain(|variable, _| one(variable));
    written("small.json", |path| {
        statistics.to_json(path).expect("statistics");
    })
}

/// The contents of the file that `write` makes.
fn written(name: &str, write: impl FnOnce(&Path)) -> Vec<u8> {
    let directory = scratch();
    let path = directory.path().join(name);
    write(&path);
    std::fs::read(path).expect("the file that was written")
}

/// Three records of captured latents `[5, 4]`.
pub fn latents(path: &Path) {
    let meta = LatentsMeta::new("processor/08", 5, 4);
    let mut writer = ActivationWriter::create(path, meta, 3).expect("a store");
    for hours in 0..3 {
        writer
            .append(&Record::new(0, 6 * hours), &[0.5; 20])
            .expect("a record");
    }
    writer.finish().expect("a store");
}

/// Two records of codes, 2 of 8 at each of 3 nodes.
pub fn codes(path: &Path) {
    let codes = CodeRecord {
        indices: vec![1, 2, 3, 0, 5, 6],
        values: vec![0.5; 6],
        mean: vec![0.0; 3],
        norm: vec![1.0; 3],
    };
    let mut writer =
        CodeWriter::create(path, CodeMeta::new("processor/08", 3, 8, 2), 2).expect("a store");
    for hours in 0..2 {
        writer
            .append(&Record::new(0, 6 * hours), &codes)
            .expect("a record");
    }
    writer.finish().expect("a store");
}

/// The training of an autoencoder from 4 to 8, 2 active.
pub fn training(path: &Path) {
    let sae = Sae::random(SaeConfig::new(4, 8, 2), 1).expect("an autoencoder");
    let trainer = Trainer::new(sae, TrainConfig::new(1)).expect("a trainer");
    trainer
        .save(path, ShufflePosition::default())
        .expect("a trainer");
}
