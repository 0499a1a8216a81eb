//! How a store is to be read.

use std::time::Duration;

use crate::{FillPolicy, STEP_HOURS, Time};

/// How to read a store.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceOptions {
    /// Index on the `batch` dimension, if there is one.
    pub batch: usize,
    /// The time that durations count from, for files whose `time` is a duration and that have no `datetime`;
    /// without it such times count from 1970-01-01T00 (see [`Source::is_relative`](crate::Source::is_relative)).
    pub origin: Option<Time>,
    /// The initialisation of a store of forecasts (dimensions initialisation and lead time); `None` takes the first.
    pub init: Option<Time>,
    /// Of a store with finer steps, only times at multiples of this many hours from 00 UTC are offered, if it
    /// has any; `None` offers every time.
    pub step_hours: Option<u32>,
    /// Gaps and what is put there.
    pub fill: FillPolicy,
    /// What a chunk of a Zarr array that is not in the store means.
    pub missing_chunks: MissingChunks,
    /// How stores behind a URL are reached.
    pub remote: RemoteOptions,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            batch: 0,
            origin: None,
            init: None,
            step_hours: Some(STEP_HOURS as u32),
            fill: FillPolicy::default(),
            missing_chunks: MissingChunks::default(),
            remote: RemoteOptions::default(),
        }
    }
}

/// What a chunk of a Zarr array that is not in the store means.
///
/// The Zarr standard says that it is full of the array's fill value. A download that was cut off looks the
/// same, so a number that could be weather is not taken from nowhere unless this is asked for. A fill value
/// that stands for "missing" (NaN or CF's `_FillValue`) always reads as a gap, see [`FillPolicy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingChunks {
    /// An error, unless the fill value is a gap.
    #[default]
    Error,
    /// The fill value, for writers that leave out chunks of nothing else (zarr-python 3 does by default).
    Fill,
}

/// How stores behind a URL are reached, and how hard it is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteOptions {
    /// How often a request is repeated after a failure that may pass (no connection, HTTP 5xx, 429).
    pub max_retries: usize,
    /// How long after the first try of a request it may still be repeated.
    pub retry_timeout: Duration,
    /// The pause before the first repetition; it grows with every further one.
    pub first_pause: Duration,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait while nothing arrives.
    pub read_timeout: Duration,
    /// How many requests may be under way at once, at least 1.
    pub concurrency: usize,
    /// Address of the S3 or GCS service, such as `http://localhost:9000`; `None` takes it from the
    /// environment (`AWS_ENDPOINT_URL`, `STORAGE_EMULATOR_HOST`) or else the public service.
    pub endpoint: Option<String>,
}

impl Default for RemoteOptions {
    /// Four tries within about ten seconds, 32 requests at once.
    fn default() -> Self {
        Self {
            max_retries: 3,
            retry_timeout: Duration::from_secs(8),
            first_pause: Duration::from_millis(300),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(20),
            concurrency: 32,
            endpoint: None,
        }
    }
}
