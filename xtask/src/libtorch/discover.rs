//! Which libtorch a build would use, from the environment and the checkout.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::VERSION;

/// Libraries of which one must be there, by system.
const LIBRARIES: [&str; 4] = [
    "libtorch_cpu.so",
    "libtorch.so",
    "libtorch_cpu.dylib",
    "torch_cpu.lib",
];

/// The header that the wrapper of torch-sys starts from.
const HEADER: &str = "include/torch/csrc/api/include/torch/torch.h";

/// The variables that torch-sys reads.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// `LIBTORCH_USE_PYTORCH` is set, to whatever value.
    pub(super) use_pytorch: bool,
    /// `LIBTORCH`.
    pub(super) libtorch: Option<PathBuf>,
    /// `LIBTORCH_BYPASS_VERSION_CHECK` is set.
    pub(super) any_version: bool,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        Self {
            use_pytorch: env::var_os("LIBTORCH_USE_PYTORCH").is_some(),
            libtorch: env::var_os("LIBTORCH").map(PathBuf::from),
            any_version: env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some(),
        }
    }
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The Python package is to be used; torch-sys looks for it.
    Python,
    /// The user's own directory.
    Own(PathBuf),
    /// What `.libtorch` is, or points to.
    Link(PathBuf),
    /// None, or a `.libtorch` that points to one that is gone.
    Missing,
}

/// Looks in the order of torch-sys: the Python package, `LIBTORCH`, `.libtorch`.
///
/// # Errors
/// A `LIBTORCH` of the user's, or a `.libtorch` that is not a link, without a usable libtorch:
/// both are the user's, so they are not replaced.
pub(super) fn choose(root: &Path, environment: &Environment) -> Result<Choice> {
    if environment.use_pytorch {
        return Ok(Choice::Python);
    }
    let own = environment
        .libtorch
        .as_ref()
        .filter(|path| !is_link_of(root, path));
    if let Some(path) = own {
        if let Err(problem) = check(path, environment.any_version) {
            bail!(
                "`LIBTORCH` is `{}`: {problem}\nhint: let it name a libtorch {VERSION}, or unset it to have one fetched",
                path.display()
            );
        }
        return Ok(Choice::Own(path.clone()));
    }
    choose_link(&root.join(".libtorch"), environment.any_version)
}

fn choose_link(link: &Path, any_version: bool) -> Result<Choice> {
    match check(link, any_version) {
        Ok(()) => Ok(Choice::Link(link.canonicalize()?)),
        Err(_) if link.is_symlink() || !link.exists() => Ok(Choice::Missing),
        Err(problem) => bail!(
            "`{}`: {problem}\nhint: remove it, then run `cargo xtask setup` again",
            link.display()
        ),
    }
}

/// Whether `path` is the `.libtorch` of the checkout `root`, however either is spelled.
pub(crate) fn is_link_of(root: &Path, path: &Path) -> bool {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    path.file_name().is_some_and(|name| name == ".libtorch")
        && parent.is_some()
        && parent == root.canonicalize().ok()
}

/// Whether `directory` is a libtorch of the right version; if not, what is wrong with it.
pub(super) fn check(directory: &Path, any_version: bool) -> Result<(), String> {
    if !directory.is_absolute() {
        return Err("expected an absolute path".to_owned());
    }
    if !LIBRARIES
        .iter()
        .any(|name| directory.join("lib").join(name).is_file())
    {
        return Err(format!("found none of `lib/{{{}}}`", LIBRARIES.join(",")));
    }
    if !directory.join(HEADER).is_file() {
        return Err(format!("found no `{HEADER}`"));
    }
    match std::fs::read_to_string(directory.join("build-version")) {
        Ok(version) if !any_version && !is_version(&version) => Err(format!(
            "expected version {VERSION}, found {}",
            version.trim()
        )),
        _ => Ok(()),
    }
}

