//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong in an attribution study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A store of latents could not be read.
    #[error(transparent)]
    Activations(#[from] dropsonde_activations::Error),
    /// A state or an event could not be made.
    #[error(transparent)]
    Fields(#[from] dropsonde_fields::Error),
    /// The autoencoder refused its input.
    #[error(transparent)]
    Sae(#[from] dropsonde_sae::Error),
    /// A setting that cannot work.
    #[error("`{key}` = {found} is not valid: expected {expected}")]
    Config {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// A split that the study needs has no records.
    #[error(
        "no record of the latents belongs to the split `{split}`, found {found:?}\nhint: capture with splits `train`, `select` and `report`"
    )]
    MissingSplit {
        /// The split that is needed.
        split: &'static str,
        /// The splits that there are.
        found: Vec<String>,
    },
    /// Two inputs do not belong together.
    #[error("{what}: expected {expected}, found {found}\nhint: {hint}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// The value of the first input.
        expected: String,
        /// The value of the second.
        found: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A value that cannot be ranked.
    #[error("value {value} at row {row} of a column is not finite")]
    NotFinite {
        /// The row in the split.
        row: usize,
        /// The value.
        value: f32,
    },
    /// A name that is not a phenomenon.
    #[error("unknown phenomenon `{name}`\nhint: one of {known}")]
    UnknownPhenomenon {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The file system refused an operation.
    #[error("`{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{path}` is not {expected}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What the reader said.
        reason: String,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
