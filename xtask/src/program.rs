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
/// The whole workspace is selected, so that third-party crates get the same features
/// as in `cargo test --workspace` and are not compiled a second time.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    let mut command = workspace.cargo("build");
    command.args(["--workspace", "--bin", "dropsonde"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    executable(command.arg("--message-format=json-render-diagnostics"))
}

fn executable(command: &mut Command) -> Result<PathBuf> {
    let line = process::line(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .find_map(executable_of)
        .with_context(|| format!("`{line}` reported no executable `dropsonde`"))
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
