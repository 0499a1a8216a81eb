//! A forecast without any files: random weights in a published shape, weather made of formulas.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use dropsonde_fields::{Source, Statistics, Task, Time, Variable};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, Kernel, ModelConfig, NoTap, Precision, Preset,
};
use dropsonde_mesh::LatLonGrid;
use tch::Device;

/// GraphCast_small with a network that runs at once.
const TINY: [&str; 14] = [
    "forecast",
    "--preset",
    "GraphCast_small",
    "--random-weights",
    "--seed",
    "7",
    "--set",
    "latent_size=8",
    "--set",
    "mesh_size=1",
    "--set",
    "resolution=15",
    "--set",
    "gnn_msg_steps=2",
];

fn run(arguments: &[&str], out: &Path) -> Output {
    let mut program = Command::cargo_bin("dropsonde").unwrap();
    program.args(arguments).arg("--out").arg(out);
    program.output().unwrap()
}

fn tiny(more: &[&str], out: &Path) -> Output {
    run(&[&TINY, more].concat(), out)
}

fn succeeds(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

/// Usage errors have exit code 2, others 1; nothing is written.
fn fails(output: &Output, code: i32, words: &[&str], out: &Path) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(!out.exists());
}

fn model() -> ModelConfig {
    ModelConfig {
        latent_size: 8,
        mesh_size: 1,
        resolution: 15.0,
        gnn_msg_steps: 2,
        ..Preset::GraphCastSmall.model()
    }
}

#[test]
fn a_forecast_without_files_is_that_of_the_library() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("forecast.nc");
    let more = [
        "--synthetic-input",
        "--steps",
        "2",
        "--dtype",
        "f64",
        "--json",
    ];
    let summary: serde_json::Value = serde_json::from_str(&succeeds(&tiny(&more, &out))).unwrap();
    assert_eq!(summary["init"], "2022-01-01T06");
    // The fused kernel has no f64.
    assert_eq!(summary["kernel"], "plain");

    let task = Task::graphcast_13();
    let init: Time = "2022-01-01T06".parse().unwrap();
    let grid = LatLonGrid::with_poles(15.0).unwrap();
    let times = [init.plus_hours(-6), init];
    let source = Source::synthetic(grid.clone(), &task.pressure_levels, &times).unwrap();
    let states = times.map(|time| source.state(time).unwrap());
    let [mut previous, mut current] = states;
    let checkpoint = Checkpoint::random(model(), task.clone(), 7).unwrap();
    let normalizer = Statistics::synthetic(&task)
        .unwrap()
        .normalizer(&task)
        .unwrap();
    let options = ForecasterOptions {
        device: Device::Cpu,
        precision: Precision::F64,
        kernel: Kernel::Plain,
    };
    let forecaster = Forecaster::new(&checkpoint, grid, &normalizer, options).unwrap();
    let written = Source::open(&out).unwrap();
    assert_eq!(written.times(), [init.plus_hours(6), init.plus_hours(12)]);
    assert_eq!(
        written.attributes()["weights_sha256"],
        forecaster.weights_sha256()
    );
    assert_eq!(written.attributes()["source"], "synthetic weather");
    for &time in written.times() {
        let forcings = dropsonde_fields::State::new(time);
        let next = forecaster
            .step(&previous, &current, &forcings, &mut NoTap)
            .unwrap();
        (previous, current) = (current, next);
        let found = written.state(time).unwrap();
        for variable in &task.target_variables {
            // Levels are matched by the reader; the order is that of the task in both.
            assert_eq!(
                found.get(variable).unwrap(),
                current.get(variable).unwrap(),
                "{variable}"
            );
        }
    }
}

