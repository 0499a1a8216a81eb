//! Building the `dropsonde` program and finding where cargo put it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;
use crate::workspace::Workspace;

/// How the program is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As in tests: shares what `cargo test` has built.
    Dev,
    /// As for users.
    Release,
}

/// Builds `dropsonde` and returns the path of the executable.
///
/// For [`Profile::Dev`] it is the one that the integration tests have used: a plain build has
/// other features of third-party crates, since those of test dependencies are missing, and would
/// compile our crates a second time.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    if profile == Profile::Dev
        && let Some(path) = executable(workspace.cargo("test").args(["--workspace", "--no-run"]))?
    {
        return Ok(path);
    }
    let mut command = workspace.cargo("build");
    command.args(["--package", "dropsonde-cli"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    executable(&mut command)?.with_context(|| {
        format!(
            "`{}` made no executable `dropsonde`",
            process::line(&command)
        )
    })
}

/// Runs a command of cargo that compiles; the program, if it is among what it has compiled.
fn executable(command: &mut Command) -> Result<Option<PathBuf>> {
    let line = process::line(command);
    let output = command
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().find_map(executable_of))
}

/// The path in one message of cargo, if it is about the finished program.
fn executable_of(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_program = message["reason"] == "compiler-artifact"
        && message["target"]["name"] == "dropsonde"
        && message["profile"]["test"] == false;
    is_program
        .then(|| message["executable"].as_str().map(PathBuf::from))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_messages() {
        let library = r#"{"reason":"compiler-artifact","target":{"name":"dropsonde"},"profile":{"test":false},"executable":null}"#;
        let test = r#"{"reason":"compiler-artifact","target":{"name":"dropsonde"},"profile":{"test":true},"executable":"/t/d-1"}"#;
        let program = r#"{"reason":"compiler-artifact","target":{"name":"dropsonde"},"profile":{"test":false},"executable":"/t/d"}"#;
        assert_eq!(executable_of(library), None);
        assert_eq!(executable_of(test), None);
        assert_eq!(executable_of(program), Some("/t/d".into()));
        assert_eq!(executable_of("not json"), None);
    }
}
