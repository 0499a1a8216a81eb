//! `cargo xtask earth generate`: the climate model, in its own Python environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;

use super::python::{Environment, GENERATOR};
use crate::process;
use crate::workspace::Workspace;

/// What to make.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask earth generate --days 365 --out earth --start 1982-07-01 --start 1996-01-01
  cargo xtask earth generate --days 2 --spinup 0 --truncation 31 --out tiny

A simulated day takes 6 to 9 s of one core and 7 MB; the first needs half a minute more. Ctrl-C stops after the day.
The same command goes on where one stopped, and with more `--days` adds days. It is a simulation, not observations.")]
pub(crate) struct GenerateArguments {
    /// Days to write for each member
    #[arg(long, value_name = "N")]
    days: u32,
    /// Directory; each member gets one of its own in it, with a Zarr store and the state to go on from
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// First day that is written, such as 1982-07-01; can be repeated [default: 1982-07-01]
    #[arg(long, value_name = "DATE")]
    start: Vec<String>,
    /// Members for each start; from the second on the initial state is slightly changed
    #[arg(long, value_name = "N")]
    members: Option<u32>,
    /// Members that run at the same time, each on one core [default: number of cores]
    #[arg(long, value_name = "N")]
    jobs: Option<u32>,
    /// Days that the model runs before the first that is written [default: 60]
    #[arg(long, value_name = "DAYS")]
    spinup: Option<u32>,
    /// Highest wavenumber: 63 (192 x 96) or 31 (96 x 48, quick, with hardly a storm) [default: 63]
    #[arg(long, value_name = "N")]
    truncation: Option<u32>,
}

impl GenerateArguments {
    /// The same words for the generator, which knows the defaults and checks the values.
    fn words(&self) -> Vec<String> {
        let mut words = vec![format!("--days={}", self.days)];
        words.extend(self.start.iter().map(|date| format!("--start={date}")));
        let options = [
            ("members", self.members),
            ("jobs", self.jobs),
            ("spinup", self.spinup),
            ("truncation", self.truncation),
        ];
        let given = options
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        words.extend(given.map(|(name, value)| format!("--{name}={value}")));
        words
    }

    fn command(&self, root: &Path, python: &Path) -> Command {
        let mut command = Command::new(python);
        command
            .env("PYTHONPATH", root.join(GENERATOR))
            .args(["-m", "earth.generate"])
            .args(self.words())
            .arg("--out")
            .arg(&self.out);
        command
    }
}

/// Makes or continues a simulated Earth.
pub(crate) fn run(workspace: &Workspace, arguments: &GenerateArguments) -> Result<()> {
    let python = Environment::of_generator(workspace).ensure()?;
    become_program(&mut arguments.command(workspace.root(), &python))
}

/// Puts the program in the place of this process, so that Ctrl-C and other signals go to it and nothing waits in between.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;

    let error = command.exec();
    Err(anyhow::Error::new(error).context(format!("cannot start `{}`", process::line(command))))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<()> {
    process::run(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::arguments::{Arguments, EarthTask, Task};

    fn line(words: &str) -> String {
        let words = ["xtask", "earth", "generate"]
            .into_iter()
            .chain(words.split(' '));
        match Arguments::parse_from(words).task {
            Task::Earth {
                task: EarthTask::Generate(arguments),
            } => process::line(&arguments.command(Path::new("/r"), Path::new("/v/python"))),
            _ => String::new(),
        }
    }

    #[test]
    fn arguments_reach_the_generator() {
        assert_eq!(
            line("--days 2 --out earth"),
            "python -m earth.generate --days=2 --out earth"
        );
        assert_eq!(
            line(
                "--days 9 --start 1982-07-01 --start 1996-01-01 --members 2 --jobs 1 --spinup 0 --truncation 31 --out /x"
            ),
            "python -m earth.generate --days=9 --start=1982-07-01 --start=1996-01-01 --members=2 --jobs=1 --spinup=0 \
             --truncation=31 --out /x"
        );
    }

    #[test]
    fn the_package_is_found_from_anywhere() -> Result<()> {
        let words = ["xtask", "earth", "generate", "--days", "1", "--out", "x"];
        let Task::Earth {
            task: EarthTask::Generate(arguments),
        } = Arguments::try_parse_from(words)?.task
        else {
            anyhow::bail!("another task");
        };
        let command = arguments.command(Path::new("/r"), Path::new("python"));
        let path = command.get_envs().find(|(name, _)| *name == "PYTHONPATH");
        assert_eq!(
            path.and_then(|(_, value)| value),
            Some("/r/xtask/earth/generator".as_ref())
        );
        assert!(command.get_current_dir().is_none());
        Ok(())
    }
}
