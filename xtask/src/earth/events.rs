//! `cargo xtask earth events`: the census of a packed record, written into `docs/earth.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::page::Page;
use crate::program::{self, Profile};
use crate::workspace::Workspace;
use crate::{process, setup};

/// The page and, beside it, its figures.
const PAGE: &str = "docs/earth.md";
const IMAGES: &str = "docs/images/earth";
/// The program's section before it is put into the page; git ignores this name.
const SECTION: &str = "docs/census.md.part";
/// Which section of the page.
const CENSUS: &str = "census";

/// Which record.
#[derive(Args, Debug)]
pub(crate) struct EventsArguments {
    /// Packed record of the simulated Earth
    #[arg(long, value_name = "ZARR")]
    source: PathBuf,
    /// Directory for `tracks.csv`, `daily.csv` and `census.json` [default: `runs/census`]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs `dropsonde events` and renews the census on the page.
pub(crate) fn run(workspace: &Workspace, arguments: &EventsArguments) -> Result<()> {
    // Found missing before minutes of work rather than after.
    let page = Page::open(workspace, PAGE, CENSUS)?;
    ensure!(
        arguments.source.exists(),
        "`{}` is not there\nhint: `--source` names a record made by `cargo xtask earth pack`",
        arguments.source.display()
    );
    setup::ensure(workspace)?;
    let program = program::build(workspace, Profile::Release)?;
    process::run(&mut command(workspace.root(), &program, arguments)?)?;
    let section = workspace.root().join(SECTION);
    let text = fs::read_to_string(&section).with_context(|| format!("cannot read `{SECTION}`"))?;
    page.write(&text)?;
    fs::remove_file(&section).with_context(|| format!("cannot remove `{SECTION}`"))?;
    eprintln!("renewed the census in `{PAGE}`");
    Ok(())
}

fn command(root: &Path, program: &Path, arguments: &EventsArguments) -> Result<Command> {
    let out = match &arguments.out {
        Some(out) => std::path::absolute(out)?,
        None => root.join("runs/census"),
    };
    let mut command = Command::new(program);
    command.current_dir(root).arg("events");
    command
        .arg("--source")
        .arg(std::path::absolute(&arguments.source)?)
        .arg("--out")
        .arg(out)
        .args(["--page", SECTION, "--images", IMAGES]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_what_somebody_would_type() -> Result<()> {
        let arguments = EventsArguments {
            source: "/data/earth.zarr".into(),
            out: None,
        };
        let line = process::line(&command(
            Path::new("/r"),
            Path::new("/t/dropsonde"),
            &arguments,
        )?);
        assert_eq!(
            line,
            "dropsonde events --source /data/earth.zarr --out /r/runs/census --page docs/census.md.part \
             --images docs/images/earth"
        );
        Ok(())
    }

    #[test]
    fn the_page_of_this_checkout_has_the_markers() -> Result<()> {
        Page::open(&Workspace::find()?, PAGE, CENSUS)?;
        Ok(())
    }
}
