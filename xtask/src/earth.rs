//! `cargo xtask earth train`: the forecaster of the simulated Earth.

pub(crate) mod mini;
pub(crate) mod pack;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::program::{self, Profile};
use crate::workspace::Workspace;
use crate::{process, setup};

/// Trains `earth-s` on `data` with the shipped configuration; `arguments` go to `dropsonde train`.
pub(crate) fn train(workspace: &Workspace, data: &Path, arguments: &[String]) -> Result<()> {
    let data = std::path::absolute(data)?;
    ensure!(
        data.is_dir(),
        "`{}` is not a directory\nhint: `--data` names the training data of the simulated Earth",
        data.display()
    );
    setup::ensure(workspace)?;
    let program = program::build(workspace, Profile::Release)?;
    let mut command = Command::new(program);
    command
        .current_dir(workspace.root())
        .args(["train", "--config", "xtask/earth/earth-s.toml"]);
    command.arg("--data").arg(data);
    command
        .args(["--out", "xtask/earth/weights"])
        .args(arguments);
    process::run(&mut command)
}
