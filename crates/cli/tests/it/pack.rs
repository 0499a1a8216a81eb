//! Packing of a long record from the command line: coarsen, windows, stats and climatology without windows.

use std::path::Path;

use assert_cmd::Command;
use dropsonde_fields::{Climatology, Source, StateWriter, Statistics, Time};
use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, Value};

/// Runs the program in a directory and returns what it prints as JSON.
fn json(directory: &Path, arguments: &[&str]) -> Value {
    let output = Command::cargo_bin("dropsonde")
        .unwrap()
        .current_dir(directory)
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Two months of made-up weather on 24 x 12.
fn record(directory: &Path) {
    let step = 180.0 / 12.0;
    let lat = (0..12).map(|i| -90.0 + step * (i as f32 + 0.5)).collect();
    let grid = LatLonGrid::new(lat, (0..24).map(|j| j as f32 * step).collect()).unwrap();
    let first: Time = "2000-01-01T06".parse().unwrap();
    let times: Vec<Time> = (0..240).map(|k| first.plus_hours(6 * k)).collect();
    let source = Source::synthetic(grid, &[300, 500, 850], &times).unwrap();
    let template = source.state(times[0]).unwrap();
    let path = directory.join("native.zarr");
    let mut writer = StateWriter::create(path, source.grid(), &template, Map::new()).unwrap();
    for &time in &times {
        writer.append(&source.state(time).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

const PACK: &str = r#"
grid = "12x6"
daily = ["sea_surface_temperature"]
default_keep_bits = 12
shard_states = 64
[keep_bits]
temperature = 10
"#;

const TASK: &str = r#"
[model]
resolution = 0.0
mesh_size = 1
latent_size = 8
gnn_msg_steps = 1
hidden_layers = 1
radius_query_fraction_edge_length = 0.6
[task]
input_variables = ["2m_temperature", "temperature", "year_progress_sin", "geopotential_at_surface"]
target_variables = ["2m_temperature", "temperature"]
forcing_variables = ["year_progress_sin"]
pressure_levels = [850]
input_duration_hours = 12
"#;

#[test]
fn from_native_states_to_a_climatology() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    record(here);
    std::fs::write(here.join("pack.toml"), PACK).unwrap();
    std::fs::write(here.join("task.toml"), TASK).unwrap();
    let coarsen = [
        "coarsen",
        "--source",
        "native.zarr",
        "--config",
        "pack.toml",
        "--out",
        "earth.zarr",
    ];
    let planned = json(here, &[&coarsen[..], &["--dry-run"]].concat());
    assert_eq!(
        (planned["grid"].as_str(), planned["times"].as_u64()),
        (Some("12x6"), Some(240))
    );
    assert!(!here.join("earth.zarr").exists());
    let made = json(here, &coarsen);
    assert_eq!(made["plan"], planned);
    assert_eq!(
        json(here, &["coarsen", "--verify", "earth.zarr"])["sound"],
        true
    );

    let windows = [
        "windows",
        "--source",
        "earth.zarr",
        "--splits",
        "report=1,train=1",
        "--out",
        "windows.json",
    ];
    let chosen = json(here, &windows);
    assert_eq!(chosen["windows"].as_array().unwrap().len(), 2);
    let missing = chosen["missing"].to_string();
    assert!(
        missing.contains("report: 0 of 10 storm tracks"),
        "{missing}"
    );
    let mini = [
        "coarsen",
        "--source",
        "earth.zarr",
        "--windows",
        "windows.json",
        "--out",
        "mini.zarr",
    ];
    assert_eq!(json(here, &mini)["plan"]["times"], 58);

    let stats = [
        "stats",
        "--input",
        "earth.zarr",
        "--config",
        "task.toml",
        "--exclude",
        "mini.zarr",
        "--out",
        "stats.json",
    ];
    assert_eq!(json(here, &stats)["times"], 240 - 58);
    let statistics = Statistics::open(here.join("stats.json")).unwrap();
    assert_eq!(statistics.variables.len(), 4);

    let climatology = [
        "climatology",
        "--source",
        "earth.zarr",
        "--exclude",
        "windows.json",
        "--out",
        "climatology.zarr",
    ];
    Command::cargo_bin("dropsonde")
        .unwrap()
        .current_dir(here)
        .args(climatology)
        .assert()
        .failure();
    assert!(!here.join("climatology.zarr").exists());
    let source = Source::open(here.join("earth.zarr")).unwrap();
    assert!(Climatology::open(here.join("earth.zarr")).is_err());
    assert_eq!(source.attributes()["packing"]["to_grid"], "12x6");
}
