//! Where the workspace is, and how its `cargo` is called.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::libtorch;

/// The checkout this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The directory above this package.
    pub(crate) fn find() -> Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package
            .parent()
            .context("the xtask package has no parent directory")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// A workspace somewhere else.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Top directory of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `cargo SUBCOMMAND` in the top directory, with the environment of a plain call.
    ///
    /// Cargo has put our own `LIBTORCH` into this process's environment (`.cargo/config.toml`).
    /// It is taken out again, so that the called cargo sets it exactly as a plain call does:
    /// for another spelling of the same path, torch-sys would be compiled again, which takes minutes.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.current_dir(&self.root).arg(subcommand);
        if std::env::var_os("LIBTORCH").is_some_and(|value| self.is_our_link(&value)) {
            command.env_remove("LIBTORCH");
        }
        command
    }

    fn is_our_link(&self, value: &OsStr) -> bool {
        libtorch::is_link_of(&self.root, Path::new(value))
    }
}
