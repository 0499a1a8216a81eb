//! Broken checkpoints: the error names the file and what is wrong.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;

use std::fs;

use dropsonde_forecaster::{Checkpoint, Parameters};

#[test]
fn a_truncated_file_is_refused_at_any_length() {
    let whole = fs::read(common::data("checkpoint.npz")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.npz");
    for share in [0.0, 0.1, 0.5, 0.9, 0.999] {
        fs::write(&path, &whole[..(share * whole.len() as f64) as usize]).unwrap();
        let error = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(error.contains("cut.npz"), "{error}");
    }
}

#[test]
fn missing_and_misshapen_parameters_are_named() {
    let read = Checkpoint::read(common::data("checkpoint.npz")).unwrap();
    let (c_in, c_out) = (
        read.task.input_channels().len(),
        read.task.output_channels().len(),
    );
    let mut wider = read.model.clone();
    wider.latent_size = 8;
    let error = read
        .parameters
        .check(&wider, c_in, c_out)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("wrong shape") && error.contains("linear_0:w"),
        "{error}"
    );
    let mut deeper = read.model.clone();
    deeper.gnn_msg_steps = 4;
    let error = read
        .parameters
        .check(&deeper, c_in, c_out)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing") && error.contains("processor_edges_3_mesh"),
        "{error}"
    );
    let mut shallower = read.model.clone();
    shallower.gnn_msg_steps = 2;
    let error = read
        .parameters
        .check(&shallower, c_in, c_out)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unused") && error.contains("processor_edges_2_mesh"),
        "{error}"
    );
}

#[test]
fn random_parameters_fit_and_depend_on_the_seed_alone() {
    let read = Checkpoint::read(common::data("checkpoint.npz")).unwrap();
    let (c_in, c_out) = (
        read.task.input_channels().len(),
        read.task.output_channels().len(),
    );
    let random = |seed| Parameters::random(&read.model, c_in, c_out, seed);
    random(1).check(&read.model, c_in, c_out).unwrap();
    assert_eq!(random(1).sha256(), random(1).sha256());
    assert_ne!(random(1).sha256(), random(2).sha256());
    assert_eq!(random(1).count(), read.parameters.count());
}
