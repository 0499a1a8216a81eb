use std::path::PathBuf;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Autoencoder and forecaster do not belong together.
    #[error("{what} is {found}, expected {expected}\nhint: {hint}")]
    Mismatch {
        /// Which property.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// A time that capture needs is not in the source.
    #[error(
        "`{source_path}` has no states at {times}\nhint: capture needs each initial time and the state 6 h before it"
    )]
    Times {
        /// The source.
        source_path: PathBuf,
        /// The missing times.
        times: String,
    },
    /// From `dropsonde-forecaster`.
    #[error(transparent)]
    Forecaster(#[from] dropsonde_forecaster::Error),
    /// From `dropsonde-fields`.
    #[error(transparent)]
    Fields(#[from] dropsonde_fields::Error),
    /// From `dropsonde-activations`.
    #[error(transparent)]
    Activations(#[from] dropsonde_activations::Error),
    /// From `dropsonde-sae`.
    #[error(transparent)]
    Sae(#[from] dropsonde_sae::Error),
}

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
