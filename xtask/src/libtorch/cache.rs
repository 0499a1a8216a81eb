//! The per-user directory with the unpacked libraries, and the link to it.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{VERSION, discover};

/// `$XDG_CACHE_HOME/dropsonde`, by default `~/.cache/dropsonde`.
pub(super) struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The cache of this user (<https://specifications.freedesktop.org/basedir-spec/latest/>).
    pub(super) fn of_user() -> Result<Self> {
        let absolute = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".cache")))
            .context("neither `XDG_CACHE_HOME` nor `HOME` is set to an absolute path\nhint: libtorch is kept there")?;
        Ok(Self {
            directory: base.join("dropsonde"),
        })
    }

    /// The complete libtorch of this cache; if there is none, `make` fills a new directory with it.
    ///
    /// A lock makes a second checkout wait for the first. The directory gets its name
    /// only when it is complete, so one that an interrupted run left is never taken for whole.
    pub(super) fn fill(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let name = format!("libtorch-{VERSION}-cpu");
        let target = self.directory.join(&name);
        if discover::check(&target, false).is_ok() {
            return Ok(target);
        }
        fs::create_dir_all(&self.directory)
            .with_context(|| format!("cannot create `{}`", self.directory.display()))?;
        let _lock = Lock::take(&self.directory.join(format!("{name}.lock")))?;
        if discover::check(&target, false).is_ok() {
            return Ok(target);
        }
        self.remove_leftovers()?;
        let part = self
            .directory
            .join(format!("{name}.part-{}", std::process::id()));
        fs::create_dir(&part).with_context(|| format!("cannot create `{}`", part.display()))?;
        let made = make(&part).and_then(|()| put_in_place(&part, &target));
        if made.is_err() {
            // What is reported is why it could not be made; the next run removes what is left now.
            let _ = fs::remove_dir_all(&part);
        }
        made.map(|()| target)
    }

    /// Removes what interrupted runs have left; with the lock held, nobody works there.
    fn remove_leftovers(&self) -> Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains("-cpu.part-") {
                fs::remove_dir_all(entry.path())
                    .with_context(|| format!("cannot remove `{}`", entry.path().display()))?;
            }
        }
        Ok(())
    }
}

/// Renames `part` to `target`, first removing an incomplete `target`.
fn put_in_place(part: &Path, target: &Path) -> Result<()> {
    if target.exists() {
        fs::remove_dir_all(target)
            .with_context(|| format!("cannot remove the incomplete `{}`", target.display()))?;
    }
    fs::rename(part, target).with_context(|| format!("cannot rename to `{}`", target.display()))
}

/// Adds what the packages lack and checks the whole.
///
/// `libtorch.so` of the package would ask for the CUDA libraries; a link to the CPU library does not.
/// torch-sys reads `build-version`.
pub(super) fn finish(directory: &Path) -> Result<()> {
    symlink(
        Path::new("libtorch_cpu.so"),
        &directory.join("lib/libtorch.so"),
    )?;
    fs::write(directory.join("build-version"), format!("{VERSION}\n"))?;
    discover::check(directory, false)
        .map_err(|problem| anyhow::anyhow!("the unpacked libtorch is incomplete: {problem}"))
}

/// Makes `root/.libtorch` a link to `target`, in place of an older link.
pub(super) fn link(root: &Path, target: &Path) -> Result<()> {
    let temporary = root.join(format!(".libtorch.{}.part", std::process::id()));
    symlink(target, &temporary)?;
    let link = root.join(".libtorch");
    fs::rename(&temporary, &link).with_context(|| format!("cannot write `{}`", link.display()))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot make the link `{}`", link.display()))
}

#[cfg(not(unix))]
fn symlink(_target: &Path, link: &Path) -> Result<()> {
    bail!(
        "cannot make the link `{}` on this system\n{}",
        link.display(),
        super::BY_HAND
    )
}

/// A lock on a file, held until dropped.
struct Lock {
    _file: File,
}

impl Lock {
    fn take(path: &Path) -> Result<Self> {
        let context = || format!("cannot lock `{}`", path.display());
        let file = File::create(path).with_context(context)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("waiting for another set-up that holds `{}`", path.display());
                file.lock().with_context(context)?;
            }
            // Some network file systems cannot lock; the final rename still keeps the result whole.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => bail!("{}: {error}", context()),
        }
        Ok(Self { _file: file })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// What `make` must leave, without the real libraries.
    fn make_small(directory: &Path) -> Result<()> {
        let header = directory.join("include/torch/csrc/api/include/torch");
        fs::create_dir_all(&header)?;
        fs::write(header.join("torch.h"), "")?;
        fs::create_dir(directory.join("lib"))?;
        fs::write(directory.join("lib/libtorch_cpu.so"), "cpu")?;
        finish(directory)
    }

    fn names(directory: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    #[test]
    fn many_at_once_make_it_once() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let made = AtomicUsize::new(0);
        let fill = || {
            let cache = Cache {
                directory: directory.path().to_owned(),
            };
            cache.fill(|part| {
                made.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(30));
                make_small(part)
            })
        };
        let paths: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(fill)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Result<_>>()
        })?;
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert!(
            paths
                .iter()
                .all(|path| *path == directory.path().join("libtorch-2.13.0-cpu"))
        );
        assert_eq!(fs::read_to_string(paths[0].join("lib/libtorch.so"))?, "cpu");
        assert_eq!(
            names(directory.path())?,
            ["libtorch-2.13.0-cpu", "libtorch-2.13.0-cpu.lock"]
        );
        Ok(())
    }

    #[test]
    fn a_failure_leaves_nothing_under_the_final_name() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let cache = Cache {
            directory: directory.path().to_owned(),
        };
        let error = cache.fill(|part| {
            fs::write(part.join("half"), "")?;
            bail!("no network")
        });
        assert!(error.is_err_and(|error| error.to_string() == "no network"));
        assert_eq!(names(directory.path())?, ["libtorch-2.13.0-cpu.lock"]);
        Ok(())
    }

    #[test]
    fn leftovers_and_incomplete_directories_are_replaced() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let cache = Cache {
            directory: directory.path().to_owned(),
        };
        fs::create_dir(directory.path().join("libtorch-2.13.0-cpu.part-1"))?;
        fs::create_dir(directory.path().join("libtorch-2.13.0-cpu"))?;
        let path = cache.fill(make_small)?;
        assert_eq!(discover::check(&path, false), Ok(()));
        assert_eq!(
            names(directory.path())?,
            ["libtorch-2.13.0-cpu", "libtorch-2.13.0-cpu.lock"]
        );
        Ok(())
    }

    #[test]
    fn an_old_link_is_replaced() -> Result<()> {
        let root = tempfile::tempdir()?;
        link(root.path(), Path::new("/gone"))?;
        link(root.path(), Path::new("/here"))?;
        assert_eq!(
            fs::read_link(root.path().join(".libtorch"))?,
            Path::new("/here")
        );
        assert_eq!(names(root.path())?, [".libtorch"]);
        Ok(())
    }
}
