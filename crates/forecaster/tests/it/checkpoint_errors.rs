//! Broken checkpoints: the error names the file and what is wrong.

use std::fs;
use std::io::Cursor;

use crate::common::npz::{Npz, npy, text};
use crate::common::{TINY, file};
use dropsonde_forecaster::{Checkpoint, Error, ModelConfig, Parameters};
use zip::CompressionMethod::{Deflated, Stored};

const BIAS: &str = "params:mesh_gnn/~_networks_builder/encoder_edges_mesh_mlp/~/linear_0:b";

fn tiny() -> Npz {
    Npz::open(file(TINY, "checkpoint.npz"))
}

/// The message of the error that these bytes give; it always names the file.
fn message(bytes: Vec<u8>) -> String {
    let error = Checkpoint::from_reader(Cursor::new(bytes), "dir/bad.npz").unwrap_err();
    assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("`dir/bad.npz`"), "{message}");
    message
}

fn changed(change: impl FnOnce(&mut Npz)) -> String {
    let mut npz = tiny();
    change(&mut npz);
    message(npz.bytes(Stored))
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

#[test]
fn a_truncated_file_is_refused_at_any_length() {
    let whole = fs::read(file(TINY, "checkpoint.npz")).unwrap();
    for share in [0.0, 0.1, 0.5, 0.9, 0.999] {
        message(whole[..(share * whole.len() as f64) as usize].to_vec());
    }
}

#[test]
fn a_file_that_is_no_npz_is_refused() {
    assert_says(&message(b"CDF\x01 netcdf".to_vec()), &["expected an npz"]);
    let directory = tempfile::tempdir().unwrap();
    let error = Checkpoint::read(directory.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&*directory.path().to_string_lossy())
    );
    let missing = Checkpoint::read(directory.path().join("none.npz")).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }) && missing.to_string().contains("none.npz"));
}

#[test]
fn a_changed_byte_fails_the_checksum() {
    let mut bytes = tiny().bytes(Stored);
    let needle = b"random weights"
        .iter()
        .flat_map(|&c| u32::from(c).to_le_bytes())
        .collect::<Vec<_>>();
    let place = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    bytes[place] ^= 1;
    assert_says(&message(bytes), &["`license`", "checksum"]);
}

#[test]
fn missing_and_unused_weights_are_all_named() {
    let reason = changed(|npz| {
        npz.remove(BIAS);
        npz.remove("params:mesh_gnn/~_networks_builder/encoder_edges_mesh_mlp/~/linear_1:b");
        npz.set("params:extra:w", npy("<f4", false, &[1], &[0; 4]));
        npz.set("params:other:w", npy("<f4", false, &[1], &[0; 4]));
    });
    assert_says(
        &reason,
        &[
            "missing: mesh_gnn/~_networks_builder/encoder_edges_mesh_mlp/~/linear_0:b",
            "encoder_edges_mesh_mlp/~/linear_1:b",
            "unused: extra:w",
            "other:w",
        ],
    );
}

#[test]
fn wrong_shapes_are_named_with_both_shapes() {
    let reason = changed(|npz| npz.set(BIAS, npy("<f4", false, &[4, 4], &[0; 64])));
    assert_says(
        &reason,
        &["wrong shape", "linear_0:b [4, 4] (expected [16])"],
    );
    let reason = changed(|npz| npz.set(BIAS, npy("<f4", false, &[0, 1 << 62], &[])));
    assert_says(&reason, &["linear_0:b"]);
    let reason = changed(|npz| npz.set(BIAS, npy("<f4", false, &[0, u64::MAX], &[])));
    assert_says(&reason, &["linear_0:b"]);
}

#[test]
fn wrong_dtypes_are_named() {
    let reason = changed(|npz| npz.set(BIAS, npy("<c8", false, &[16], &[0; 128])));
    assert_says(&reason, &["linear_0:b", "`<c8`", "expected floats"]);
    let reason = changed(|npz| npz.set(BIAS, text("sixteen")));
    assert_says(&reason, &["linear_0:b", "`<U7`"]);
    let reason = changed(|npz| npz.set("model_config:mesh_size", text("two")));
    assert_says(&reason, &["`model_config:mesh_size`", "`<U3`"]);
    let number = npy("<i8", false, &[], &7i64.to_le_bytes());
    let reason = changed(|npz| npz.set("task_config:input_variables:3", number));
    assert_says(
        &reason,
        &["`task_config:input_variables:3`", "expected a string"],
    );
}

#[test]
fn weights_that_are_not_finite_are_named() {
    let mut data = [0u8; 64];
    data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    data[4..8].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let reason = changed(|npz| npz.set(BIAS, npy("<f4", false, &[16], &data)));
    assert_says(&reason, &["not finite", "linear_0:b (2 of 16)"]);
}

