//! Training of a tiny network on weather made of formulas, stopped and resumed.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use dropsonde_fields::{Source, State, Statistics, Task, Time, write_states};
use dropsonde_mesh::LatLonGrid;
use serde_json::Value;

const CONFIG: &str = r#"
name = "tiny"
description = "a test"
license = "none"
dtype = "bf16"
statistics = "statistics.json"
held_out = "held.zarr"

[model]
resolution = 0.0
mesh_size = 1
latent_size = 8
gnn_msg_steps = 2
hidden_layers = 1
radius_query_fraction_edge_length = 0.6

[task]
input_variables = ["2m_temperature", "temperature", "toa_incident_solar_radiation", "land_sea_mask"]
target_variables = ["2m_temperature", "temperature"]
forcing_variables = ["toa_incident_solar_radiation"]
pressure_levels = [500, 850]
input_duration_hours = 12

[train]
seed = 1
weight_decay = 0.05
betas = [0.9, 0.95]
clip_norm = 5.0
ema_decay = 0.9

[train.variable_weights]
2m_temperature = 0.5

[[train.phases]]
steps = 100
horizon = 1
batch_size = 1
peak_rate = 1e-3
final_rate = 1e-5
warmup = 10
"#;

fn write_weather(path: &Path, first: &str, states: i64) {
    let grid = LatLonGrid::with_poles(15.0).unwrap();
    let first: Time = first.parse().unwrap();
    let times: Vec<Time> = (0..states).map(|i| first.plus_hours(6 * i)).collect();
    let source = Source::synthetic(grid.clone(), &[500, 850], &times).unwrap();
    let states: Vec<State> = times.iter().map(|&t| source.state(t).unwrap()).collect();
    write_states(path, &grid, &states).unwrap();
}

fn train(directory: &Path, out: &str, more: &[&str]) -> std::process::Output {
    let mut program = Command::cargo_bin("dropsonde").unwrap();
    program.current_dir(directory);
    program.args(["train", "--config", "tiny.toml", "--data", "weather.zarr"]);
    program.args(["--out", out]).args(more);
    program.output().unwrap()
}

/// The log without the time it took.
fn log(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path.join("tiny.log.jsonl")).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds").unwrap();
        line
    });
    lines.collect()
}

#[test]
fn training_that_stopped_goes_on_to_the_same_weights() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::write(root.join("tiny.toml"), CONFIG).unwrap();
    let table: toml::Table = CONFIG.parse().unwrap();
    let task: Task = table["task"].clone().try_into().unwrap();
    let statistics = Statistics::synthetic(&task).unwrap();
    statistics.to_json(root.join("statistics.json")).unwrap();
    write_weather(&root.join("weather.zarr"), "2022-01-01T00", 12);
    write_weather(&root.join("held.zarr"), "2022-03-01T00", 7);

    let succeed = |out: &str, more: &[&str]| {
        let output = train(root, out, more);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
    };
    let (table, _) = succeed("whole", &["--json"]);
    let skill: Value = serde_json::from_str(&table).unwrap();
    // Three channels at three leads.
    assert_eq!(skill.as_array().unwrap().len(), 9);

    let (_, said) = succeed("cut", &["--until", "60"]);
    assert!(said.contains("stopped after step 60 of 100"), "{said}");
    assert!(!root.join("cut/tiny.npz").exists());
    succeed("cut", &["--resume"]);
    let [whole, cut] = ["whole", "cut"].map(|name| root.join(name));
    assert_eq!(log(&whole).len(), 2);
    assert_eq!(log(&cut)[0], log(&whole)[0]);
    for name in ["tiny.npz", "tiny.skill.json"] {
        let [a, b] = [&whole, &cut].map(|out| fs::read(out.join(name)).unwrap());
        assert!(a == b, "{name}");
    }

    let changed = CONFIG.replace("seed = 1", "seed = 2");
    fs::write(root.join("tiny.toml"), changed).unwrap();
    let output = train(root, "cut", &["--resume"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        stderr.contains("another training configuration"),
        "{stderr}"
    );
}
