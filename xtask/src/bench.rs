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
    let package = ["--release", "--package", "dropsonde-benches"];
    // `figures` starts the other programs of the package, which `cargo run` would not build.
    process::run(workspace.cargo("build").args(package).arg("--bins"))?;
    let mut command = workspace.cargo("run");
    command.args(package).args(["--bin", "figures", "--"]);
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
