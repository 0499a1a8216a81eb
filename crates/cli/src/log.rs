use std::path::Path;

use anyhow::Context;

/// Cuts a log of JSON lines to the steps that a resumed state holds, so that no step appears twice.
pub(crate) fn keep_up_to(path: &Path, step: u64) -> anyhow::Result<()> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(());
    };
    let kept = |line: &&str| {
        let value = serde_json::from_str::<serde_json::Value>(line);
        value.is_ok_and(|v| v["step"].as_u64().is_some_and(|s| s <= step))
    };
    let lines: String = text
        .lines()
        .filter(kept)
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(path, lines).with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_and_broken_lines_are_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.jsonl");
        std::fs::write(&path, "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"ste").unwrap();
        keep_up_to(&path, 2).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(kept, "{\"step\":1}\n{\"step\":2}\n");
        keep_up_to(&directory.path().join("none"), 2).unwrap();
    }
}
