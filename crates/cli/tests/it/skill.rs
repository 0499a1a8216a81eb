//! The skill of a tiny network with random weights on weather made of formulas.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use dropsonde_fields::{
    Score, ScoreAccumulator, ScoreTarget, Source, State, Statistics, Task, TaskInputs, Time,
    write_states,
};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions, ModelConfig, NoTap, Preset};
use dropsonde_mesh::LatLonGrid;
use serde_json::Value;

const TARGETS: [&str; 4] = ["z500", "wind850", "t2m", "tp6h"];

/// Weights, statistics and weather of a day and a half in a directory of their own.
struct Files {
    directory: tempfile::TempDir,
    task: Task,
    grid: LatLonGrid,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            directory: tempfile::tempdir().unwrap(),
            task: Task::graphcast_13(),
            grid: LatLonGrid::with_poles(15.0).unwrap(),
        };
        let model = ModelConfig {
            latent_size: 8,
            mesh_size: 1,
            resolution: 15.0,
            gnn_msg_steps: 2,
            ..Preset::GraphCastSmall.model()
        };
        let checkpoint = Checkpoint::random(model, files.task.clone(), 7).unwrap();
        checkpoint.write(files.path("tiny.npz")).unwrap();
        let statistics = Statistics::synthetic(&files.task).unwrap();
        statistics.to_json(files.path("statistics.json")).unwrap();
        let times: Vec<Time> = (0..7).map(|step| init().plus_hours(6 * step - 6)).collect();
        let levels = &files.task.pressure_levels;
        let source = Source::synthetic(files.grid.clone(), levels, &times).unwrap();
        let states: Vec<State> = times.iter().map(|&t| source.state(t).unwrap()).collect();
        write_states(files.path("weather.zarr"), &files.grid, &states).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, more: &[&str]) -> std::process::Output {
        let mut program = Command::cargo_bin("dropsonde").unwrap();
        program.current_dir(self.directory.path());
        program.args(["skill", "--checkpoint", "tiny.npz"]);
        program.args([
            "--statistics",
            "statistics.json",
            "--source",
            "weather.zarr",
        ]);
        program.args(["--targets", &TARGETS.join(","), "--spectra", "z500"]);
        program.args(["--resamples", "50", "--json"]).args(more);
        program.output().unwrap()
    }

    fn skill(&self, more: &[&str]) -> Value {
        let output = self.run(more);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn fails(&self, more: &[&str], words: &[&str]) {
        let output = self.run(more);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{more:?}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
    }

    /// Scores of forecast and persistence by the library, from the initial times at these hours.
    fn expected(&self, hours: &[i64], lead: i64) -> [Vec<Score>; 2] {
        let targets: Vec<ScoreTarget> = TARGETS.map(|name| name.parse().unwrap()).to_vec();
        let checkpoint = Checkpoint::read(self.path("tiny.npz")).unwrap();
        let statistics = Statistics::open(self.path("statistics.json")).unwrap();
        let normalizer = statistics.normalizer(&self.task).unwrap();
        let options = ForecasterOptions::default();
        let grid = self.grid.clone();
        let forecaster = Forecaster::new(&checkpoint, grid, &normalizer, options).unwrap();
        let weather = || Source::open(self.path("weather.zarr")).unwrap();
        let inputs = TaskInputs::new(self.task.clone(), weather(), None).unwrap();
        let mut sides = [0, 1].map(|_| ScoreAccumulator::new(&self.grid, targets.clone()));
        for &hour in hours {
            let init = init().plus_hours(hour);
            let (mut previous, mut current) = inputs.initial_states(init).unwrap();
            for step in 1..=lead / 6 {
                let forcings = inputs.forcings(init.plus_hours(6 * step)).unwrap();
                let next = forecaster.step(&previous, &current, &forcings, &mut NoTap);
                previous = std::mem::replace(&mut current, next.unwrap());
            }
            let truth = weather().state(current.time).unwrap();
            let mut kept = weather().state(init).unwrap();
            kept.time = current.time;
            sides[0].add(lead, &current, &truth, None).unwrap();
            sides[1].add(lead, &kept, &truth, None).unwrap();
        }
        sides.map(ScoreAccumulator::finish)
    }
}

