//! `cargo xtask earth`: the simulated Earth, from the climate model to the trained forecaster.

pub(crate) mod events;
pub(crate) mod generate;
pub(crate) mod mini;
pub(crate) mod pack;
mod python;
pub(crate) mod train;

use anyhow::Result;

use crate::arguments::EarthTask;
use crate::workspace::Workspace;

/// Runs one of the tasks.
pub(crate) fn run(workspace: &Workspace, task: EarthTask) -> Result<()> {
    match task {
        EarthTask::Generate(arguments) => generate::run(workspace, &arguments),
        EarthTask::Pack(arguments) => pack::run(workspace, &arguments),
        EarthTask::Mini(arguments) => mini::run(workspace, &arguments),
        EarthTask::Events(arguments) => events::run(workspace, &arguments),
        EarthTask::Train(arguments) => train::run(workspace, &arguments),
    }
}
