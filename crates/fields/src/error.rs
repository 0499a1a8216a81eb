//! The one error type of this crate.

use std::path::{Path, PathBuf};

use crate::{Time, Variable};

/// A result with this crate's [`Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong when weather states are described, read, normalised or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The path is neither a Zarr store nor a NetCDF file.
    #[error(
        "`{}` is not a weather store: expected a Zarr store (v2 or v3) or a NetCDF file, found {found}",
        path.display()
    )]
    UnknownFormat {
        /// The file or directory.
        path: PathBuf,
        /// What was there instead.
        found: String,
    },
    /// A store was opened, but a part of it is damaged or laid out in a way that is not understood.
    #[error("cannot read `{item}` in `{}`: {message}", path.display())]
    Malformed {
        /// The file or directory.
        path: PathBuf,
        /// The array, variable or key that could not be read.
        item: String,
        /// What was expected and what was found.
        message: String,
    },
    /// A file could not be written.
    #[error("cannot write `{}`: {message}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// A state or store has no such variable.
    #[error("no variable `{variable}` in {place}\nhint: it has {}", list(known))]
    MissingVariable {
        /// The variable that was asked for.
        variable: Variable,
        /// Where it was looked for.
        place: String,
        /// The variables that are there.
        known: Vec<String>,
    },
    /// A variable has no such pressure level.
    #[error("no level {level} hPa of `{variable}`\nhint: its levels are {available:?}")]
    MissingLevel {
        /// The variable.
        variable: Variable,
        /// The pressure level in hPa that was asked for.
        level: u32,
        /// The levels that it has.
        available: Vec<u32>,
    },
    /// A level was given for a variable without levels, or none for a variable that has some.
    #[error("`{variable}`: expected {expected}, found {found}")]
    LevelMismatch {
        /// The variable.
        variable: Variable,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A store has no data for a time.
    #[error(
        "no time {time} in `{}`\nhint: it has {n_times} times from {first} to {last}, the nearest is {nearest}",
        path.display()
    )]
    MissingTime {
        /// The time that was asked for.
        time: Time,
        /// The store.
        path: PathBuf,
        /// How many times the store has.
        n_times: usize,
        /// The first time of the store.
        first: Time,
        /// The last time of the store.
        last: Time,
        /// The time of the store that is nearest to the one asked for.
        nearest: Time,
    },
    /// Missing (NaN) or infinite values in a variable that has no rule for filling them.
    #[error(
        "`{variable}` at {time} has {count} missing (NaN) or infinite values\nhint: only gaps over land in sea surface temperature and sea ice are filled; fill the data before use, leave the variable out with `state_of`, or give it a rule in `FillPolicy`"
    )]
    MissingValues {
        /// The variable.
        variable: Variable,
        /// The valid time of the field.
        time: Time,
        /// How many values are not finite.
        count: usize,
    },
    /// A state has another time than it should.
    #[error("{what}: expected time {expected}, found {found}")]
    TimeMismatch {
        /// Which state.
        what: &'static str,
        /// The time that was expected.
        expected: Time,
        /// The time that was found.
        found: Time,
    },
    /// The coordinates of a store do not make a grid.
    #[error("the grid of `{}` cannot be used", path.display())]
    Grid {
        /// The store.
        path: PathBuf,
        /// What is wrong with the grid.
        source: dropsonde_mesh::Error,
    },
    /// Two things that must have the same shape do not.
    #[error("{what}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What has the wrong shape.
        what: String,
        /// The shape that was expected.
        expected: Vec<usize>,
        /// The shape that was found.
        found: Vec<usize>,
    },
    /// A task contradicts itself.
    #[error("invalid task: {message}")]
    InvalidTask {
        /// What is wrong with it.
        message: String,
    },
    /// Statistics lack numbers that a task needs.
    #[error(
        "no statistics for {}\nhint: the statistics need mean, standard deviation and, for a predicted input, the deviation of 6-hour differences of every variable and level of the task",
        list(names)
    )]
    MissingStatistics {
        /// Every missing entry, such as `temperature@850 (stddev)`.
        names: Vec<String>,
    },
    /// A statistic is not a finite number, or a scale is not positive.
    #[error("bad statistics of `{name}`: expected {expected}, found {found}")]
    BadStatistics {
        /// The entry, such as `temperature@850 (stddev)`.
        name: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: f64,
    },
    /// A text is not a time.
    #[error("`{text}` is not a time\nhint: write UTC as `2022-11-08T00` or `2022-11-08T00:30:00`")]
    ParseTime {
        /// The text.
        text: String,
    },
    /// A parameter is outside its range.
    #[error("invalid `{name}`: expected {expected}, found {found}")]
    InvalidParameter {
        /// The parameter.
        name: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Variables that a forecast needs can be had nowhere; all of them.
    #[error("{} of the inputs cannot be had{}", missing.len(), crate::inputs::describe(missing))]
    MissingInputs {
        /// Every variable of every frame that cannot be had.
        missing: Vec<crate::MissingInput>,
    },
    /// A date before [`FIRST_DATE`](crate::FIRST_DATE).
    #[error(
        "the date {time} is too early: expected {} or later\nhint: `units` of the time axis may name a wrong origin; radiation and progress are not derived for such dates",
        crate::FIRST_DATE
    )]
    DateTooEarly {
        /// The date.
        time: Time,
    },
    /// A store behind a URL could not be reached, or refused an answer.
    #[error("cannot read `{}`: {message}", url.display())]
    Remote {
        /// The address, without user names, passwords and queries.
        url: PathBuf,
        /// What was tried, what came back, and a hint.
        message: String,
    },
}

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_owned(),
            source,
        }
    }

    pub(crate) fn malformed(
        path: impl AsRef<Path>,
        item: impl Into<String>,
        message: impl ToString,
    ) -> Self {
        Self::Malformed {
            path: path.as_ref().to_owned(),
            item: item.into(),
            message: message.to_string(),
        }
    }
}

/// Names between backticks, separated by commas.
fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
