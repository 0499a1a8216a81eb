//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong while a figure or a report is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two arrays that belong together have different lengths.
    #[error("`{what}` has {found} elements, expected {expected}")]
    Length {
        /// The array, as the caller knows it.
        what: String,
        /// The length that the other arrays imply.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// A coordinate axis that no map can be drawn from.
    #[error("`{axis}` {problem}\nhint: {hint}")]
    Axis {
        /// `lat` or `lon`.
        axis: &'static str,
        /// What was found, with the offending value.
        problem: String,
        /// What is expected instead.
        hint: &'static str,
    },
    /// A map window that is empty or reaches beyond the globe.
    #[error(
        "window west {west}, east {east}, south {south}, north {north} is not a part of the globe\nhint: degrees, -90 <= south < north <= 90, and at most 360 from west to east"
    )]
    Window {
        /// Western edge in degrees.
        west: f64,
        /// Eastern edge in degrees.
        east: f64,
        /// Southern edge in degrees.
        south: f64,
        /// Northern edge in degrees.
        north: f64,
    },
    /// A figure that would have nothing to show.
    #[error("figure `{title}` has no {what}")]
    Empty {
        /// Title of the figure.
        title: String,
        /// What is missing.
        what: &'static str,
    },
    /// A range of values that cannot be mapped to colours or to an axis.
    #[error("range of `{what}` is {found}\nhint: {hint}")]
    Range {
        /// The layer, axis or figure.
        what: String,
        /// The range found.
        found: String,
        /// What is expected instead.
        hint: &'static str,
    },
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The final name of the file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The PNG encoder refused a raster.
    #[error("cannot encode a raster as PNG")]
    Png(#[from] png::EncodingError),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
