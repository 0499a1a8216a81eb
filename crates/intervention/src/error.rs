//! The one error type of this crate.

use dropsonde_fields::Time;

/// What can go wrong with an intervention.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that no experiment can have.
    #[error("`{key}` is {found}, expected {expected}\nhint: {hint}")]
    Config {
        /// The key of the configuration.
        key: String,
        /// What it holds.
        found: String,
        /// What it may hold.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// A text that is no configuration: wrong syntax, an unknown or a missing key.
    #[error("not a valid experiment: {0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// There is no storm where one was asked for.
    #[error(
        "no minimum of sea-level pressure within {radius_km} km of {lat:.1} N {lon:.1} E at {time}\nhint: \
         give a first guess nearer to the storm, or a larger `storm.search_radius_km`"
    )]
    NoStorm {
        /// First guess, degrees north.
        lat: f64,
        /// First guess, degrees east.
        lon: f64,
        /// The search radius.
        radius_km: f64,
        /// The valid time.
        time: Time,
    },
    /// A plane is not on the grid of the experiment.
    #[error("`{what}` has shape {found:?}, expected {expected:?} (the grid of the forecaster)")]
    Shape {
        /// The plane.
        what: String,
        /// Latitudes and longitudes of the grid.
        expected: [usize; 2],
        /// Its own.
        found: [usize; 2],
    },
    /// A check that every experiment makes has failed: its results would not be what they seem.
    #[error("the check `{check}` failed: {detail}\nhint: {hint}")]
    Check {
        /// Which one.
        check: &'static str,
        /// What was seen.
        detail: String,
        /// What to look at.
        hint: &'static str,
    },
    /// From `dropsonde-forecaster`.
    #[error(transparent)]
    Forecaster(#[from] dropsonde_forecaster::Error),
    /// From `dropsonde-fields`.
    #[error(transparent)]
    Fields(#[from] dropsonde_fields::Error),
    /// From `dropsonde-sae`.
    #[error(transparent)]
    Sae(#[from] dropsonde_sae::Error),
    /// From `dropsonde-capture`.
    #[error(transparent)]
    Capture(#[from] dropsonde_capture::Error),
}

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An [`Error::Config`] unless `ok`.
pub(crate) fn require(
    ok: bool,
    key: &str,
    found: impl ToString,
    expected: impl ToString,
    hint: &str,
) -> Result<()> {
    if ok {
        return Ok(());
    }
    Err(Error::Config {
        key: key.to_owned(),
        found: found.to_string(),
        expected: expected.to_string(),
        hint: hint.to_owned(),
    })
}
