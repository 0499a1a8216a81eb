//! Downloading the pinned packages with pip, which knows the user's index, proxy and certificates.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::pins::Wheel;
use super::{BY_HAND, byte_bar};

/// The libraries are the same in the packages of every Python version and need none of them.
const PLATFORM: [&str; 10] = [
    "--implementation",
    "cp",
    "--python-version",
    "3.11",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux_2_25_x86_64",
    "--platform",
    "manylinux2014_x86_64",
];

/// Downloads `wheels` into `directory`, checks their checksums, and returns their paths in the same order.
pub(super) fn wheels(wheels: &[Wheel], directory: &Path) -> Result<Vec<PathBuf>> {
    let python = python()?;
    eprintln!("downloading libtorch: about 540 MB, once per user");
    let requirements = directory.join("requirements.txt");
    fs::write(
        &requirements,
        wheels.iter().map(Wheel::requirement).collect::<String>(),
    )?;
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--disable-pip-version-check",
        "--no-cache-dir",
    ]);
    pip.args(["--no-deps", "--only-binary=:all:"])
        .args(PLATFORM);
    pip.arg("--require-hashes")
        .arg("-r")
        .arg(&requirements)
        .arg("-d")
        .arg(directory);
    let status = pip.status().context("cannot start pip")?;
    if !status.success() {
        bail!(
            "pip could not download libtorch ({status}); what it says is above\n\
             hint: this needs the network, pip 21 or newer, and a package index with the unchanged packages\n{BY_HAND}"
        );
    }
    let paths = wheels
        .iter()
        .map(|wheel| file_of(wheel, directory))
        .collect::<Result<Vec<_>>>()?;
    verify(wheels, &paths)?;
    Ok(paths)
}

/// The first Python that has pip.
fn python() -> Result<&'static str> {
    let mut problems = Vec::new();
    for python in ["python3", "python"] {
        match Command::new(python)
            .args(["-m", "pip", "--version"])
            .output()
        {
            Ok(output) if output.status.success() => return Ok(python),
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stderr);
                let last = text.lines().last().unwrap_or("no message").to_owned();
                problems.push(format!("`{python} -m pip`: {last}"));
            }
            Err(error) => problems.push(format!("`{python}`: {error}")),
        }
    }
    bail!(
        "libtorch is downloaded with pip, which was not found ({})\n\
         hint: on Debian and Ubuntu, `sudo apt-get install python3-pip`\n{BY_HAND}",
        problems.join("; ")
    )
}

/// The one file of `wheel` in `directory`.
fn file_of(wheel: &Wheel, directory: &Path) -> Result<PathBuf> {
    let prefix = wheel.file_prefix();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(OsStr::to_string_lossy)
            .unwrap_or_default();
        if name.starts_with(&prefix) && name.ends_with(".whl") {
            return Ok(path);
        }
    }
    bail!(
        "pip ended well, but left no `{prefix}*.whl` in `{}`",
        directory.display()
    )
}

/// Compares the checksums ourselves: a pip configuration can switch pip's check off.
fn verify(wheels: &[Wheel], paths: &[PathBuf]) -> Result<()> {
    let mut length = 0;
    for path in paths {
        length += fs::metadata(path)?.len();
    }
    let bar = byte_bar("checking", length);
    for (wheel, path) in wheels.iter().zip(paths) {
        let found =
            sha256(path, &bar).with_context(|| format!("cannot read `{}`", path.display()))?;
        if found != wheel.sha256 {
            bail!(
                "the file of `{}` {} is not the expected one: expected SHA-256 {}, found {found}\n\
                 hint: the package index or a proxy changed it; nothing of it was used",
                wheel.name,
                wheel.version,
                wheel.sha256
            );
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// SHA-256 of a file in lower-case hexadecimal.
fn sha256(path: &Path, bar: &ProgressBar) -> Result<String> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let length = reader.read(&mut block)?;
        if length == 0 {
            break;
        }
        hash.update(&block[..length]);
        bar.inc(length as u64);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package whose file holds `abc`, with the checksum of FIPS 180-4's example.
    const ABC: Wheel = Wheel {
        name: "a-b",
        version: "1.0",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    #[test]
    fn the_right_file_passes_and_a_changed_one_does_not() -> Result<()> {
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("a_b-1.0.1-py3.whl"), "other version")?;
        assert!(
            file_of(&ABC, directory.path()).is_err_and(|e| e.to_string().contains("a_b-1.0-*.whl"))
        );
        let path = directory.path().join("a_b-1.0-py3.whl");
        fs::write(&path, "abc")?;
        assert_eq!(file_of(&ABC, directory.path())?, path);
        verify(&[ABC], std::slice::from_ref(&path))?;
        fs::write(&path, "abd")?;
        let error = verify(&[ABC], &[path]).unwrap_err().to_string();
        assert!(
            error.contains("`a-b` 1.0") && error.contains(ABC.sha256),
            "{error}"
        );
        Ok(())
    }
}
