//! Finding libtorch, or getting it: the CPU libraries out of three pinned Python packages.
//!
//! They are unpacked once per user into a cache directory; each checkout has a link to it,
//! `.libtorch`, to which `.cargo/config.toml` points.

mod cache;
mod discover;
mod download;
mod pins;
mod wheel;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use cache::Cache;
use discover::{Choice, Environment};

pub(crate) use discover::is_link_of;

/// The release that tch 0.26 is made for.
const VERSION: &str = "2.13.0";

/// How to go on where libtorch cannot be fetched.
const BY_HAND: &str = "hint: install libtorch 2.13.0 by hand, from https://pytorch.org/get-started/locally/ \
    or with `python3 -m pip install torch==2.13.0`; then either `export LIBTORCH=DIR` (the directory \
    that holds `lib` and `include`), or `export LIBTORCH_USE_PYTORCH=1`, or link DIR to `.libtorch` \
    at the top of this checkout";

/// The libtorch that a build will use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// That of the installed Python package.
    Python,
    /// The one that the user's `LIBTORCH` names.
    Own(PathBuf),
    /// The one behind `.libtorch`.
    Link(PathBuf),
}

/// Finds libtorch, or downloads it and links it to `root/.libtorch`.
///
/// # Errors
/// A `LIBTORCH` or `.libtorch` that is no libtorch 2.13.0, a system without ready-made libraries,
/// a download that fails or has the wrong checksum, a directory that cannot be written.
pub(crate) fn ensure(root: &Path) -> Result<Found> {
    match discover::choose(root, &Environment::of_process())? {
        Choice::Python => Ok(Found::Python),
        Choice::Own(path) => Ok(Found::Own(path)),
        Choice::Link(path) => Ok(Found::Link(path)),
        Choice::Missing => get(root),
    }
}

fn get(root: &Path) -> Result<Found> {
    if !cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        bail!(
            "set-up knows ready-made libraries for Linux on x86-64 only, this is {os} on {arch}\n{BY_HAND}"
        );
    }
    let cache = Cache::of_user()?;
    let libtorch = cache.fill(make)?;
    cache::link(root, &libtorch)?;
    Ok(Found::Link(libtorch))
}

/// Downloads into `directory` and leaves a complete libtorch there.
fn make(directory: &Path) -> Result<()> {
    let wheels = directory.join("wheels");
    std::fs::create_dir(&wheels)?;
    let paths = download::wheels(&pins::WHEELS, &wheels)?;
    wheel::unpack(&paths, directory)?;
    std::fs::remove_dir_all(&wheels)?;
    cache::finish(directory)
}

/// A bar that counts bytes; nothing is drawn where standard error is not a terminal.
fn byte_bar(task: &str, length: u64) -> ProgressBar {
    let template = "{prefix:>10} [{bar:40}] {bytes} of {total_bytes} ({eta})";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(length)
        .with_style(style)
        .with_prefix(task.to_owned())
}
