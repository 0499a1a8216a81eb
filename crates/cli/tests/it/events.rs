//! `dropsonde events` on the shipped windows of the simulated Earth.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn mini() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/earth/data/earth-mini.zarr")
}

fn events(arguments: &[&std::ffi::OsStr]) -> std::process::Output {
    let mut command = Command::cargo_bin("dropsonde").unwrap();
    command.arg("events").args(arguments).output().unwrap()
}

#[test]
fn tables_numbers_and_page_say_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (source, out, page, images) = (mini(), at("census"), at("page.md"), at("maps"));
    let output = events(&[
        "--json".as_ref(),
        "--source".as_ref(),
        source.as_ref(),
        "--out".as_ref(),
        out.as_ref(),
        "--page".as_ref(),
        page.as_ref(),
        "--images".as_ref(),
        images.as_ref(),
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let census: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let stored = std::fs::read_to_string(out.join("census.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&stored).unwrap(),
        census
    );
    let storms = census["storms"].as_array().unwrap();
    assert!(!storms.is_empty() && census["is_simulation"] == true);
    assert_eq!(census["counts"]["storms"], storms.len());
    let tracks = std::fs::read_to_string(out.join("tracks.csv")).unwrap();
    let ids: BTreeSet<&str> = tracks
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(ids.len(), storms.len());
    let daily = std::fs::read_to_string(out.join("daily.csv")).unwrap();
    assert_eq!(census["counts"]["days"], daily.lines().count() - 1);
    check_page(&page, &images, storms);
}

/// Says what it is, has a row for the deepest storm, and every map it shows is there.
fn check_page(page: &Path, images: &Path, storms: &[serde_json::Value]) {
    let text = std::fs::read_to_string(page).unwrap();
    assert!(text.contains("A climate-model simulation, not observations."));
    let pressure = storms[0]["lowest_pressure_pa"].as_f64().unwrap() / 100.0;
    assert!(text.contains(&format!("| {pressure:.0} hPa |")), "{text}");
    let shown: Vec<&str> = text
        .split("](maps/")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(
        shown.contains(&"tracks.svg") && shown.len() >= 6,
        "{shown:?}"
    );
    for name in &shown {
        let svg = std::fs::read_to_string(images.join(name)).unwrap();
        assert!(svg.starts_with("<svg"), "{name}");
    }
    assert_eq!(std::fs::read_dir(images).unwrap().count(), shown.len());
}

#[test]
fn a_page_needs_a_place_for_its_maps() {
    let output = events(&["--source", "a", "--out", "b", "--page", "c"].map(AsRef::as_ref));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--images"));
}

#[test]
fn a_threshold_that_makes_no_sense_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (source, out) = (mini(), directory.path().join("census"));
    let output = events(&[
        "--heavy=-1".as_ref(),
        "--source".as_ref(),
        source.as_ref(),
        "--out".as_ref(),
        out.as_ref(),
    ]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && message.contains("heavy_precipitation_m"),
        "{message}"
    );
    assert!(!out.exists());
}
