//! Whether two sources lie on one grid and have one clock.

use dropsonde_mesh::LatLonGrid;

use crate::{Error, Result, Source};

/// An error that describes both grids unless they are the same.
pub(super) fn check_grid(input: &Source, forcings: &Source) -> Result<()> {
    if input.grid() == forcings.grid() {
        return Ok(());
    }
    let describe = |grid: &LatLonGrid| {
        let ends = |axis: &[f32]| match (axis.first(), axis.last()) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "nothing".to_owned(),
        };
        let (lat, lon) = (grid.lat(), grid.lon());
        format!(
            "{} x {} points, latitude {}, longitude {}",
            lat.len(),
            lon.len(),
            ends(lat),
            ends(lon)
        )
    };
    let message = format!(
        "expected the grid of `{}` ({}), found {}\nhint: bring the forcings to the grid of the input, or leave them out: radiation and progress are derived",
        input.path().display(),
        describe(input.grid()),
        describe(forcings.grid())
    );
    Err(Error::malformed(forcings.path(), "grid", message))
}

/// An error unless both sources have dates, or neither.
pub(super) fn check_clocks(input: &Source, forcings: &Source) -> Result<()> {
    if input.is_relative() == forcings.is_relative() {
        return Ok(());
    }
    let (dated, relative) = match forcings.is_relative() {
        true => (input, forcings),
        false => (forcings, input),
    };
    let message = format!(
        "expected dates as in `{}`, found hours after an unknown start\nhint: say which date they count from (`SourceOptions::origin`)",
        dated.path().display()
    );
    Err(Error::malformed(relative.path(), "time", message))
}
