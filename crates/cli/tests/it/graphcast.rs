//! The published file formats through the program: forecasts that agree with the reference, checks, scores.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use dropsonde_fields::{
    Error, ForecastHeader, ForecastLayout, ForecastWriter, Source, SourceOptions, State,
    Statistics, Task, Time, Variable,
};

fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../forecaster/tests/data/tiny")
        .join(name)
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn dropsonde(command: &[&str], paths: &[(&str, &Path)]) -> Output {
    let mut program = Command::cargo_bin("dropsonde").unwrap();
    program.args(command);
    for (flag, path) in paths {
        program.arg(flag).arg(path);
    }
    program.output().unwrap()
}

fn forecast(input: &Path, out: &Path, more: &[&str], forcings: Option<&Path>) -> Output {
    let (checkpoint, stats) = (tiny("checkpoint.npz"), tiny("stats"));
    let mut paths = vec![
        ("--checkpoint", checkpoint.as_path()),
        ("--stats", &stats),
        ("--input", input),
        ("--out", out),
    ];
    paths.extend(forcings.map(|path| ("--forcings", path)));
    let command: Vec<&str> = ["forecast"].iter().chain(more).copied().collect();
    dropsonde(&command, &paths)
}

fn stdout(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What an unsuccessful run said; it did not panic.
fn stderr(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// The largest difference of two states in units of a statistic of every variable and level.
fn difference(found: &State, expected: &State, deviations: bool) -> f64 {
    let statistics = Statistics::open(tiny("stats")).unwrap();
    let mut largest: f64 = 0.0;
    for variable in &Task::graphcast_13().target_variables {
        let (found, expected) = (
            found.get(variable).unwrap(),
            expected.get(variable).unwrap(),
        );
        assert_eq!(found.levels, expected.levels);
        let entry = &statistics.variables[variable];
        let table = if deviations {
            &entry.stddev
        } else {
            &entry.diffs_stddev
        };
        for (k, plane) in found.data.outer_iter().enumerate() {
            let scale = table
                .as_ref()
                .unwrap()
                .get(found.levels.get(k).copied())
                .unwrap();
            for (a, b) in plane
                .iter()
                .zip(expected.data.index_axis(ndarray::Axis(0), k))
            {
                largest = largest.max((f64::from(*a) - f64::from(*b)).abs() / scale);
            }
        }
    }
    largest
}

/// Differences of the four steps of a forecast from the reference's.
fn differences(out: &Path, deviations: bool) -> Vec<f64> {
    let (found, expected) = (
        Source::open(out).unwrap(),
        Source::open(data("rollout_4step.nc")).unwrap(),
    );
    assert_eq!(found.times().len(), 4);
    let pairs = found.times().iter().zip(expected.times());
    pairs
        .map(|(&a, &b)| {
            difference(
                &found.state(a).unwrap(),
                &expected.state(b).unwrap(),
                deviations,
            )
        })
        .collect()
}

#[test]
fn published_files_give_the_forecast_of_the_reference() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.nc");
    let output = forecast(
        &tiny("inputs.nc"),
        &out,
        &["--steps", "4", "--trace"],
        Some(&tiny("forcings.nc")),
    );
    let text = stdout(&output);
    assert!(
        text.contains("processor/02") && !text.contains("not finite"),
        "{text}"
    );
    let first = differences(&out, false)[0];
    assert!(first < 5e-5, "{first} diffs_stddev");
    for (step, difference) in differences(&out, true).into_iter().enumerate() {
        assert!(difference < 2e-4, "step {step}: {difference} stddev");
    }
}

#[test]
fn forcings_are_derived_from_the_dates_of_the_input() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.nc");
    stdout(&forecast(
        &data("dataset.nc"),
        &out,
        &["--steps", "4"],
        None,
    ));
    for (step, difference) in differences(&out, false).into_iter().enumerate() {
        assert!(difference < 5e-3, "step {step}: {difference} diffs_stddev");
    }
    let source = Source::open(&out).unwrap();
    assert_eq!(source.times()[0], "2021-08-29T06".parse().unwrap());
}

