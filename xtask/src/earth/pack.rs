//! `cargo xtask earth pack`: one record, its windows, statistics and climatology, from native members.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::process::{duration, headline};
use crate::program::{self, Profile};
use crate::workspace::Workspace;
use crate::{process, setup};

/// The most that earth-mini may be, in bytes; a little is left for what is not in states.
const MINI_BYTES: f64 = 64e6 - 1e6;
/// States in a window of earth-mini: a week, both ends included.
const WINDOW_STATES: f64 = 29.0;

/// What to pack.
#[derive(Args)]
pub(crate) struct PackArguments {
    /// Directory of the members: each is a directory with `data.zarr`, complete or still being written
    #[arg(long, value_name = "DIR")]
    native: PathBuf,
    /// Directory for `earth.zarr`, `windows.json`, `tracks.csv`, `statistics.json` and `climatology.zarr`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Grid in place of that of the configuration, such as `128x64`
    #[arg(long, value_name = "GRID")]
    grid: Option<String>,
    /// What is kept and how
    #[arg(long, value_name = "FILE", default_value = "xtask/earth/pack.toml")]
    config: PathBuf,
    /// Harmonics of the year in the climatology; a record with gaps in the year bears fewer
    #[arg(long, value_name = "N", default_value_t = 3)]
    harmonics: usize,
}

/// Packs all members and derives what training and scoring need; what is there already is kept.
pub(crate) fn run(workspace: &Workspace, arguments: &PackArguments) -> Result<()> {
    let members = members(&arguments.native)?;
    let out = std::path::absolute(&arguments.out)?;
    setup::ensure(workspace)?;
    let program = Program::new(workspace)?;
    std::fs::create_dir_all(&out).with_context(|| format!("cannot create `{}`", out.display()))?;
    let record = out.join("earth.zarr");
    program.make(&record, "record", |command| {
        command
            .arg("coarsen")
            .arg("--config")
            .arg(&arguments.config)
            .arg("--resume");
        for member in &members {
            command.arg("--source").arg(member);
        }
        if let Some(grid) = &arguments.grid {
            command.args(["--grid", grid]);
        }
        command.arg("--out");
    })?;
    let windows = out.join("windows.json");
    let splits = splits(&record)?;
    program.make(&windows, "windows", |command| {
        command
            .arg("windows")
            .arg("--source")
            .arg(&record)
            .args(["--splits", &splits]);
        command
            .arg("--tracks-out")
            .arg(out.join("tracks.csv"))
            .arg("--out");
    })?;
    program.make(&out.join("statistics.json"), "statistics", |command| {
        command.args(["stats", "--config", "xtask/earth/earth-s.toml"]);
        command
            .arg("--input")
            .arg(&record)
            .arg("--exclude")
            .arg(&windows)
            .arg("--out");
    })?;
    program.make(&out.join("climatology.zarr"), "climatology", |command| {
        let harmonics = arguments.harmonics.to_string();
        command.args(["climatology", "--harmonics", &harmonics]);
        command
            .arg("--source")
            .arg(&record)
            .arg("--exclude")
            .arg(&windows)
            .arg("--out");
    })?;
    println!("{}: packed from {} members", out.display(), members.len());
    Ok(())
}

/// The `dropsonde` program, run in the top directory.
pub(super) struct Program {
    path: PathBuf,
    root: PathBuf,
}

impl Program {
    pub(super) fn new(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            path: program::build(workspace, Profile::Release)?,
            root: workspace.root().to_owned(),
        })
    }

    /// Runs a command whose last argument is the file or store that it makes, unless that is there.
    pub(super) fn make(
        &self,
        path: &Path,
        what: &str,
        arguments: impl FnOnce(&mut Command),
    ) -> Result<()> {
        if path.exists() {
            eprintln!(
                "{what}: `{}` is there and is kept; remove it to make it again",
                path.display()
            );
            return Ok(());
        }
        headline(what);
        let started = Instant::now();
        let mut command = Command::new(&self.path);
        command.current_dir(&self.root);
        arguments(&mut command);
        process::run(command.arg(path))?;
        eprintln!("{what}: {}", duration(started.elapsed()));
        Ok(())
    }
}

/// `data.zarr` of every member, by name.
fn members(native: &Path) -> Result<Vec<PathBuf>> {
    let native = std::path::absolute(native)?;
    let entries = std::fs::read_dir(&native)
        .with_context(|| format!("cannot read `{}`\nhint: `--native` names the directory that `cargo xtask earth generate` writes", native.display()))?;
    let mut members = Vec::new();
    for entry in entries {
        let store = entry?.path().join("data.zarr");
        if store.is_dir() {
            members.push(store);
        }
    }
    members.sort();
    ensure!(
        !members.is_empty(),
        "`{}` has no directory with a `data.zarr`",
        native.display()
    );
    Ok(members)
}

/// How many windows of each split earth-mini has room for: `report=4,select=4,train=5`.
fn splits(record: &Path) -> Result<String> {
    let n_windows = n_windows(size(record)?.0, n_states(record)?);
    if n_windows < 3 {
        bail!(
            "a week of `{}` is too large for earth-mini",
            record.display()
        );
    }
    let (report, select, train) = shares(n_windows);
    Ok(format!("report={report},select={select},train={train}"))
}

/// Weeks that fit, given the bytes of a record and its number of states.
fn n_windows(bytes: u64, states: u64) -> u64 {
    let week = WINDOW_STATES * bytes as f64 / states.max(1) as f64;
    (MINI_BYTES / week) as u64
}

/// One window for each season in *report*, then in *select*, where there is room, the rest in *train*.
fn shares(n_windows: u64) -> (u64, u64, u64) {
    let report = n_windows.div_ceil(3).min(4);
    let select = (n_windows / 3).min(4);
    // A command takes at most 40 windows of a split.
    (report, select, (n_windows - report - select).min(40))
}

/// Length of the time axis of a Zarr v3 store.
fn n_states(store: &Path) -> Result<u64> {
    let path = store.join("time/zarr.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let metadata: Value =
        serde_json::from_str(&text).with_context(|| format!("`{}`", path.display()))?;
    metadata["shape"][0]
        .as_u64()
        .with_context(|| format!("`{}` has no shape", path.display()))
}

/// Bytes and number of all files below a directory.
pub(super) fn size(directory: &Path) -> Result<(u64, usize)> {
    let (mut bytes, mut files) = (0, 0);
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read `{}`", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let below = size(&entry.path())?;
            (bytes, files) = (bytes + below.0, files + below.1);
        } else if entry.path().extension() != Some(OsStr::new("part")) {
            (bytes, files) = (bytes + metadata.len(), files + 1);
        }
    }
    Ok((bytes, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_fill_the_room_there_is() {
        assert_eq!(n_windows(164_000 * 840, 840), 13);
        assert_eq!(shares(13), (4, 4, 5));
        assert_eq!(shares(11), (4, 3, 4));
        assert_eq!(shares(7), (3, 2, 2));
        assert_eq!(shares(3), (1, 1, 1));
        assert_eq!(shares(100), (4, 4, 40));
    }

    #[test]
    fn members_are_directories_with_data() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(members(directory.path()).is_err());
        for name in ["m2/data.zarr", "m1/data.zarr", "other"] {
            std::fs::create_dir_all(directory.path().join(name)).expect("a directory");
        }
        let found = members(directory.path()).expect("two members");
        assert_eq!(found.len(), 2);
        assert!(found[0].ends_with("m1/data.zarr"));
    }
}
