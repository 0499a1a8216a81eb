use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::json;

/// What an artefact was made from: if this is unchanged, the step need not run again.
#[derive(Debug)]
pub(crate) struct Stamp {
    path: PathBuf,
    content: serde_json::Value,
}

impl Stamp {
    /// The stamp of a step in a run directory, for these inputs (configuration and hashes).
    pub(crate) fn new(run: &Path, step: &str, inputs: &impl Serialize) -> anyhow::Result<Self> {
        let content = serde_json::json!({
            "step": step,
            "version": env!("CARGO_PKG_VERSION"),
            "inputs": serde_json::to_value(inputs)?,
        });
        Ok(Self {
            path: run.join(format!("{}.stamp.json", step.replace(' ', "-"))),
            content,
        })
    }

    /// Whether the step was finished from the same inputs.
    pub(crate) fn is_current(&self) -> bool {
        let stored = std::fs::read_to_string(&self.path).ok();
        stored
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .as_ref()
            == Some(&self.content)
    }

    /// Takes the stamp away while the artefact is being remade.
    pub(crate) fn clear(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// Marks the step as finished.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        json::write(&self.path, &self.content)
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
