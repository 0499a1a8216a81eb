//! The one error type of this crate.

use std::path::PathBuf;

/// What can go wrong with a store of latents or codes.
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
    /// The path holds no store of the expected kind.
    #[error("`{path}` is not a store of {expected}: {found}")]
    NotAStore {
        /// The path that was opened.
        path: PathBuf,
        /// `latents` or `codes`.
        expected: &'static str,
        /// What was found instead.
        found: String,
    },
    /// The path is already taken.
    #[error("`{path}` already exists\nhint: {hint}")]
    Exists {
        /// The path that was to be created.
        path: PathBuf,
        /// What to do about it.
        hint: &'static str,
    },
    /// A store being resumed was begun with other settings.
    #[error(
        "`{path}` was begun with another `{key}`: expected {expected}, found {found}\nhint: remove it to start again"
    )]
    MetadataMismatch {
        /// The unfinished store.
        path: PathBuf,
        /// The key that differs.
        key: String,
        /// The value the caller asked for.
        expected: String,
        /// The value in the store.
        found: String,
    },
    /// A slice has the wrong number of elements.
    #[error("`{what}` must have {expected} elements, found {found}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Elements wanted.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A value does not fit into f16.
    #[error(
        "value {value} at element {element} of `{array}` cannot be stored as f16 (largest finite value 65504)\nhint: store it as f32, or find out why it is not finite"
    )]
    NotRepresentable {
        /// The array being written.
        array: &'static str,
        /// The value.
        value: f32,
        /// Its flat position in the record.
        element: usize,
    },
    /// A code index lies outside the dictionary.
    #[error("code index {index} at element {element} is not below `n_latents` = {n_latents}")]
    CodeIndex {
        /// The index.
        index: u32,
        /// Its flat position in the record.
        element: usize,
        /// The size of the dictionary.
        n_latents: usize,
    },
    /// The store holds fewer records than it announced.
    #[error(
        "`{path}` holds {found} of {expected} records\nhint: append the missing ones before `finish`"
    )]
    Incomplete {
        /// The unfinished store.
        path: PathBuf,
        /// Records announced.
        expected: usize,
        /// Records written.
        found: usize,
    },
    /// One record more than announced was appended.
    #[error("`{path}` was made for {expected} records and is full")]
    Full {
        /// The store being written.
        path: PathBuf,
        /// Records announced.
        expected: usize,
    },
    /// A shard file is missing.
    #[error(
        "shard `{path}` of record {record} is missing\nhint: the store is incomplete; copy or capture it again"
    )]
    MissingShard {
        /// The shard file.
        path: PathBuf,
        /// The record it holds.
        record: usize,
    },
    /// A shard file cannot be decoded.
    #[error(
        "shard `{path}` of record {record} is truncated or damaged: {reason}\nhint: copy or capture it again"
    )]
    DamagedShard {
        /// The shard file.
        path: PathBuf,
        /// The record it holds.
        record: usize,
        /// What the decoder said.
        reason: String,
    },
    /// A record index past the end.
    #[error("record {index} does not exist: the store has {len} records")]
    OutOfRange {
        /// The index asked for.
        index: usize,
        /// Records in the store.
        len: usize,
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
    /// The Zarr library refused an operation.
    #[error("`{path}`: {reason}")]
    Zarr {
        /// The store.
        path: PathBuf,
        /// What the library said.
        reason: String,
    },
    /// A `.npy` file that holds no rows, or rows in a form that is not read.
    #[error("`{path}`: {found}\nhint: {hint}")]
    Npy {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
        /// What to do about it.
        hint: String,
    },
    /// A value that is not a number, or too large for f32.
    #[error(
        "`{path}`: value {value} in row {row}, channel {channel}\nhint: find out what wrote it; such a row cannot be used"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The channel, from 0.
        channel: usize,
        /// The value.
        value: f64,
    },
    /// Another shuffle uses the scratch directory.
    #[error("`{path}` is in use by another shuffle\nhint: give each run a `scratch` of its own")]
    InUse {
        /// The scratch directory.
        path: PathBuf,
    },
    /// The disk has too little space for the buckets of an epoch.
    #[error(
        "`{path}` needs {needed} bytes, and {free} are free\nhint: set `scratch` to a larger disk, or raise `memory_bytes` until all rows fit into memory"
    )]
    DiskFull {
        /// The scratch directory.
        path: PathBuf,
        /// Bytes wanted.
        needed: u64,
        /// Bytes available.
        free: u64,
    },
    /// A bucket file does not hold each of its rows once.
    #[error("bucket `{path}` is damaged\nhint: remove its directory; it is made again")]
    DamagedBucket {
        /// The file.
        path: PathBuf,
    },
    /// The thread that reads ahead ended without saying why.
    #[error("the thread that reads ahead ended before its time")]
    Reading,
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn zarr(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Zarr {
            path: path.into(),
            reason: reason.to_string(),
        }
    }
}
