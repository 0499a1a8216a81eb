//! `cargo xtask reproduce`: one experiment, from its configuration to its report.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::program::{self, Profile};
use crate::workspace::Workspace;
use crate::{process, setup};

/// The steps in order: the words after `dropsonde`, and what a reader is told.
/// Each takes `--experiment FILE --run DIR [--smoke]` and leaves finished work alone.
const STEPS: [(&str, &str); 6] = [
    ("capture", "run the forecaster and record its latents"),
    ("sae train", "train a sparse autoencoder on them"),
    ("features", "find out what its features mean"),
    ("intervene", "change one feature inside a forecast"),
    ("real-day", "look at a real day through the same model"),
    ("report", "write the report"),
];

/// Files that a finished run has, relative to its directory.
const RESULTS: [&str; 2] = ["report/index.html", "report/metrics.json"];

/// Builds the program and runs all steps of experiment `name`.
pub(crate) fn run(
    workspace: &Workspace,
    name: &str,
    smoke: bool,
    out: Option<&Path>,
) -> Result<()> {
    let experiment = Experiment::new(workspace, name, smoke, out)?;
    setup::ensure(workspace)?;
    let start = Instant::now();
    let report = experiment.run(workspace, Profile::Release)?;
    process::headline(&format!(
        "finished in {}",
        process::duration(start.elapsed())
    ));
    eprintln!("report: `{}`", report.display());
    Ok(())
}

/// The experiment `earth` on a tiny slice, from scratch; returns the path of its report.
pub(crate) fn smoke(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    Experiment::new(workspace, "earth", true, None)?.run(workspace, profile)
}

/// One experiment and where its artefacts go.
#[derive(Debug)]
struct Experiment {
    config: PathBuf,
    directory: PathBuf,
    smoke: bool,
    from_scratch: bool,
}

impl Experiment {
    fn new(workspace: &Workspace, name: &str, smoke: bool, out: Option<&Path>) -> Result<Self> {
        let experiments = workspace.root().join("xtask/experiments");
        let config = experiments.join(format!("{name}.toml"));
        if !config.is_file() {
            bail!(
                "unknown experiment `{name}`\nhint: one of {}",
                names(&experiments)?
            );
        }
        let directory = match out {
            Some(out) => std::path::absolute(out)?,
            None => {
                let suffix = if smoke { "-smoke" } else { "" };
                workspace.root().join(format!("runs/{name}{suffix}"))
            }
        };
        Ok(Self {
            config,
            directory,
            smoke,
            from_scratch: smoke && out.is_none(),
        })
    }

    fn run(&self, workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
        process::headline("build dropsonde");
        let program = program::build(workspace, profile)?;
        if self.from_scratch && self.directory.exists() {
            fs::remove_dir_all(&self.directory)
                .with_context(|| format!("cannot remove `{}`", self.directory.display()))?;
        }
        for (number, (words, meaning)) in STEPS.iter().enumerate() {
            process::headline(&format!("{} of {}: {meaning}", number + 1, STEPS.len()));
            let start = Instant::now();
            process::run(&mut self.step(&program, words, workspace.root()))?;
            eprintln!("{words}: {}", process::duration(start.elapsed()));
        }
        self.results()
    }

    /// Paths inside the checkout are given relative to it, as somebody would type them.
    fn step(&self, program: &Path, words: &str, root: &Path) -> Command {
        let short = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
        let mut command = Command::new(program);
        command.current_dir(root).args(words.split(' '));
        command.arg("--experiment").arg(short(&self.config));
        command.arg("--run").arg(short(&self.directory));
        if self.smoke {
            command.arg("--smoke");
        }
        command
    }

    fn results(&self) -> Result<PathBuf> {
        for result in RESULTS {
            let path = self.directory.join(result);
            ensure!(
                path.is_file(),
                "all steps ended well, but `{}` is missing",
                path.display()
            );
        }
        Ok(self.directory.join(RESULTS[0]))
    }
}

/// The names of all experiments, for a message.
fn names(experiments: &Path) -> Result<String> {
    let entries = fs::read_dir(experiments)
        .with_context(|| format!("cannot list `{}`", experiments.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("toml"))
            && let Some(stem) = path.file_stem()
        {
            names.push(format!("`{}`", stem.to_string_lossy()));
        }
    }
    names.sort();
    Ok(names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Result<(tempfile::TempDir, Workspace)> {
        let root = tempfile::tempdir()?;
        let experiments = root.path().join("xtask/experiments");
        fs::create_dir_all(&experiments)?;
        fs::write(experiments.join("earth.toml"), "")?;
        fs::write(experiments.join("other.toml"), "")?;
        let workspace = Workspace::at(root.path());
        Ok((root, workspace))
    }

    #[test]
    fn an_unknown_experiment_lists_the_known() -> Result<()> {
        let (_root, workspace) = workspace()?;
        let error = Experiment::new(&workspace, "erth", false, None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`erth`") && error.contains("`earth`, `other`"),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn steps_are_what_somebody_would_type() -> Result<()> {
        let (_root, workspace) = workspace()?;
        let full = Experiment::new(&workspace, "earth", false, None)?;
        let smoke = Experiment::new(&workspace, "earth", true, Some(Path::new("/tmp/x")))?;
        let line = |experiment: &Experiment, words| {
            process::line(&experiment.step(Path::new("/t/dropsonde"), words, workspace.root()))
        };
        let config = "--experiment xtask/experiments/earth.toml";
        assert_eq!(
            line(&full, "capture"),
            format!("dropsonde capture {config} --run runs/earth")
        );
        let expected = format!("dropsonde sae train {config} --run /tmp/x --smoke");
        assert_eq!(line(&smoke, "sae train"), expected);
        Ok(())
    }

    #[test]
    fn only_the_smoke_run_in_its_own_place_starts_from_scratch() -> Result<()> {
        let (_root, workspace) = workspace()?;
        let scratch = |smoke, out: Option<&str>| {
            Experiment::new(&workspace, "earth", smoke, out.map(Path::new)).map(|e| e.from_scratch)
        };
        assert!(scratch(true, None)?);
        assert!(!scratch(true, Some("mine"))?);
        assert!(!scratch(false, None)?);
        Ok(())
    }

    #[test]
    fn a_run_without_its_report_is_an_error() -> Result<()> {
        let (root, workspace) = workspace()?;
        let experiment = Experiment::new(&workspace, "earth", false, None)?;
        fs::create_dir_all(root.path().join("runs/earth/report"))?;
        fs::write(root.path().join("runs/earth/report/index.html"), "")?;
        assert!(
            experiment
                .results()
                .is_err_and(|error| error.to_string().contains("metrics.json"))
        );
        fs::write(root.path().join("runs/earth/report/metrics.json"), "")?;
        assert!(experiment.results()?.ends_with("report/index.html"));
        Ok(())
    }
}