#[test]
fn a_file_without_dates_needs_forcings_or_a_date() {
    let directory = tempfile::tempdir().unwrap();
    // Without its radiation and progress nothing but a date can give them.
    let bare = directory.path().join("bare.nc");
    let options = SourceOptions {
        origin: Some(Time(0)),
        ..SourceOptions::default()
    };
    let source = Source::open_with(tiny("inputs.nc"), options).unwrap();
    let keep = |state: &State| {
        let mut state = state.clone();
        state
            .fields
            .retain(|variable, _| !variable.is_derived_forcing());
        state
    };
    let states: Vec<State> = source
        .times()
        .iter()
        .map(|&t| keep(&source.state(t).unwrap()))
        .collect();
    let mut header = ForecastHeader::new(source.times()[0].plus_hours(-6), 2);
    header.relative = true;
    let mut writer = ForecastWriter::create(
        &bare,
        ForecastLayout::GraphCast,
        source.grid(),
        &header,
        &states[0],
    )
    .unwrap();
    for state in &states {
        writer.append(&[state]).unwrap();
    }
    writer.finish().unwrap();
    let out = directory.path().join("out.nc");
    let text = stderr(&forecast(&bare, &out, &["--steps", "1"], None));
    assert!(
        text.contains("toa_incident_solar_radiation") && text.contains("hint"),
        "{text}"
    );
    assert!(!out.exists());
    stdout(&forecast(
        &bare,
        &out,
        &["--steps", "1", "--init", "2021-08-29T00"],
        None,
    ));
    assert_eq!(
        Source::open(&out).unwrap().times(),
        ["2021-08-29T06".parse().unwrap()]
    );
}

#[test]
fn every_element_of_a_batch_is_forecast() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::open(data("dataset.nc")).unwrap();
    let warmer = |state: &State| {
        let mut state = state.clone();
        let temperature = state.fields.get_mut(&Variable::TEMPERATURE).unwrap();
        temperature.data.mapv_inplace(|x| x + 1.0);
        state
    };
    let batch = directory.path().join("batch.nc");
    let init = source.times()[0].plus_hours(-6);
    let mut header = ForecastHeader::new(init, 2);
    header.inits = vec![init, init];
    let states: Vec<State> = source
        .times()
        .iter()
        .map(|&t| source.state(t).unwrap())
        .collect();
    let mut writer = ForecastWriter::create(
        &batch,
        ForecastLayout::GraphCast,
        source.grid(),
        &header,
        &states[0],
    )
    .unwrap();
    for state in &states {
        writer.append(&[state, &warmer(state)]).unwrap();
    }
    writer.finish().unwrap();
    let (both, one) = (
        directory.path().join("both.nc"),
        directory.path().join("one.nc"),
    );
    stdout(&forecast(&batch, &both, &["--steps", "1"], None));
    stdout(&forecast(
        &data("dataset.nc"),
        &one,
        &["--steps", "1"],
        None,
    ));
    let state = |path: &Path, batch: usize| {
        let source = Source::open_with(
            path,
            SourceOptions {
                batch,
                ..SourceOptions::default()
            },
        )
        .unwrap();
        assert_eq!(source.times().len(), 1);
        source.state(source.times()[0]).unwrap()
    };
    assert_eq!(state(&both, 0), state(&one, 0));
    assert!(difference(&state(&both, 1), &state(&one, 0), true) > 1e-3);
}

#[test]
fn layouts_hold_the_same_numbers_and_can_be_scored() {
    let directory = tempfile::tempdir().unwrap();
    let (netcdf, zarr) = (
        directory.path().join("out.nc"),
        directory.path().join("out.zarr"),
    );
    stdout(&forecast(
        &data("dataset.nc"),
        &netcdf,
        &["--steps", "4"],
        None,
    ));
    stdout(&forecast(
        &data("dataset.nc"),
        &zarr,
        &["--steps", "4", "--layout", "weatherbench2"],
        None,
    ));
    let (a, b) = (Source::open(&netcdf).unwrap(), Source::open(&zarr).unwrap());
    assert_eq!(a.times(), b.times());
    for &time in a.times() {
        assert_eq!(a.state(time).unwrap(), b.state(time).unwrap());
    }
    let targets = ["score", "--json", "--targets", "z500,wind850,t2m,tp24h"];
    for forecast in [&netcdf, &zarr] {
        let output = dropsonde(&targets, &[("--forecast", forecast), ("--truth", &netcdf)]);
        let scores: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        let rows = scores["forecast"].as_array().unwrap();
        assert_eq!(
            rows.len(),
            3 * 4 + 1,
            "three at four leads, one sum of 24 h"
        );
        assert!(rows.iter().all(|row| row["rmse"] == 0.0), "{rows:?}");
    }
    // Precipitation of the initial frame is not in the forecast, so only one lead of persistence is there.
    let output = dropsonde(
        &["score", "--baseline", "--json", "--targets", "z500"],
        &[("--forecast", &zarr), ("--truth", &data("dataset.nc"))],
    );
    assert!(stderr(&output).contains("none of the times"));
}

