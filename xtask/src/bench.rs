//! `cargo xtask bench`: the named figures.

use std::path::Path;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, setup};

/// Runs the collector of the `benches` package in a release build.
pub(crate) fn run(
    workspace: &Workspace,
    only: Option<&str>,
    json: Option<&Path>,
    baseline: Option<&Path>,
) -> Result<()> {
    setup::ensure(workspace)?;
    let mut command = workspace.cargo("run");
    command.args([
        "--release",
        "--package",
        "dropsonde-benches",
        "--bin",
        "figures",
        "--",
    ]);
    if let Some(area) = only {
        command.args(["--only", area]);
    }
    for (flag, file) in [("--json", json), ("--baseline", baseline)] {
        if let Some(file) = file {
            command.arg(flag).arg(std::path::absolute(file)?);
        }
    }
    process::run(&mut command)
}