/// Whether the text is the version, with or without a variant such as `+cpu`.
fn is_version(text: &str) -> bool {
    text.trim().split('+').next() == Some(VERSION)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// An empty checkout and a libtorch that looks complete, in a directory of their own.
    fn scene() -> Result<(tempfile::TempDir, PathBuf, PathBuf)> {
        let directory = tempfile::tempdir()?;
        let (root, libtorch) = (
            directory.path().join("root"),
            directory.path().join("libtorch"),
        );
        fs::create_dir_all(&root)?;
        fs::create_dir_all(libtorch.join("lib"))?;
        fs::write(libtorch.join("lib/libtorch_cpu.so"), "")?;
        fs::create_dir_all(libtorch.join(HEADER).parent().unwrap())?;
        fs::write(libtorch.join(HEADER), "")?;
        fs::write(libtorch.join("build-version"), "2.13.0+cpu\n")?;
        Ok((directory, root, libtorch))
    }

    fn with_libtorch(path: &Path) -> Environment {
        Environment {
            libtorch: Some(path.to_owned()),
            ..Environment::default()
        }
    }

    #[test]
    fn nothing_is_missing_and_python_wins() -> Result<()> {
        let (_guard, root, libtorch) = scene()?;
        assert_eq!(choose(&root, &Environment::default())?, Choice::Missing);
        let both = Environment {
            use_pytorch: true,
            ..with_libtorch(&libtorch)
        };
        assert_eq!(choose(&root, &both)?, Choice::Python);
        Ok(())
    }

    #[test]
    fn a_directory_of_the_user_wins_over_the_link() -> Result<()> {
        let (_guard, root, libtorch) = scene()?;
        assert_eq!(
            choose(&root, &with_libtorch(&libtorch))?,
            Choice::Own(libtorch)
        );
        Ok(())
    }

    #[test]
    fn a_broken_directory_of_the_user_is_an_error() -> Result<()> {
        let (_guard, root, libtorch) = scene()?;
        let message =
            |path: &Path| format!("{:#}", choose(&root, &with_libtorch(path)).unwrap_err());
        fs::write(libtorch.join("build-version"), "2.1.0")?;
        assert!(message(&libtorch).contains("expected version 2.13.0, found 2.1.0"));
        let any = Environment {
            any_version: true,
            ..with_libtorch(&libtorch)
        };
        assert_eq!(choose(&root, &any)?, Choice::Own(libtorch.clone()));
        fs::remove_file(libtorch.join(HEADER))?;
        assert!(message(&libtorch).contains("torch.h"));
        fs::remove_dir_all(libtorch.join("lib"))?;
        assert!(message(&libtorch).contains("libtorch_cpu.so"));
        assert!(message(Path::new("relative")).contains("absolute"));
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn the_configured_link_is_not_the_users() -> Result<()> {
        use std::os::unix::fs::symlink;
        let (_guard, root, libtorch) = scene()?;
        let configured = with_libtorch(&root.join(".libtorch"));
        assert_eq!(choose(&root, &configured)?, Choice::Missing);
        symlink(&libtorch, root.join(".libtorch"))?;
        assert_eq!(
            choose(&root, &configured)?,
            Choice::Link(libtorch.canonicalize()?)
        );
        fs::remove_dir_all(&libtorch)?;
        assert_eq!(choose(&root, &configured)?, Choice::Missing);
        Ok(())
    }

    #[test]
    fn a_real_directory_in_place_of_the_link_is_used_or_refused() -> Result<()> {
        let (_guard, root, libtorch) = scene()?;
        let inside = root.join(".libtorch");
        fs::rename(&libtorch, &inside)?;
        let choice = choose(&root, &Environment::default())?;
        assert_eq!(choice, Choice::Link(inside.canonicalize()?));
        fs::remove_dir_all(inside.join("lib"))?;
        let error = choose(&root, &Environment::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("hint: remove it"), "{error}");
        Ok(())
    }
}
