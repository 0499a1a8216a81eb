use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a value as indented JSON, by way of a temporary name.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let part = path.with_extension("json.part");
    let text = serde_json::to_string_pretty(value)?;
    std::fs::write(&part, text + "\n")
        .with_context(|| format!("cannot write `{}`", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Reads a JSON file that an earlier step wrote.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, made_by: &str) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read `{}`\nhint: `dropsonde {made_by}` writes it",
            path.display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "`{}` is not what this version writes\nhint: run `dropsonde {made_by}` again",
            path.display()
        )
    })
}

/// Prints one JSON object on standard output.
pub(crate) fn print(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