#[test]
fn the_seed_and_the_start_matter_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let winds = |name: &str, more: &[&str]| {
        let out = directory.path().join(name);
        succeeds(&tiny(
            &[&["--synthetic-input", "--steps", "1"], more].concat(),
            &out,
        ));
        let source = Source::open(&out).unwrap();
        let state = source.state(source.times()[0]).unwrap();
        state.get(&Variable::U_WIND).unwrap().data.clone()
    };
    let first = winds("a.nc", &[]);
    assert_eq!(first, winds("b.zarr", &[]));
    assert_eq!(first, winds("clipped.nc", &["--clip-precip"]));
    assert_ne!(first, winds("c.nc", &["--init", "2022-06-01T00"]));
    let other = TINY.map(|word| if word == "7" { "8" } else { word });
    let out = directory.path().join("d.nc");
    succeeds(&run(
        &[&other[..], &["--synthetic-input", "--steps", "1"]].concat(),
        &out,
    ));
    let source = Source::open(&out).unwrap();
    let state = source.state(source.times()[0]).unwrap();
    assert_ne!(first, state.get(&Variable::U_WIND).unwrap().data);
}

#[test]
fn kernels_agree_and_the_fused_one_is_the_default_on_a_cpu() {
    let directory = tempfile::tempdir().unwrap();
    let winds = |name: &str, more: &[&str]| {
        let out = directory.path().join(name);
        let arguments = [&["--synthetic-input", "--steps", "1"], more].concat();
        succeeds(&tiny(&arguments, &out));
        let source = Source::open(&out).unwrap();
        let state = source.state(source.times()[0]).unwrap();
        (
            source.attributes()["kernel"].as_str().unwrap().to_owned(),
            state.get(&Variable::U_WIND).unwrap().data.clone(),
        )
    };
    let (default, fused) = winds("default.nc", &[]);
    assert_eq!(default, "fused");
    assert_eq!(winds("fused.nc", &["--kernel", "fused"]).1, fused);
    let (name, plain) = winds("plain.nc", &["--kernel", "plain"]);
    assert_eq!(name, "plain");
    let largest = (&fused - &plain)
        .iter()
        .fold(0.0_f32, |a, x| a.max(x.abs()));
    assert!(largest < 1e-3, "{largest} m/s");
}

#[test]
fn clipping_changes_what_is_written_and_not_what_follows() {
    let directory = tempfile::tempdir().unwrap();
    let read = |name: &str, more: &[&str]| {
        let out = directory.path().join(name);
        succeeds(&tiny(
            &[&["--synthetic-input", "--steps", "2"], more].concat(),
            &out,
        ));
        let source = Source::open(&out).unwrap();
        [0, 1].map(|k| source.state(source.times()[k]).unwrap())
    };
    let (plain, clipped) = (read("a.nc", &[]), read("b.nc", &["--clip-precip"]));
    let rain = Variable::TOTAL_PRECIPITATION_6HR;
    let mut n_negative = 0;
    for (plain, clipped) in plain.iter().zip(&clipped) {
        for variable in plain.fields.keys() {
            let (a, b) = (plain.get(variable).unwrap(), clipped.get(variable).unwrap());
            if *variable == rain {
                n_negative += a.data.iter().filter(|x| **x < 0.0).count();
                assert_eq!(a.data.mapv(|x| x.max(0.0)), b.data);
            } else {
                assert_eq!(a, b, "{variable}");
            }
        }
    }
    assert!(n_negative > 0);
}

#[test]
fn a_dry_run_writes_nothing_and_counts_states() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("forecast.nc");
    let bytes = |steps: &str| {
        let more = ["--synthetic-input", "--dry-run", "--json", "--steps", steps];
        let text = succeeds(&tiny(&more, &out));
        let needs: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(needs["grid"], serde_json::json!([13, 24]));
        needs["bytes"]["states"].as_u64().unwrap()
    };
    // 83 planes of 13 x 24 f32 while a step runs that is not the last.
    assert_eq!((bytes("1"), bytes("2")), (0, 4 * 13 * 24 * 83));
    assert!(!out.exists());
}

