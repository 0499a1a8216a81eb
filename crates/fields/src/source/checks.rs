//! Checks of a source as a whole, and what they say.

use std::path::Path;

use super::layout::{Layout, Role};
use crate::{Error, Result, Time};

/// Says for which time something could not be read.
pub(super) fn at(error: Error, time: Time) -> Error {
    match error {
        Error::Malformed {
            path,
            item,
            message,
        } => Error::Malformed {
            path,
            item,
            message: format!("for {time}: {message}"),
        },
        other => other,
    }
}

/// Drops fields by hour and day of the year; an error if nothing else is there.
pub(super) fn leave_out_climatologies(path: &Path, layout: &mut Layout) -> Result<()> {
    let n_all = layout.variables.len();
    layout.variables.retain(|_, stored| {
        !stored.roles.contains(&Role::Hour) && !stored.roles.contains(&Role::DayOfYear)
    });
    if n_all > 0 && layout.variables.is_empty() {
        let message = "expected fields in time, found a climatology (by `hour` and `dayofyear`)\nhint: give it where a climatology is expected, or open it with `Climatology`";
        return Err(Error::malformed(path, "time", message));
    }
    Ok(())
}

pub(super) fn check_batch(path: &Path, n_batch: usize, batch: usize) -> Result<()> {
    if batch < n_batch {
        return Ok(());
    }
    let message = format!("expected `SourceOptions::batch` below {n_batch}, found {batch}");
    Err(Error::malformed(path, "batch", message))
}
