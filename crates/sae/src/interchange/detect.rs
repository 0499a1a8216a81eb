//! Which format lies at a path.

use std::fs;
use std::path::{Path, PathBuf};

use super::Format;
use super::pt::PtFile;
use crate::{Error, Result};

/// A checkpoint that was found.
pub(super) enum Found {
    /// A `.pt` file, opened.
    Pt(Format, PtFile),
    /// A directory.
    Dir(Format, PathBuf),
}

/// Finds the checkpoint at `path`, of the format that is asked for, if one is.
pub(super) fn find(path: &Path, asked: Option<Format>) -> Result<Found> {
    let dir = match path.is_dir() {
        true => path,
        // A weights file stands for its directory.
        false if has_extension(path, "safetensors") => path.parent().unwrap_or(path),
        false => return of_pt(path, asked),
    };
    match asked.or_else(|| of_names(dir)) {
        Some(format @ (Format::SaeLens | Format::Sparsify | Format::Dropsonde)) => {
            Ok(Found::Dir(format, dir.to_path_buf()))
        }
        Some(Format::DictionaryLearning) if dir.join("ae.pt").is_file() => {
            of_pt(&dir.join("ae.pt"), Some(Format::DictionaryLearning))
        }
        asked => of_pt(&only_pt(dir)?, asked),
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn of_names(dir: &Path) -> Option<Format> {
    let has = |name: &str| dir.join(name).is_file();
    [
        (has("sae_weights.safetensors"), Format::SaeLens),
        (has("ae.pt"), Format::DictionaryLearning),
        (has("sae.safetensors") && has("cfg.json"), Format::Sparsify),
        (has("sae.safetensors"), Format::Dropsonde),
    ]
    .into_iter()
    .find_map(|(there, format)| there.then_some(format))
}

/// The one `.pt` file of a directory.
fn only_pt(dir: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).map_err(Error::io(dir))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| has_extension(path, "pt"))
        .collect();
    found.sort();
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(Error::checkpoint(
            dir,
            "there is no checkpoint of a known format\nhint: name the file; known are `*.pt`, `sae_weights.safetensors` or \
             `sae.safetensors` with `cfg.json`, and `sae.safetensors` with `config.json`",
        )),
        [first, .., last] => Err(Error::checkpoint(
            dir,
            format!(
                "there are {} `.pt` files, from `{}` to `{}`\nhint: name one of them",
                found.len(),
                first.display(),
                last.display()
            ),
        )),
    }
}

fn of_pt(path: &Path, asked: Option<Format>) -> Result<Found> {
    let file = PtFile::read(path)?;
    let root = file.root();
    let has = |key: &str| root.get(key).is_some();
    let known = [
        ("model_state", Format::Paper),
        ("model_state_dict", Format::ClimateXai),
        ("enc.weight", Format::Paper),
        ("encoder.weight", Format::DictionaryLearning),
        ("W_enc", Format::DictionaryLearning),
    ];
    let found = known
        .into_iter()
        .find_map(|(key, format)| has(key).then_some(format));
    match asked.or(found) {
        Some(format @ (Format::Paper | Format::ClimateXai | Format::DictionaryLearning)) => {
            Ok(Found::Pt(format, file))
        }
        Some(other) => Err(Error::checkpoint(
            path,
            format!(
                "`{other}` is not a format of `.pt` files\nhint: name the directory of the checkpoint"
            ),
        )),
        None => {
            let keys: Vec<&str> = root.entries().take(20).map(|(key, _)| key).collect();
            let reason = format!(
                "no known format has the keys `{}`\nhint: expected `model_state`, `model_state_dict`, `enc.weight`, \
                 `encoder.weight` or `W_enc`",
                keys.join("`, `")
            );
            Err(Error::checkpoint(path, reason))
        }
    }
}