fn init() -> Time {
    "2022-01-01T06".parse().unwrap()
}

fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-4, "{found} {expected}");
}

#[test]
fn scores_are_those_of_the_library_and_a_run_can_be_resumed() {
    let files = Files::new();
    let arguments = ["--leads", "6,24", "--every", "12h", "--block-days", "1"];
    let kept = ["--out", "out", "--page", "page.md", "--images", "images"];
    let skill = files.skill(&[&arguments[..], &kept].concat());
    assert_eq!(skill["n_cases"], 3);
    assert_eq!(skill["blocks"], "blocks of 1 days of initial times");
    let rows = skill["scores"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * TARGETS.len());
    // The store begins at 00 UTC, so every 12 h after that with a state 6 h before: 12, 00 and 12 UTC.
    for (lead, hours) in [(6, &[6, 18][..]), (24, &[6][..])] {
        let [forecast, persistence] = files.expected(hours, lead);
        for (forecast, persistence) in forecast.iter().zip(&persistence) {
            let is_row = |row: &&Value| {
                row["target"] == forecast.target.to_string() && row["lead_hours"] == lead
            };
            let row = rows.iter().find(is_row).unwrap();
            assert_eq!(row["n"], hours.len());
            close(&row["forecast"]["rmse"]["value"], forecast.rmse);
            close(&row["persistence"]["rmse"]["value"], persistence.rmse);
            let ratio = forecast.rmse / persistence.rmse;
            close(&row["over_persistence"]["value"], ratio);
            assert_eq!(row["forecast"]["bias"].is_null(), forecast.bias.is_none());
            assert!(row["climatology"]["rmse"]["value"].as_f64().unwrap() > 0.0);
        }
    }
    let spectrum = &skill["spectra"][0];
    assert_eq!(spectrum["forecast"].as_array().unwrap().len(), 13);
    assert_eq!(skill["stability"][1]["n_finite"], 3);

    let page = fs::read_to_string(files.path("page.md")).unwrap();
    assert!(
        page.starts_with("<!-- skill:begin -->") && page.contains("| z500 (m²/s²) | 24 | 1 (1) |")
    );
    for image in ["skill-rmse-t2m.svg", "skill-spectrum-z500.svg"] {
        assert!(page.contains(&format!("(images/{image})")), "{page}");
        assert!(files.path("images").join(image).is_file());
    }

    // An interrupted run goes on; another one does not.
    let log = files.path("out/cases.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 4);
    fs::write(
        &log,
        format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..50]),
    )
    .unwrap();
    let again = files.skill(&[&arguments[..], &["--out", "out", "--resume"]].concat());
    assert_eq!(again, skill);
    assert_eq!(fs::read_to_string(&log).unwrap(), whole);
    let written: Value =
        serde_json::from_slice(&fs::read(files.path("out/skill.json")).unwrap()).unwrap();
    assert_eq!(written, skill);
    files.fails(
        &["--out", "out", "--resume", "--leads", "6"],
        &["`leads`", "hint: leave out `--resume`"],
    );
}

#[test]
fn windows_bound_truth_and_become_blocks() {
    let files = Files::new();
    let windows = r#"[
        {"split": "report", "first": "2022-01-01T00", "steps": 3},
        {"split": "report", "first": "2022-01-01T18", "steps": 3},
        {"split": "train", "first": "2022-01-01T00", "steps": 7}
    ]"#;
    fs::write(files.path("windows.json"), windows).unwrap();
    let arguments = [
        "--windows",
        "windows.json",
        "--split",
        "report",
        "--leads",
        "6,12",
    ];
    let skill = files.skill(&arguments);
    assert_eq!(
        (&skill["n_cases"], &skill["blocks"]),
        (&4.into(), &"windows".into())
    );
    // The last state of a window has no truth after it, and 12 h fit nowhere.
    let rows = skill["scores"].as_array().unwrap();
    assert!(
        rows.iter()
            .all(|row| row["lead_hours"] == 6 && row["n"] == 2 && row["n_blocks"] == 2)
    );
    assert_eq!(skill["stability"][1]["n_finite"], 4);
    assert!(skill["stability"][1]["farthest_in_truth"].is_null());
    // A truth of its own is not cut off at the windows.
    let skill = files.skill(&[&arguments[..], &["--truth", "weather.zarr"]].concat());
    let row = &skill["scores"][1];
    assert_eq!((&row["lead_hours"], &row["n"]), (&12.into(), &3.into()));
    files.fails(
        &["--windows", "windows.json", "--split", "select"],
        &["select", "report, train"],
    );
    files.fails(&["--split", "report"], &["windows"]);
    fs::write(files.path("windows.json"), "{}").unwrap();
    files.fails(&arguments, &["windows.json", "`split`"]);
}

