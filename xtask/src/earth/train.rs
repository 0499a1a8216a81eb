//! `cargo xtask earth train`: the forecaster of the simulated Earth.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::program::{self, Profile};
use crate::workspace::Workspace;
use crate::{process, setup};

/// What is shipped.
const WEIGHTS: &str = "xtask/earth/weights";
const LOG: &str = "earth-s.log.jsonl";
/// Where a run that only verifies writes.
const TRIAL: &str = "runs/earth-s-verify";

/// Training data, and whether to train or to verify.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask earth train --data packed/earth.zarr --resume
  cargo xtask earth train --data packed/earth.zarr --verify 200")]
pub(crate) struct TrainArguments {
    /// Packed record of the simulated Earth
    #[arg(long, value_name = "ZARR")]
    data: PathBuf,
    /// Train so many steps from the beginning, into another directory, and compare with the shipped log bit for bit
    #[arg(long, value_name = "STEPS", conflicts_with = "arguments")]
    verify: Option<u64>,
    /// Arguments for `dropsonde train`, such as `--resume`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Trains `earth-s` with the shipped configuration, or verifies the beginning of its log.
pub(crate) fn run(workspace: &Workspace, arguments: &TrainArguments) -> Result<()> {
    let data = std::path::absolute(&arguments.data)?;
    ensure!(
        data.is_dir(),
        "`{}` is not a directory\nhint: `--data` names a record made by `cargo xtask earth pack`",
        data.display()
    );
    setup::ensure(workspace)?;
    let program = program::build(workspace, Profile::Release)?;
    let root = workspace.root();
    let Some(steps) = arguments.verify else {
        return process::run(&mut command(
            root,
            &program,
            &data,
            WEIGHTS,
            &arguments.arguments,
        ));
    };
    let shipped = read(&root.join(WEIGHTS).join(LOG), steps)?;
    // A log that is already there would be added to.
    let trial = root.join(TRIAL);
    if trial.exists() {
        std::fs::remove_dir_all(&trial)
            .with_context(|| format!("cannot remove `{}`", trial.display()))?;
    }
    let until = ["--until".to_owned(), steps.to_string()];
    process::run(&mut command(root, &program, &data, TRIAL, &until))?;
    let found = read(&trial.join(LOG), steps)?;
    compare(&shipped, &found)?;
    println!(
        "the first {steps} steps are those of the shipped log, bit for bit ({} lines)",
        shipped.len()
    );
    Ok(())
}

fn command(root: &Path, program: &Path, data: &Path, out: &str, more: &[String]) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root)
        .args(["train", "--config", "xtask/earth/earth-s.toml", "--data"])
        .arg(data)
        .args(["--out", out])
        .args(more);
    command
}

/// The lines of a log up to a step, without the time they took.
fn read(path: &Path, steps: u64) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line)
            .with_context(|| format!("`{}` is no log of training", path.display()))?;
        if line["step"].as_u64().is_none_or(|step| step > steps) {
            break;
        }
        if let Some(line) = line.as_object_mut() {
            line.remove("seconds");
        }
        lines.push(line);
    }
    ensure!(
        !lines.is_empty(),
        "`{}` has no line up to step {steps}\nhint: a line is written every 50 steps",
        path.display()
    );
    Ok(lines)
}

fn compare(shipped: &[Value], found: &[Value]) -> Result<()> {
    for (shipped, found) in shipped.iter().zip(found) {
        ensure!(
            shipped == found,
            "another course of training: {found}, in the shipped log {shipped}\nhint: the same bits need the same record, number of threads and kind of processor"
        );
    }
    let (expected, lines) = (shipped.len(), found.len());
    ensure!(
        expected == lines,
        "{lines} lines, the shipped log has {expected}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[(u64, f64, f64)]) -> Vec<Value> {
        let directory = tempfile::tempdir().unwrap();
        let text: String = lines
            .iter()
            .map(|(step, loss, seconds)| {
                format!("{{\"step\":{step},\"loss\":{loss},\"seconds\":{seconds}}}\n")
            })
            .collect();
        let path = directory.path().join(LOG);
        std::fs::write(&path, text).unwrap();
        read(&path, 100).unwrap()
    }

    #[test]
    fn time_and_later_steps_do_not_count_and_the_last_bit_does() {
        let shipped = log(&[(50, 1.5, 3.0), (100, 1.25, 6.0), (150, 1.0, 9.0)]);
        assert_eq!(shipped.len(), 2);
        compare(&shipped, &log(&[(50, 1.5, 4.0), (100, 1.25, 9.0)])).unwrap();
        let one_bit = 1.25 + f64::EPSILON;
        let other = log(&[(50, 1.5, 3.0), (100, one_bit, 6.0)]);
        let error = compare(&shipped, &other).unwrap_err().to_string();
        assert!(error.contains("another course") && error.contains("hint:"));
        assert!(compare(&shipped, &shipped[..1]).is_err());
    }

    #[test]
    fn the_command_is_what_somebody_would_type() {
        let more = ["--resume".to_owned()];
        let command = command(
            Path::new("/r"),
            Path::new("/t/dropsonde"),
            Path::new("/d/earth.zarr"),
            WEIGHTS,
            &more,
        );
        assert_eq!(
            process::line(&command),
            "dropsonde train --config xtask/earth/earth-s.toml --data /d/earth.zarr --out xtask/earth/weights --resume"
        );
    }
}
