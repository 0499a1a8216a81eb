//! `cargo xtask check`: all of CI, the quick parts first.

mod manifest;
mod rules;
mod sources;
mod table;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{process, setup, test};

/// Where the dependency table is.
const ARCHITECTURE: &str = "docs/architecture.md";

/// Runs every check; the first that fails ends it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    process::headline("format");
    process::run(workspace.cargo("fmt").args(["--all", "--check"]))?;
    process::headline("architecture");
    architecture(workspace)?;
    without_libtorch(workspace)?;
    setup::ensure(workspace)?;
    process::headline("clippy");
    process::run(workspace.cargo("clippy").args([
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    process::headline("documentation");
    process::run(
        workspace
            .cargo("doc")
            .args(["--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", doc_flags()),
    )?;
    test::run(workspace, &[])?;
    eprintln!(
        "all checks passed in {}",
        process::duration(start.elapsed())
    );
    Ok(())
}

/// Compares manifests and sources with the dependency table and its invariants; prints what is untidy.
fn architecture(workspace: &Workspace) -> Result<()> {
    let root = workspace.root();
    let path = root.join(ARCHITECTURE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let table = table::parse(&text).with_context(|| format!("cannot use `{ARCHITECTURE}`"))?;
    let manifests = manifest::read_all(root)?;
    let sources = sources::read_all(root)?;
    let mut violations = rules::layers(&table);
    violations.extend(rules::dependencies(&table, &manifests));
    violations.extend(rules::run_path(&manifests));
    violations.extend(sources.iter().flat_map(sources::forbidden));
    let warnings = rules::sentences(&table, &manifests);
    for warning in warnings
        .iter()
        .chain(&sources.iter().flat_map(sources::untidy).collect::<Vec<_>>())
    {
        eprintln!("warning: {warning}");
    }
    if !violations.is_empty() {
        bail!(
            "{}\nhint: `{ARCHITECTURE}` says what each crate may use and know",
            violations.join("\n")
        );
    }
    eprintln!(
        "{} crates keep to the table in `{ARCHITECTURE}`",
        table.len()
    );
    Ok(())
}

/// The crates that must build on a machine without libtorch do not depend on it through anything else.
fn without_libtorch(workspace: &Workspace) -> Result<()> {
    for name in rules::NO_LIBTORCH {
        let package = format!("dropsonde-{name}");
        let mut command = workspace.cargo("tree");
        command.args(["--package", &package, "--edges", "normal,build"]);
        command.args(["--prefix", "none", "--format", "{p}"]);
        let output = command.output().context("cannot start `cargo tree`")?;
        if !output.status.success() {
            bail!(
                "`{}` failed: {}",
                process::line(&command),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let tree = String::from_utf8_lossy(&output.stdout);
        if let Some(line) = tree
            .lines()
            .find(|line| rules::is_libtorch(first_word(line)))
        {
            bail!("`{package}` must build without libtorch, but depends on `{line}`");
        }
    }
    Ok(())
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// The user's flags for rustdoc, and that a warning is an error.
fn doc_flags() -> String {
    let own = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    format!("{own} -Dwarnings").trim_start().to_owned()
}
