//! The error of this crate.

use std::fmt;

/// A coordinate axis of a [`LatLonGrid`](crate::LatLonGrid).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Degrees north, -90 to 90.
    Latitude,
    /// Degrees east, 0 to 360.
    Longitude,
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Axis::Latitude => "latitude",
            Axis::Longitude => "longitude",
        })
    }
}

/// What was wrong with a grid or a graph configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An axis has fewer than two points.
    #[error("`{axis}` has {found} points, expected at least 2")]
    TooFewPoints {
        /// Which axis.
        axis: Axis,
        /// Its length.
        found: usize,
    },
    /// The grid has more nodes than a 32-bit index can name.
    #[error("grid of {n_lat} x {n_lon} points is too large, expected at most {} points", u32::MAX / 3)]
    TooManyPoints {
        /// Number of latitudes.
        n_lat: usize,
        /// Number of longitudes.
        n_lon: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("`{axis}[{index}]` is `{found}`, expected a finite number of degrees")]
    NotFinite {
        /// Which axis.
        axis: Axis,
        /// Position on the axis.
        index: usize,
        /// The value there.
        found: f32,
    },
    /// A coordinate lies outside its range.
    #[error("`{axis}[{index}]` is `{found}` degrees, expected {expected}\nhint: {hint}")]
    OutOfRange {
        /// Which axis.
        axis: Axis,
        /// Position on the axis.
        index: usize,
        /// The value there.
        found: f32,
        /// The allowed range in words.
        expected: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// The axis does not run strictly in one direction.
    #[error(
        "`{axis}[{index}]` is `{found}` after `{previous}`, expected {expected} values\nhint: sort the axis and the data together before building a grid"
    )]
    NotMonotonic {
        /// Which axis.
        axis: Axis,
        /// Position of the offending value.
        index: usize,
        /// The value before it.
        previous: f32,
        /// The value there.
        found: f32,
        /// The required order in words.
        expected: &'static str,
    },
    /// The longitudes are not equally spaced.
    #[error(
        "step before `longitude[{index}]` is `{found}` degrees, expected the uniform step `{expected}`"
    )]
    NotUniform {
        /// Position of the value after the offending step.
        index: usize,
        /// The step found, degrees.
        found: f64,
        /// The mean step, degrees.
        expected: f64,
    },
    /// The resolution does not divide the sphere.
    #[error(
        "resolution is `{found}` degrees, expected a positive divisor of 180 degrees\nhint: use for example `0.25`, `1` or `5.625`"
    )]
    Resolution {
        /// The resolution asked for, degrees.
        found: f64,
    },
    /// The mesh is refined more often than supported.
    #[error("mesh size is `{found}`, expected at most {max} splits of the icosahedron")]
    MeshSize {
        /// The number of splits asked for.
        found: u8,
        /// The largest supported.
        max: u8,
    },
    /// The query radius fraction is not usable.
    #[error(
        "radius fraction is `{found}`, expected a number above 0 and at most 4 (in lengths of the longest finest edge)\nhint: GraphCast uses `0.6`"
    )]
    RadiusFraction {
        /// The fraction asked for.
        found: f64,
    },
    /// The normalisation of the mesh-to-grid edges is not usable.
    #[error("mesh-to-grid edge normalisation is `{found}`, expected a positive finite length")]
    Normalization {
        /// The length asked for.
        found: f64,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
