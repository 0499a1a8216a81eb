//! Bad input: an error that names the file or key and what to do, exit code 1 (2 for usage), nothing half-written.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn dropsonde(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("dropsonde")
        .unwrap()
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Runs a command that must fail with exit code 1, without a panic, saying all of `words`.
fn fails(arguments: &[&str], words: &[&str]) {
    let (code, _, stderr) = dropsonde(arguments);
    assert_eq!(code, 1, "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
}

fn earth(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../xtask")
        .join(path)
}

/// The experiment `earth` with a replacement in its text, in a directory of its own.
fn experiment(directory: &Path, from: &str, to: &str) -> PathBuf {
    let text = fs::read_to_string(earth("experiments/earth.toml")).unwrap();
    assert!(text.contains(from), "{from}");
    let root = earth("earth").canonicalize().unwrap();
    let text = text
        .replace(from, to)
        .replace("../earth", root.to_str().unwrap());
    let path = directory.join("experiment.toml");
    fs::write(&path, text).unwrap();
    path
}

/// Runs `capture` on a changed experiment; it must fail, say the words, and leave no store.
fn capture_fails(from: &str, to: &str, words: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let experiment = experiment(directory.path(), from, to);
    let run = directory.path().join("run");
    let arguments = [
        "capture",
        "--smoke",
        "--experiment",
        experiment.to_str().unwrap(),
        "--run",
        run.to_str().unwrap(),
    ];
    fails(&arguments, words);
    assert!(!run.join("latents.zarr").exists());
    assert!(!run.join("capture.stamp.json").exists());
}

#[test]
fn an_unknown_key_is_named() {
    capture_fails(
        "k_aux = 64",
        "k_aux = 64\nk_auxx = 1",
        &["experiment.toml", "k_auxx"],
    );
}

#[test]
fn an_unknown_site_lists_the_known_ones() {
    capture_fails(
        "site = \"processor/0",
        "site = \"processor/3",
        &["processor/3", "processor/05", "hint"],
    );
}

#[test]
fn a_missing_checkpoint_is_named() {
    capture_fails(
        "earth-s.npz",
        "nowhere.npz",
        &["nowhere.npz", "cannot open"],
    );
}

#[test]
fn a_missing_source_is_named() {
    capture_fails("earth-mini.zarr", "nowhere.zarr", &["nowhere.zarr"]);
}

#[test]
fn a_truncated_checkpoint_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let whole = fs::read(earth("earth/weights/earth-s.npz")).unwrap();
    let cut = directory.path().join("cut.npz");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    fails(
        &["inspect", cut.to_str().unwrap()],
        &["cut.npz", "not a GraphCast checkpoint"],
    );
}

#[test]
fn a_later_step_names_the_earlier_one() {
    let directory = tempfile::tempdir().unwrap();
    let experiment = experiment(directory.path(), "seed = 0", "seed = 0");
    let run = directory.path().join("run");
    for (step, earlier) in [("features", "capture"), ("report", "capture")] {
        let arguments = [
            step,
            "--experiment",
            experiment.to_str().unwrap(),
            "--run",
            run.to_str().unwrap(),
        ];
        fails(&arguments, &["hint", earlier]);
    }
}

#[test]
fn an_unknown_variable_in_the_weather_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("forecast.zarr");
    let checkpoint = earth("earth/weights/earth-s.npz");
    let stats = directory.path().join("statistics.json");
    let text = fs::read_to_string(earth("earth/data/statistics.json")).unwrap();
    fs::write(
        &stats,
        text.replace("\"geopotential\"", "\"geopotentiality\""),
    )
    .unwrap();
    let arguments = [
        "forecast",
        "--checkpoint",
        checkpoint.to_str().unwrap(),
        "--stats",
        stats.to_str().unwrap(),
        "--input",
        earth("earth/data/gfs-day.nc").to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]
    .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    fails(&arguments, &["geopotential"]);
    assert!(!out.exists());
}

#[test]
fn a_missing_record_of_the_weather_is_an_error_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("forecast.zarr");
    let checkpoint = earth("earth/weights/earth-s.npz");
    let stats = earth("earth/data/statistics.json");
    let input = earth("earth/data/gfs-day.nc");
    let arguments = [
        "forecast",
        "--checkpoint",
        checkpoint.to_str().unwrap(),
        "--stats",
        stats.to_str().unwrap(),
        "--input",
        input.to_str().unwrap(),
        "--init",
        "2022-11-09T00",
        "--out",
        out.to_str().unwrap(),
    ];
    fails(&arguments, &["2022-11-0"]);
    assert!(!out.exists());
}

#[test]
fn a_file_of_no_known_kind_lists_the_known_ones() {
    fails(
        &[
            "inspect",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ],
        &["Cargo.toml", "hint"],
    );
    fails(&["inspect", "nowhere"], &["nowhere"]);
}

#[test]
fn usage_errors_have_exit_code_2() {
    assert_eq!(dropsonde(&["capture"]).0, 2);
    assert_eq!(dropsonde(&["no-such-command"]).0, 2);
    let (code, _, stderr) = dropsonde(&[
        "capture",
        "--experiment",
        "a",
        "--run",
        "b",
        "--device",
        "tpu",
    ]);
    assert_eq!(code, 2);
    assert!(stderr.contains("tpu") && stderr.contains("cpu"), "{stderr}");
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        "forecast",
        "skill",
        "train",
        "capture",
        "features",
        "intervene",
        "real-day",
        "report",
        "inspect",
    ] {
        let (code, stdout, _) = dropsonde(&[command, "--help"]);
        assert_eq!(code, 0);
        assert!(stdout.contains("Example"), "{command}");
    }
}

#[test]
fn inspect_describes_what_is_shipped() {
    for (path, words) in [
        (
            "earth/weights/earth-s.npz",
            &["GraphCast checkpoint", "weights_sha256"][..],
        ),
        ("earth/data/earth-mini.zarr", &["weather states", "319"]),
        (
            "earth/data/gfs-day.nc",
            &["weather states", "2022-11-07T18"],
        ),
    ] {
        let (code, stdout, stderr) =
            dropsonde(&["inspect", earth(path).to_str().unwrap(), "--json"]);
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap();
        for word in words {
            assert!(stdout.contains(word), "`{word}` is not in: {stdout}");
        }
    }
}
