//! `cargo xtask test`: all tests, then the experiment in small.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::program::Profile;
use crate::workspace::Workspace;
use crate::{process, reproduce, setup};

/// Runs `cargo test` with `arguments`, then `reproduce --smoke`, and says what passed.
///
/// The experiment is left out for `--no-smoke`, and where only some packages are tested.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let plan = Plan::new(arguments);
    setup::ensure(workspace)?;
    let start = Instant::now();
    process::headline("tests");
    process::run(
        plan.cargo_test(workspace.cargo("test"))
            .env("RUST_BACKTRACE", "1"),
    )?;
    let mut summary = vec![format!(
        "tests passed in {}",
        process::duration(start.elapsed())
    )];
    if plan.smoke {
        let start = Instant::now();
        let report = reproduce::smoke(workspace, Profile::Dev)?;
        let seconds = process::duration(start.elapsed());
        summary.push(format!(
            "smoke experiment passed in {seconds}: `{}`",
            report.display()
        ));
    }
    process::headline("all passed");
    summary.iter().for_each(|line| eprintln!("{line}"));
    Ok(())
}

/// What is asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
struct Plan<'a> {
    smoke: bool,
    whole_workspace: bool,
    arguments: Vec<&'a str>,
}

impl<'a> Plan<'a> {
    fn new(arguments: &'a [String]) -> Self {
        let (ours, theirs) = match arguments.iter().position(|argument| argument == "--") {
            Some(end) => arguments.split_at(end),
            None => (arguments, [].as_slice()),
        };
        let is_package = |argument: &String| {
            ["-p", "--package"]
                .iter()
                .any(|flag| argument.starts_with(flag))
        };
        let whole_workspace = !ours.iter().any(is_package);
        Self {
            smoke: whole_workspace && !ours.iter().any(|argument| argument == "--no-smoke"),
            whole_workspace,
            arguments: ours
                .iter()
                .filter(|argument| *argument != "--no-smoke")
                .chain(theirs)
                .map(String::as_str)
                .collect(),
        }
    }

    fn cargo_test(&self, mut command: Command) -> Command {
        if self.whole_workspace {
            command.arg("--workspace");
        }
        command.args(&self.arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &str) -> (bool, String) {
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        let plan = Plan::new(&arguments);
        let mut command = Command::new("cargo");
        command.arg("test");
        (plan.smoke, process::line(&plan.cargo_test(command)))
    }

    #[test]
    fn arguments_reach_cargo() {
        assert_eq!(line(""), (true, "cargo test --workspace".to_owned()));
        assert_eq!(
            line("--doc -- --nocapture").1,
            "cargo test --workspace --doc -- --nocapture"
        );
        assert_eq!(line("-p xtask").1, "cargo test -p xtask");
        assert_eq!(line("--package=xtask").1, "cargo test --package=xtask");
    }

    #[test]
    fn no_smoke_is_ours_unless_it_follows_two_dashes() {
        assert_eq!(
            line("--doc --no-smoke"),
            (false, "cargo test --workspace --doc".to_owned())
        );
        assert_eq!(
            line("-- --no-smoke").1,
            "cargo test --workspace -- --no-smoke"
        );
        assert!(line("-- --no-smoke").0);
    }

    #[test]
    fn some_packages_alone_need_no_experiment() {
        assert!(!line("-p xtask").0);
        assert!(line("-- -p").0);
    }
}