#[test]
fn random_weights_on_real_weather_and_real_weights_on_synthetic() {
    let directory = tempfile::tempdir().unwrap();
    let earth = |path: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/earth");
        root.join(path).to_str().unwrap().to_owned()
    };
    let tiny_data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../forecaster/tests/data/tiny");
    let tiny_data = |name: &str| tiny_data.join(name).to_str().unwrap().to_owned();
    // Random weights of another size on the inputs of the reference's tests.
    let out = directory.path().join("a.nc");
    succeeds(&tiny(
        &[
            "--stats",
            &tiny_data("stats"),
            "--input",
            &tiny_data("inputs.nc"),
            "--forcings",
            &tiny_data("forcings.nc"),
            "--steps",
            "1",
        ],
        &out,
    ));
    assert!(out.exists());
    // The shipped weights take their grid from data.
    let out = directory.path().join("b.nc");
    let output = run(
        &[
            "forecast",
            "--checkpoint",
            &earth("weights/earth-s.npz"),
            "--synthetic-input",
        ],
        &out,
    );
    fails(&output, 1, &["no resolution", "hint: give `--input`"], &out);
    // Those of the reference's tests have one.
    let checkpoint = tiny_data("checkpoint.npz");
    let arguments = ["forecast", "--checkpoint", &checkpoint, "--synthetic-input"];
    succeeds(&run(&arguments, &out));
    assert_eq!(Source::open(&out).unwrap().times().len(), 4);
}

#[test]
fn what_does_not_go_together_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("forecast.nc");
    let preset = ["forecast", "--preset", "GraphCast_small"];
    let random = [&preset[..], &["--random-weights"]].concat();
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (
            &["--random-weights", "--synthetic-input"],
            2,
            &["--preset <NAME>"],
        ),
        (
            &["--checkpoint", "x.npz", "--set", "mesh_size=3"],
            2,
            &["cannot be used with"],
        ),
        (
            &["--checkpoint", "x.npz", "--seed", "3"],
            2,
            &["cannot be used with"],
        ),
        (
            &["--checkpoint", "x.npz", "--random-weights"],
            2,
            &["cannot be used with"],
        ),
        (
            &["--checkpoint", "x.npz", "--input", "x.nc"],
            2,
            &["--stats <PATH>"],
        ),
        (
            &[
                "--checkpoint",
                "x.npz",
                "--input",
                "x.nc",
                "--synthetic-input",
            ],
            2,
            &["cannot be used with"],
        ),
        (
            &["--preset", "GraphCast", "--synthetic-input"],
            2,
            &["--random-weights"],
        ),
        (
            &[
                "--preset",
                "graphcast",
                "--random-weights",
                "--synthetic-input",
            ],
            2,
            &["unknown preset `graphcast`", "`GraphCast_operational`"],
        ),
    ];
    for (arguments, code, words) in cases {
        let output = run(&[&["forecast"], arguments].concat(), &out);
        fails(&output, code, words, &out);
    }
    for (more, code, words) in [
        (
            &["--set", "mesh_sise=3"][..],
            1,
            &["mesh_sise", "`mesh_size`"][..],
        ),
        (&["--set", "mesh_size=30"], 1, &["expected 0..=8"]),
        (
            &["--set", "mesh_size=big"],
            2,
            &["expected a number after `=`"],
        ),
        (
            &["--set", "resolution=0"],
            1,
            &["--synthetic-input", "hint: give `--input`"],
        ),
        (&["--set", "resolution=7"], 1, &["7"]),
        (
            &["--kernel", "slow"],
            2,
            &["unknown kernel `slow`", "`plain`"],
        ),
        (&["--steps", "0"], 1, &["`--steps` is 0"]),
    ] {
        let output = run(&[&random[..], &["--synthetic-input"], more].concat(), &out);
        fails(&output, code, words, &out);
    }
}

#[test]
fn synthetic_weather_passes_the_check() {
    let output = Command::cargo_bin("dropsonde")
        .unwrap()
        .args(["inputs", "check", "--task", "GraphCast_small"])
        .args(["--synthetic-input", "--init", "2020-07-01T12", "--json"])
        .output()
        .unwrap();
    let reports: serde_json::Value = serde_json::from_str(&succeeds(&output)).unwrap();
    assert_eq!(reports[0]["init"], "2020-07-01T12");
    assert_eq!(reports[0]["findings"], serde_json::json!([]));
}
