//! Checksums of a store, in the form that `sha256sum --check` reads.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::writer::write_error;
use crate::{Error, Result};

/// `<store>.sha256`, beside the store: a stray file inside would not be part of a Zarr hierarchy.
fn path_of(store: &Path) -> PathBuf {
    let mut path = store.to_owned().into_os_string();
    path.push(".sha256");
    path.into()
}

/// Writes the checksums of every file under `directory` as those of `store`, which it is going to be.
pub(super) fn write(directory: &Path, store: &Path) -> Result<()> {
    let path = path_of(store);
    let name = store.file_name().unwrap_or_default().to_string_lossy();
    let lines: Vec<String> = files(directory)?
        .par_iter()
        .map(|file| {
            Ok(format!(
                "{}  {name}/{file}\n",
                sha256(&directory.join(file))?
            ))
        })
        .collect::<Result<_>>()?;
    let failed = |e: std::io::Error| write_error(&path, e.to_string());
    let part = path.with_extension("sha256.part");
    std::fs::write(&part, lines.concat()).map_err(failed)?;
    std::fs::rename(&part, &path).map_err(failed)
}

/// Checks a store against the file `<store>.sha256` beside it, which packing wrote; returns the number of files.
///
/// The form is that of `sha256sum`, so `sha256sum --check earth.zarr.sha256` in the directory of the store does the same,
/// except that it does not see files too many.
///
/// # Errors
/// [`Error::Io`] if the checksums or a file cannot be read, [`Error::Malformed`] naming the first file that is damaged,
/// missing or too many.
pub fn verify_checksums(store: impl AsRef<Path>) -> Result<usize> {
    let store = store.as_ref();
    let path = path_of(store);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    let expected: Vec<(&str, &str)> = text
        .lines()
        .map(|line| parse(&path, line))
        .collect::<Result<_>>()?;
    let found = files(store)?;
    let known: BTreeSet<&str> = expected.iter().map(|&(_, file)| file).collect();
    if let Some(extra) = found.iter().find(|file| !known.contains(file.as_str())) {
        let message = format!(
            "expected only the files of `{}`, found one more",
            path.display()
        );
        return Err(Error::malformed(store.join(extra), "checksum", message));
    }
    expected.par_iter().try_for_each(|(sum, file)| {
        let file = store.join(file);
        let found = sha256(&file)?;
        if found == *sum {
            return Ok(());
        }
        let message =
            format!("expected SHA-256 {sum}, found {found}\nhint: copy or pack the store again");
        Err(Error::malformed(&file, "checksum", message))
    })?;
    Ok(expected.len())
}

/// The checksum and the path below the store of one line.
fn parse<'a>(path: &Path, line: &'a str) -> Result<(&'a str, &'a str)> {
    let parts = line.split_once("  ").and_then(|(sum, name)| {
        let (_, file) = name.split_once('/')?;
        let is_sum = sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        // A path that leads out of the store is not one of ours.
        let inside = !file.starts_with('/') && file.split('/').all(|step| step != "..");
        (is_sum && inside).then_some((sum, file))
    });
    parts.ok_or_else(|| {
        let message = format!("expected `<SHA-256>  <store>/<file>`, found `{line}`");
        Error::malformed(path, "checksum", message)
    })
}

/// Every file below a directory, with `/` between names, sorted.
fn files(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(below) = pending.pop() {
        let here = directory.join(&below);
        for entry in std::fs::read_dir(&here).map_err(|e| Error::io(&here, e))? {
            let entry = entry.map_err(|e| Error::io(&here, e))?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(|e| Error::io(entry.path(), e))?;
            match kind.is_dir() {
                true => pending.push(name + "/"),
                false => found.push(name),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// SHA-256 of a file in hexadecimal.
fn sha256(path: &Path) -> Result<String> {
    let failed = |e| Error::io(path, e);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).map_err(failed)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_loss_and_strays_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("a.zarr");
        std::fs::create_dir_all(store.join("t/c")).unwrap();
        std::fs::write(store.join("zarr.json"), "{}").unwrap();
        std::fs::write(store.join("t/c/0"), "abc").unwrap();
        write(&store, &store).unwrap();
        let text = std::fs::read_to_string(directory.path().join("a.zarr.sha256")).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.zarr/t/c/0";
        assert!(text.starts_with(abc), "{text}");
        assert_eq!(verify_checksums(&store).unwrap(), 2);

        let said = || verify_checksums(&store).unwrap_err().to_string();
        std::fs::write(store.join("t/c/0"), "abd").unwrap();
        assert!(
            said().contains("t/c/0") && said().contains("expected SHA-256"),
            "{}",
            said()
        );
        std::fs::remove_file(store.join("t/c/0")).unwrap();
        assert!(said().contains("t/c/0"), "{}", said());
        std::fs::write(store.join("t/c/0"), "abc").unwrap();
        std::fs::write(store.join("t/c/1"), "abc").unwrap();
        assert!(said().contains("one more"), "{}", said());
        let sums = directory.path().join("a.zarr.sha256");
        std::fs::write(&sums, abc.replace("/t/", "/../")).unwrap();
        assert!(said().contains("a.zarr.sha256"), "{}", said());
    }
}
