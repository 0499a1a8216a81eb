//! The program as it is called.

#![allow(
    clippy::unwrap_used,
    reason = "a program that cannot be started fails the test"
)]

use std::process::{Command, Output};

use dropsonde_benches::child::Report;

fn figures(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_figures"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_child_prints_its_report() {
    for job in ["compare", "train", "capture"] {
        let output = figures(&["child", job, "tiny"]);
        assert!(output.status.success(), "{output:?}");
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report.median("step").unwrap() > 0.0);
        if job != "capture" {
            assert!(
                report.peak > report.before && report.before > 0,
                "{report:?}"
            );
        }
    }
}

#[test]
fn a_baseline_that_is_none_stops_the_program_before_anything_is_measured() {
    let output = figures(&["--only", "mesh", "--baseline", "no-such-file.json"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("`no-such-file.json`"), "{message}");
    assert!(!message.contains("measuring"), "{message}");
}

#[test]
fn an_unknown_area_is_answered_with_the_known_ones() {
    let output = figures(&["--only", "tea"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("`tea`") && message.contains("forecast.full"),
        "{message}"
    );
}