#[test]
fn checking_inputs_accepts_right_ones_and_lists_all_that_is_missing() {
    let check = |input: &Path, more: &[&str]| {
        let command: Vec<&str> = ["inputs", "check"].iter().chain(more).copied().collect();
        let (checkpoint, stats) = (tiny("checkpoint.npz"), tiny("stats"));
        let paths = [
            ("--checkpoint", checkpoint.as_path()),
            ("--stats", &stats),
            ("--input", input),
        ];
        dropsonde(&command, &paths)
    };
    let table = stdout(&check(&data("dataset.nc"), &[]));
    assert!(
        table.contains("toa_incident_solar_radiation") && table.contains("derived"),
        "{table}"
    );
    let report: serde_json::Value =
        serde_json::from_str(&stdout(&check(&data("dataset.nc"), &["--json"]))).unwrap();
    assert_eq!(report[0]["frames"].as_array().unwrap().len(), 4);
    let refused = check(&tiny("forcings.nc"), &[]);
    let (table, error) = (
        String::from_utf8_lossy(&refused.stdout).into_owned(),
        stderr(&refused),
    );
    assert!(error.contains("forcings.nc"), "{error}");
    for name in ["geopotential", "2m_temperature", "land_sea_mask"] {
        assert!(table.contains(name), "{table}");
    }
}

#[test]
fn a_dry_run_says_what_is_needed_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.zarr");
    let output = forecast(
        &data("dataset.nc"),
        &out,
        &["--dry-run", "--json", "--steps", "40"],
        None,
    );
    let needs: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(needs["bytes"]["disk"], 40 * 83 * 19 * 36 * 4);
    assert!(needs["bytes"]["memory"].as_u64().unwrap() > 100_000_000);
    assert!(
        std::fs::read_dir(directory.path())
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn wrong_requests_are_clear_errors() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.nc");
    let said = |more: &[&str], input: &Path| stderr(&forecast(input, &out, more, None));
    let text = said(&["--init", "2021-08-30T00"], &data("dataset.nc"));
    assert!(
        text.contains("2021-08-30T00") && text.contains("dataset.nc"),
        "{text}"
    );
    let text = said(&["--init", "1850-01-01T00"], &data("dataset.nc"));
    assert!(text.contains("1850") && text.contains("1900"), "{text}");
    let text = said(&[], &directory.path().join("missing.nc"));
    assert!(text.contains("missing.nc"), "{text}");
    std::fs::write(&out, "something").unwrap();
    let text = said(&["--steps", "1"], &data("dataset.nc"));
    assert!(text.contains("exists"), "{text}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "something");
}

#[test]
fn statistics_of_a_store_complete_others() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("stats.json");
    let (base, input) = (tiny("stats"), data("dataset.nc"));
    let paths = [
        ("--base", base.as_path()),
        ("--input", &input),
        ("--out", &out),
    ];
    stdout(&dropsonde(&["stats", "--task", "GraphCast_small"], &paths));
    let completed = Statistics::open(&out).unwrap();
    assert!(completed.normalizer(&Task::graphcast_13()).is_ok());
    let without = Statistics::open(tiny("stats")).unwrap();
    for (variable, entry) in &without.variables {
        assert_eq!(completed.variables[variable].mean, entry.mean);
    }
    assert!(matches!(
        Statistics::default().normalizer(&Task::graphcast_13()),
        Err(Error::MissingStatistics { .. })
    ));
}
