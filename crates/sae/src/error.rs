//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong with a sparse autoencoder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused an operation.
    #[error("`{path}`: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of a checkpoint is absent, cut off or malformed.
    #[error("`{path}` is not a valid checkpoint file: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor has the wrong shape.
    #[error("`{name}` must have shape {expected}, found {found:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The shape wanted.
        expected: String,
        /// The shape given.
        found: Vec<i64>,
    },
    /// A tensor is missing, or is not one of this autoencoder.
    #[error("tensor `{name}` must be {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wanted.
        expected: String,
    },
    /// A row of the input holds a NaN or an infinity.
    #[error("row {row} of the input is not finite\nhint: look at the forecast that produced it")]
    NotFinite {
        /// The first such row.
        row: usize,
    },
    /// A code refers to a latent that does not exist.
    #[error("feature {feature} does not exist: the dictionary has {n_latents} latents")]
    Feature {
        /// The index.
        feature: u32,
        /// Size of the dictionary.
        n_latents: usize,
    },
    /// Two things that belong together differ in length.
    #[error("`{what}` must have length {expected}, found {found}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Length wanted.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// A setting that cannot work.
    #[error("`{key}` = {found} is not valid: {expected}")]
    Config {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// The tensor library refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A checkpoint of another tool and an autoencoder of this crate do not fit each other.
    #[error("{format}: {what}\nhint: {hint}")]
    Interchange {
        /// The other tool's format.
        format: crate::interchange::Format,
        /// What one has and the other cannot hold.
        what: String,
        /// What to do about it.
        hint: String,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn checkpoint(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Checkpoint {
            path: path.into(),
            reason: reason.to_string(),
        }
    }
}