#[test]
fn every_problem_of_the_configuration_is_listed_at_once() {
    let reason = changed(|npz| {
        npz.remove("model_config:latent_size");
        npz.set(
            "model_config:gnn_msg_steps",
            npy("<f8", false, &[], &2.5f64.to_le_bytes()),
        );
        npz.set(
            "model_config:mesh_size",
            npy("<i8", false, &[], &(-1i64).to_le_bytes()),
        );
        npz.remove("task_config:pressure_levels:4");
        npz.set("task_config:target_variables:x", text("snow"));
        npz.set(
            "model_config:attention_heads",
            npy("<i8", false, &[], &4i64.to_le_bytes()),
        );
        npz.set("task_config:lead_time", text("6h"));
    });
    assert_says(
        &reason,
        &[
            "`model_config:latent_size` is missing",
            "`model_config:gnn_msg_steps`: 2.5, expected a whole number",
            "`model_config:mesh_size`: -1",
            "`task_config:pressure_levels:4` is missing",
            "`task_config:target_variables:x` does not end in an integer",
            "unknown: `model_config:attention_heads`, `task_config:lead_time`",
            "hint:",
        ],
    );
}

#[test]
fn sizes_that_no_network_has_are_refused() {
    for (field, value, part) in [
        ("mesh_size", 200i64, "expected 0..=8"),
        ("latent_size", 0, "expected 1..=65536"),
        ("latent_size", 1 << 40, "expected 1..=65536"),
        ("gnn_msg_steps", 0, "at least 1"),
    ] {
        let number = npy("<i8", false, &[], &value.to_le_bytes());
        let reason = changed(|npz| npz.set(&format!("model_config:{field}"), number));
        assert_says(&reason, &[field, part]);
    }
    let factor = "model_config:mesh2grid_edge_normalization_factor";
    let nan = npy("<f8", false, &[], &f64::NAN.to_le_bytes());
    assert_says(&changed(|npz| npz.set(factor, nan)), &["NaN", "positive"]);
}

#[test]
fn other_input_durations_are_refused() {
    for duration in ["6h", "18h", "two days", "1h2h"] {
        let reason = changed(|npz| npz.set("task_config:input_duration", text(duration)));
        assert_says(
            &reason,
            &[&format!("`{duration}`, expected `12h`"), "hint:"],
        );
    }
}

#[test]
fn zip_bombs_are_refused_without_inflating_them() {
    // 128 MiB of zeros in an eighth of a megabyte, honestly declared.
    let mut zeros = npy("<f4", false, &[1 << 25], &[]);
    zeros.resize(zeros.len() + (1 << 27), 0);
    let size = (zeros.len() as u32).to_le_bytes();
    let bomb = Npz(vec![("params:bomb:w".to_owned(), zeros)]).bytes(Deflated);
    assert!(bomb.len() < 1 << 20);
    assert_says(
        &message(bomb.clone()),
        &["`params:bomb:w` claims 1342", "expected at most"],
    );
    // The same with a false size wherever it is stated: inflating stops at what was declared.
    let mut lie = bomb;
    let places: Vec<usize> = (0..lie.len() - 4)
        .filter(|&place| lie[place..place + 4] == size)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        lie[place..place + 4].copy_from_slice(&1000u32.to_le_bytes());
    }
    assert_says(
        &message(lie),
        &["`params:bomb:w`", "larger than the file can hold"],
    );
    // A shape that the file cannot hold.
    let reason = changed(|npz| npz.set(BIAS, npy("<f4", false, &[1 << 40], &[0; 64])));
    assert_says(&reason, &["linear_0:b", "larger than the file can hold"]);
}

#[test]
fn many_members_share_one_allowance() {
    let mut zeros = npy("<f4", false, &[10 << 20], &[]);
    zeros.resize(zeros.len() + (40 << 20), 0);
    let members = (0..3).map(|i| (format!("params:{i}:w"), zeros.clone()));
    let reason = message(Npz(members.collect()).bytes(Deflated));
    assert_says(&reason, &["`params:1:w` claims"]);
}

#[test]
fn parameters_are_compared_with_any_configuration() {
    let read = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    let (c_in, c_out) = (
        read.task.input_channels().len(),
        read.task.output_channels().len(),
    );
    let check = |model: ModelConfig| {
        let error = read.parameters.check(&model, c_in, c_out).unwrap_err();
        error.to_string()
    };
    let wider = ModelConfig {
        latent_size: 8,
        ..read.model.clone()
    };
    assert_says(&check(wider), &["wrong shape", "linear_0:w"]);
    let deeper = ModelConfig {
        gnn_msg_steps: 4,
        ..read.model.clone()
    };
    assert_says(&check(deeper), &["missing", "processor_edges_3_mesh"]);
    let shallower = ModelConfig {
        gnn_msg_steps: 2,
        ..read.model.clone()
    };
    assert_says(&check(shallower), &["unused", "processor_edges_2_mesh"]);
}

#[test]
fn random_parameters_fit_and_depend_on_the_seed_alone() {
    let read = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
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