#[test]
fn an_untrained_twin_and_a_cold_start_are_said_to_be_so() {
    let files = Files::new();
    let one = [
        "--leads",
        "6",
        "--from",
        "2022-01-01T06",
        "--to",
        "2022-01-01T06",
    ];
    let trained = files.skill(&one);
    let twin =
        |seed: &str| files.skill(&[&one[..], &["--random-weights", "--seed", seed]].concat());
    let (a, b) = (twin("1"), twin("2"));
    assert_eq!(
        (&trained["untrained"], &a["untrained"]),
        (&false.into(), &true.into())
    );
    assert!(
        a["model"]
            .as_str()
            .unwrap()
            .contains("random weights (seed 1)")
    );
    let rmse = |skill: &Value| {
        skill["scores"][0]["forecast"]["rmse"]["value"]
            .as_f64()
            .unwrap()
    };
    assert!(rmse(&a) != rmse(&b) && rmse(&a) != rmse(&trained));

    let cold = files.skill(&[&one[..], &["--cold-start"]].concat());
    assert!(rmse(&cold) != rmse(&trained));
    assert!(
        cold["notes"][0]
            .as_str()
            .unwrap()
            .contains("1 of 1 forecasts start from one state")
    );
    // Two states 6 h apart: the older one leads to the newer, the pair to where there is no truth.
    let source = Source::open(files.path("weather.zarr")).unwrap();
    let states: Vec<State> = source.times()[..2]
        .iter()
        .map(|&t| source.state(t).unwrap())
        .collect();
    write_states(files.path("two.zarr"), &files.grid, &states).unwrap();
    let output = Command::cargo_bin("dropsonde")
        .unwrap()
        .current_dir(files.directory.path())
        .args([
            "skill",
            "--checkpoint",
            "tiny.npz",
            "--stats",
            "statistics.json",
        ])
        .args([
            "--source",
            "two.zarr",
            "--leads",
            "6",
            "--targets",
            "t2m",
            "--json",
        ])
        .args(["--spectra", "t2m"])
        .output()
        .unwrap();
    let two: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&two["n_cases"], &two["scores"][0]["n"]),
        (&2.into(), &1.into())
    );
    let starts: Vec<&Value> = two["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["start"])
        .collect();
    assert_eq!(starts, ["pair", "cold"]);
}

#[test]
fn what_cannot_be_scored_is_named() {
    let files = Files::new();
    files.fails(&["--leads", "7"], &["multiple of 6 h"]);
    files.fails(&["--spectra", "z501"], &["z501", "levels"]);
    files.fails(&["--spectra", "tp24h"], &["tp24h", "hint: score `tp6h`"]);
    files.fails(
        &["--spectra", "sp"],
        &["surface_pressure", "does not predict"],
    );
    files.fails(
        &["--from", "2031-01-01T00"],
        &["weather.zarr", "no initial time"],
    );
    files.fails(&["--truth", "nowhere.zarr"], &["nowhere.zarr"]);
    fs::write(files.path("page.md"), "# A page\n").unwrap();
    let page = ["--leads", "6", "--page", "page.md", "--images", "images"];
    files.fails(&page, &["page.md", "skill:begin"]);
    assert_eq!(
        fs::read_to_string(files.path("page.md")).unwrap(),
        "# A page\n"
    );
    assert!(!Path::new(&files.path("images")).exists());
}
