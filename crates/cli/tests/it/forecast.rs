//! `dropsonde forecast` from a shipped state, and what it writes.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn earth(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../xtask/earth")
        .join(path)
}

#[test]
fn a_forecast_is_written_and_can_be_inspected() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("forecast.zarr");
    let forecast = Command::cargo_bin("dropsonde")
        .unwrap()
        .arg("forecast")
        .args(["--steps", "2", "--json", "--checkpoint"])
        .arg(earth("weights/earth-s.npz"))
        .arg("--stats")
        .arg(earth("data/statistics.json"))
        .arg("--input")
        .arg(earth("data/gfs-day.nc"))
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(
        forecast.status.success(),
        "{}",
        String::from_utf8_lossy(&forecast.stderr)
    );
    let summary: serde_json::Value = serde_json::from_slice(&forecast.stdout).unwrap();
    assert_eq!(summary["steps"], 2);
    assert_eq!(summary["init"], "2022-11-08T00");
    let inspect = Command::cargo_bin("dropsonde")
        .unwrap()
        .args(["inspect", "--json"])
        .arg(&out)
        .output()
        .unwrap();
    let store: serde_json::Value = serde_json::from_slice(&inspect.stdout).unwrap();
    assert_eq!(store["kind"], "weather states");
    assert_eq!(store["times"], 2);
    assert_eq!(store["span"], "2022-11-08T06 to 2022-11-08T12");
}
