//! Taking the headers and CPU libraries out of the packages.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use zip::ZipArchive;

use super::byte_bar;

/// The libraries that are needed, by their directory in the package.
const LIBRARIES: [(&str, &str); 5] = [
    ("torch/lib", "libtorch_cpu.so"),
    ("torch/lib", "libc10.so"),
    ("torch/lib", "libgomp.so.1"),
    ("nvidia/cu13/lib", "libcudart.so.13"),
    ("nvidia/cu13/lib", "libcupti.so.13"),
];

/// Unpacks the needed files of all `wheels` into `directory/{include,lib}`.
///
/// # Errors
/// A damaged package, a path that leads out of `directory`, a library that is in none of the packages.
pub(super) fn unpack(wheels: &[PathBuf], directory: &Path) -> Result<()> {
    let mut archives = Vec::new();
    for wheel in wheels {
        let context = || format!("cannot read `{}`", wheel.display());
        let archive = ZipArchive::new(BufReader::new(File::open(wheel).with_context(context)?));
        archives.push(Archive {
            path: wheel,
            zip: archive.with_context(context)?,
        });
    }
    let mut length = 0;
    for archive in &mut archives {
        archive.each_needed(|entry, _| {
            length += entry.size();
            Ok(())
        })?;
    }
    let bar = byte_bar("unpacking", length);
    for archive in &mut archives {
        archive.each_needed(|entry, place| write(entry, directory, place, &bar))?;
    }
    bar.finish_and_clear();
    let is_missing = |name: &&str| !directory.join("lib").join(name).is_file();
    let missing: Vec<&str> = LIBRARIES
        .iter()
        .map(|(_, name)| *name)
        .filter(is_missing)
        .collect();
    if !missing.is_empty() {
        bail!("the packages do not hold `{}`", missing.join("`, `"));
    }
    Ok(())
}

/// An entry of an archive.
type Entry<'a> = zip::read::ZipFile<'a, BufReader<File>>;

/// An open package.
struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive<'_> {
    /// Calls `visit` with each needed file and its place in the libtorch directory.
    fn each_needed(
        &mut self,
        mut visit: impl FnMut(&mut Entry, &Path) -> Result<()>,
    ) -> Result<()> {
        let context = || format!("cannot unpack `{}`", self.path.display());
        for index in 0..self.zip.len() {
            let mut entry = self.zip.by_index(index).with_context(context)?;
            if entry.is_file()
                && let Some(place) = place(&entry.name()?).with_context(context)?
            {
                visit(&mut entry, &place).with_context(context)?;
            }
        }
        Ok(())
    }
}

/// Where an entry goes, relative to the libtorch directory; `None` if it is not needed.
fn place(name: &str) -> Result<Option<PathBuf>> {
    if let Some(header) = name.strip_prefix("torch/include/") {
        let header = Path::new(header);
        if !header
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            bail!("the entry `{name}` leads out of its directory");
        }
        return Ok(Some(Path::new("include").join(header)));
    }
    let is_library = |(directory, library): &(&str, &str)| {
        name.strip_prefix(directory)
            .and_then(|rest| rest.strip_prefix('/'))
            == Some(library)
    };
    Ok(LIBRARIES
        .iter()
        .copied()
        .find(is_library)
        .map(|(_, library)| Path::new("lib").join(library)))
}

/// Writes one entry; a library is flushed to the disk, since a crash must not leave half of it.
fn write(entry: &mut Entry, directory: &Path, place: &Path, bar: &ProgressBar) -> Result<()> {
    let path = directory.join(place);
    let context = || format!("cannot write `{}`", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    let mut file = BufWriter::new(File::create(&path).with_context(context)?);
    io::copy(&mut bar.wrap_read(entry), &mut file).with_context(context)?;
    file.flush().with_context(context)?;
    if place.starts_with("lib") {
        file.get_ref().sync_all().with_context(context)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn package(path: &Path, entries: &[(&str, &str)]) -> Result<PathBuf> {
        let mut zip = ZipWriter::new(File::create(path)?);
        for (name, text) in entries {
            zip.start_file(*name, SimpleFileOptions::default())?;
            zip.write_all(text.as_bytes())?;
        }
        zip.finish()?;
        Ok(path.to_owned())
    }

    fn torch(directory: &Path) -> Result<PathBuf> {
        package(
            &directory.join("torch.whl"),
            &[
                (
                    "torch/include/torch/csrc/api/include/torch/torch.h",
                    "header",
                ),
                ("torch/include/ATen/ATen.h", "aten"),
                ("torch/lib/libtorch_cpu.so", "cpu"),
                ("torch/lib/libtorch_cuda.so", "cuda"),
                ("torch/lib/libtorch.so", "both"),
                ("torch/lib/libc10.so", "c10"),
                ("torch/lib/libgomp.so.1", "gomp"),
                ("torch/nn/modules.py", "python"),
                ("other/torch/lib/libc10.so", "not this one"),
            ],
        )
    }

    fn cuda(directory: &Path) -> Result<PathBuf> {
        package(
            &directory.join("cuda.whl"),
            &[
                ("nvidia/cu13/lib/libcudart.so.13", "cudart"),
                ("nvidia/cu13/lib/libcupti.so.13", "cupti"),
                ("nvidia/cu13/lib/libnvperf_host.so", "not needed"),
            ],
        )
    }

    fn files(directory: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    #[test]
    fn only_what_is_needed_is_unpacked() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let out = directory.path().join("out");
        unpack(&[torch(directory.path())?, cuda(directory.path())?], &out)?;
        let libraries = [
            "libc10.so",
            "libcudart.so.13",
            "libcupti.so.13",
            "libgomp.so.1",
            "libtorch_cpu.so",
        ];
        assert_eq!(files(&out.join("lib"))?, libraries);
        assert_eq!(files(&out)?, ["include", "lib"]);
        assert_eq!(fs::read_to_string(out.join("lib/libc10.so"))?, "c10");
        assert_eq!(fs::read_to_string(out.join("include/ATen/ATen.h"))?, "aten");
        Ok(())
    }

    #[test]
    fn a_missing_library_is_named() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let wheels = [torch(directory.path())?];
        let error = unpack(&wheels, &directory.path().join("out"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`libcudart.so.13`, `libcupti.so.13`"),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn a_path_that_leads_out_is_refused() -> Result<()> {
        assert!(place("torch/include/../../x.h").is_err());
        assert!(place("torch/include//etc/x.h").is_err());
        assert_eq!(place("torch/lib/../../libc10.so")?, None);
        Ok(())
    }

    #[test]
    fn a_truncated_package_is_an_error() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let wheel = torch(directory.path())?;
        let bytes = fs::read(&wheel)?;
        fs::write(&wheel, &bytes[..bytes.len() / 2])?;
        let error = unpack(&[wheel], &directory.path().join("out"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("torch.whl"), "{error}");
        Ok(())
    }
}
