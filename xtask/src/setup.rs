//! `cargo xtask setup`: libtorch and the crates.

use anyhow::{Context, Result};

use crate::libtorch::{self, Found};
use crate::process;
use crate::workspace::Workspace;

/// Gets libtorch and all crates, so that nothing later needs the network.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    match libtorch::ensure(workspace.root())? {
        Found::Python => eprintln!("libtorch: of the Python package (LIBTORCH_USE_PYTORCH is set)"),
        Found::Own(path) => eprintln!("libtorch: `{}` (LIBTORCH is set)", path.display()),
        Found::Link(path) => eprintln!("libtorch: `.libtorch` -> `{}`", path.display()),
    }
    process::run(&mut workspace.cargo("fetch"))
        .context("cannot fetch the crates in Cargo.lock\nhint: this step needs the network")?;
    eprintln!("ready: `cargo build`, `cargo test`, and `cargo run` work as they are");
    Ok(())
}

/// Makes sure that there is a libtorch, without a word if there is.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    libtorch::ensure(workspace.root()).map(|_| ())
}
