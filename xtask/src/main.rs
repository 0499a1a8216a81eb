//! Workspace tasks: `cargo xtask setup | test | check | reproduce | bench | earth`.

mod arguments;
mod bench;
mod check;
mod earth;
mod libtorch;
mod page;
mod process;
mod program;
mod reproduce;
mod setup;
mod sweep;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use arguments::{Arguments, Task};
use workspace::Workspace;

fn main() -> ExitCode {
    let Err(error) = run(Arguments::parse().task) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("caused by: {cause}");
    }
    ExitCode::FAILURE
}

fn run(task: Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Setup => setup::run(&workspace),
        Task::Test { arguments } => test::run(&workspace, &arguments),
        Task::Check => check::run(&workspace),
        Task::Reproduce { name, smoke, out } if name == sweep::NAME => {
            sweep::run(&workspace, smoke, out.as_deref())
        }
        Task::Reproduce { name, smoke, out } => {
            reproduce::run(&workspace, &name, smoke, out.as_deref())
        }
        Task::Bench {
            only,
            json,
            baseline,
        } => {
            let (only, json, baseline) = (only.as_deref(), json.as_deref(), baseline.as_deref());
            bench::run(&workspace, only, json, baseline)
        }
        Task::Earth { task } => earth::run(&workspace, task),
    }
}
