//! The Python environment of the generator: made once, made again when its requirements change.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process;
use crate::workspace::Workspace;

/// Where the generator is, from the top of the checkout.
pub(crate) const GENERATOR: &str = "xtask/earth/generator";

/// Interpreters that are tried; the first is the one that the pinned versions were tried with.
const INTERPRETERS: [&str; 5] = [
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "python3",
];

/// Fails, with exit status 3 or 4, unless the interpreter is new enough and can make environments.
const PROBE: &str = "import sys
if sys.version_info < (3, 11): sys.exit(3)
try:
    import venv, ensurepip
except ImportError: sys.exit(4)";

/// A Python environment and what it has to contain.
#[derive(Debug)]
pub(crate) struct Environment {
    directory: PathBuf,
    requirements: PathBuf,
}

impl Environment {
    /// That of the generator, in `target/earth-venv`.
    pub(crate) fn of_generator(workspace: &Workspace) -> Self {
        Self {
            directory: workspace.root().join("target/earth-venv"),
            requirements: workspace.root().join(GENERATOR).join("requirements.txt"),
        }
    }

    /// The interpreter of the environment, which is made if it is not there or has other requirements.
    ///
    /// # Errors
    /// No Python of at least 3.11 with `venv`, or a package that cannot be installed.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let stamp = self.stamp()?;
        if !self.is_current(&stamp) {
            self.make(&find(&INTERPRETERS)?)?;
            fs::write(self.stamp_path(), stamp)
                .with_context(|| format!("cannot write `{}`", self.stamp_path().display()))?;
        }
        Ok(self.interpreter())
    }

    fn interpreter(&self) -> PathBuf {
        let name = if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        };
        self.directory.join(name)
    }

    fn stamp_path(&self) -> PathBuf {
        self.directory.join("requirements.sha256")
    }

    /// SHA-256 of the requirements.
    fn stamp(&self) -> Result<String> {
        let text = fs::read(&self.requirements)
            .with_context(|| format!("cannot read `{}`", self.requirements.display()))?;
        Ok(Sha256::digest(&text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    /// Whether the environment was finished with these requirements. The stamp is written last.
    fn is_current(&self, stamp: &str) -> bool {
        self.interpreter().exists()
            && fs::read_to_string(self.stamp_path()).is_ok_and(|found| found.trim() == stamp)
    }

    fn make(&self, python: &str) -> Result<()> {
        process::headline(&format!(
            "Python environment in `{}` (once; about 1 GB)",
            self.directory.display()
        ));
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory)
                .with_context(|| format!("cannot remove `{}`", self.directory.display()))?;
        }
        process::run(
            Command::new(python)
                .args(["-m", "venv"])
                .arg(&self.directory),
        )?;
        process::run(&mut self.install())
            .context("hint: the packages come from PyPI, or from where `pip config` says")
    }

    /// Everything that is needed is listed: jcm would also bring what its documentation and tests need.
    fn install(&self) -> Command {
        let mut command = Command::new(self.interpreter());
        command
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--no-deps", "--requirement"])
            .arg(&self.requirements);
        command
    }
}

/// The first interpreter that will do.
fn find(interpreters: &[&str]) -> Result<String> {
    let mut without_venv = None;
    for &name in interpreters {
        match probe(name) {
            Some(0) => return Ok(name.to_owned()),
            Some(4) => without_venv = without_venv.or(Some(name)),
            _ => {}
        }
    }
    if let Some(name) = without_venv {
        bail!(
            "`{name}` cannot make environments: the module `venv` or `ensurepip` is missing\nhint: on Debian and Ubuntu, `apt install {name}-venv`"
        );
    }
    bail!(
        "no Python 3.11 or newer found; looked for {} in PATH\nhint: install one, for example from https://www.python.org/downloads/",
        interpreters.join(", ")
    )
}

/// Exit status of the probe; `None` if there is no such program.
fn probe(name: &str) -> Option<i32> {
    let mut command = Command::new(name);
    command
        .args(["-c", PROBE])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().ok()?.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Result<(tempfile::TempDir, Environment)> {
        let root = tempfile::tempdir()?;
        let requirements = root.path().join(GENERATOR).join("requirements.txt");
        fs::create_dir_all(requirements.with_file_name(""))?;
        fs::write(&requirements, "jcm==3.0.0\n")?;
        let environment = Environment::of_generator(&Workspace::at(root.path()));
        Ok((root, environment))
    }

    #[test]
    fn an_environment_is_current_until_its_requirements_change() -> Result<()> {
        let (_root, environment) = environment()?;
        let stamp = environment.stamp()?;
        assert_eq!(stamp.len(), 64);
        assert!(!environment.is_current(&stamp), "nothing is there");
        let interpreter = environment.interpreter();
        fs::create_dir_all(interpreter.with_file_name(""))?;
        fs::write(&interpreter, "")?;
        assert!(!environment.is_current(&stamp), "it was never finished");
        fs::write(environment.stamp_path(), &stamp)?;
        assert!(environment.is_current(&stamp));
        assert_eq!(environment.ensure()?, interpreter, "and is reused");
        fs::write(&environment.requirements, "jcm==3.0.1\n")?;
        assert!(!environment.is_current(&environment.stamp()?));
        fs::remove_file(&interpreter)?;
        assert!(!environment.is_current(&stamp), "the interpreter is gone");
        Ok(())
    }

    #[test]
    fn requirements_that_are_not_there_are_named() -> Result<()> {
        let root = tempfile::tempdir()?;
        let error = Environment::of_generator(&Workspace::at(root.path()))
            .ensure()
            .unwrap_err();
        assert!(error.to_string().contains("requirements.txt"), "{error}");
        Ok(())
    }

    #[test]
    fn packages_are_installed_from_the_list_alone() -> Result<()> {
        let (_root, environment) = environment()?;
        let line = process::line(&environment.install());
        assert!(line.starts_with("python -m pip install"), "{line}");
        assert!(line.contains("--no-deps") && line.ends_with("requirements.txt"));
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn what_is_wrong_with_python_is_said() -> Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir()?;
        let fake = |name: &str, status: i32| -> Result<String> {
            let path = directory.path().join(name);
            fs::write(&path, format!("#!/bin/sh\nexit {status}\n"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            Ok(path.display().to_string())
        };
        let (old, bare, good) = (fake("old", 3)?, fake("bare", 4)?, fake("good", 0)?);
        let none = find(&["/no/such/python", &old]).unwrap_err().to_string();
        assert!(none.contains("no Python 3.11") && none.contains("hint:"));
        let without = find(&[&old, &bare]).unwrap_err().to_string();
        assert!(without.contains("`venv`") && without.contains("apt install"));
        assert_eq!(find(&[&old, &bare, &good])?, good);
        Ok(())
    }
}
