use std::path::PathBuf;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// A checkpoint is not in the public GraphCast layout.
    #[error("`{path}` is not a GraphCast checkpoint: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The parameters do not fit the network that the configuration describes.
    #[error("parameters do not fit the model configuration: {0}")]
    Parameters(String),
    /// A model configuration that no network can have.
    #[error("invalid model configuration: {0}")]
    Config(String),
    /// An unknown site name.
    #[error("unknown site `{name}`\nhint: this model has {known}")]
    Site {
        /// What was asked for.
        name: String,
        /// The sites there are.
        known: String,
    },
    /// A tensor of the wrong shape.
    #[error("{what} has shape {found:?}, expected {expected}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape it should have, in words.
        expected: String,
        /// The shape it has.
        found: Vec<i64>,
    },
    /// A forecast or a loss became infinite or NaN.
    #[error("{what} is not finite{place}\nhint: {hint}")]
    NotFinite {
        /// Which quantity.
        what: String,
        /// Where it happened.
        place: String,
        /// What to look at.
        hint: &'static str,
    },
    /// The training configuration or its resumable state is unusable.
    #[error("training: {0}")]
    Train(String),
    /// From `dropsonde-mesh`.
    #[error(transparent)]
    Mesh(#[from] dropsonde_mesh::Error),
    /// From `dropsonde-fields`.
    #[error(transparent)]
    Fields(#[from] dropsonde_fields::Error),
    /// From libtorch.
    #[error("libtorch: {0}")]
    Tch(#[from] tch::TchError),
}

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
