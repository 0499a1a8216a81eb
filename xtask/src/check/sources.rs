//! What the invariants of the architecture demand of the source files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Longer files are reported; the aim is 400.
const LINES: usize = 450;
/// Only documentation and re-exports fit into this.
const LIB_LINES: usize = 120;

/// What libraries leave to the program: printing and reading the environment.
const PROGRAM_ONLY: [&str; 7] = [
    "println!(",
    "eprintln!(",
    "print!(",
    "eprint!(",
    "std::env::",
    "env::var",
    "process::exit(",
];

/// Where clients of cloud stores look for credentials and endpoints, by the custom of these services.
const CLOUD_SETTINGS: &str = "crates/fields/src/source/bucket/connect.rs";

/// What `mesh` does not do: files and network.
const INPUT_OUTPUT: [&str; 3] = ["std::fs", "std::net", "File::"];

/// One Rust file of a package's `src`.
#[derive(Debug)]
pub(super) struct Source {
    /// Path relative to the top.
    path: String,
    text: String,
}

/// All files under `src` of the crates, of `xtask`, and of `benches`, in the order of their paths.
pub(super) fn read_all(root: &Path) -> Result<Vec<Source>> {
    let mut pending = vec![root.join("benches/src"), root.join("xtask/src")];
    for entry in fs::read_dir(root.join("crates")).context("cannot list `crates`")? {
        pending.push(entry?.path().join("src"));
    }
    let mut paths = Vec::new();
    while let Some(directory) = pending.pop() {
        let entries = fs::read_dir(&directory)
            .with_context(|| format!("cannot list `{}`", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.into_iter().map(|path| read(root, path)).collect()
}

fn read(root: &Path, path: PathBuf) -> Result<Source> {
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let path = path
        .strip_prefix(root)
        .unwrap_or(&path)
        .display()
        .to_string();
    Ok(Source { path, text })
}

/// Lines of a library that do what only programs may do; tests and comments do not count.
pub(super) fn forbidden(source: &Source) -> Vec<String> {
    let is_library = source.path.starts_with("crates/") && !source.path.starts_with("crates/cli/");
    if !is_library {
        return Vec::new();
    }
    let mut words = PROGRAM_ONLY.to_vec();
    if source.path.starts_with("crates/mesh/") {
        words.extend(INPUT_OUTPUT);
    }
    if source.path == CLOUD_SETTINGS {
        words.retain(|word| !word.contains("env::"));
    }
    let code = source
        .text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate();
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(index, line)| {
            let word = words.iter().find(|word| line.contains(**word))?;
            Some(format!(
                "{}:{}: a library does not use `{word}`",
                source.path,
                index + 1
            ))
        })
        .collect()
}

/// Files that have grown too long.
pub(super) fn untidy(source: &Source) -> Option<String> {
    let limit = if source.path.ends_with("src/lib.rs") {
        LIB_LINES
    } else {
        LINES
    };
    let lines = source.text.lines().count();
    (lines > limit).then(|| format!("{}: {lines} lines, more than {limit}", source.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn libraries_do_not_print_or_read_the_environment() {
        let text = "fn f() {\n    println!(\"x\");\n    std::env::var(\"A\");\n}\n";
        let found = forbidden(&source("crates/sae/src/a.rs", text));
        assert_eq!(
            found[0],
            "crates/sae/src/a.rs:2: a library does not use `println!(`"
        );
        assert_eq!(found.len(), 2);
        assert_eq!(forbidden(&source("crates/cli/src/a.rs", text)), [""; 0]);
        assert_eq!(forbidden(&source("xtask/src/a.rs", text)), [""; 0]);
        assert_eq!(forbidden(&source(CLOUD_SETTINGS, text)).len(), 1);
    }

    #[test]
    fn tests_and_documentation_may_print() {
        let text = "/// println!(1)\n#[cfg(test)]\nmod tests { println!(1) }\n";
        assert_eq!(forbidden(&source("crates/sae/src/a.rs", text)), [""; 0]);
    }

    #[test]
    fn only_mesh_must_not_touch_files() {
        let text = "use std::fs;\n";
        assert_eq!(forbidden(&source("crates/mesh/src/a.rs", text)).len(), 1);
        assert_eq!(forbidden(&source("crates/fields/src/a.rs", text)), [""; 0]);
    }

    #[test]
    fn long_files_are_reported() {
        assert_eq!(
            untidy(&source("crates/a/src/b.rs", &"x\n".repeat(LINES))),
            None
        );
        assert!(untidy(&source("crates/a/src/b.rs", &"x\n".repeat(LINES + 1))).is_some());
        assert!(untidy(&source("crates/a/src/lib.rs", &"x\n".repeat(LIB_LINES + 1))).is_some());
    }
}
