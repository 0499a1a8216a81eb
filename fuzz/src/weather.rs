use std::path::Path;

use dropsonde_fields::{Error, Source};

/// Opens weather and reads all of its first state.
///
/// # Errors
/// As [`Source::open`] and [`Source::state`].
pub fn read_first(path: &Path) -> Result<(), Error> {
    let source = Source::open(path)?;
    for &time in source.times().iter().take(1) {
        source.state(time)?;
    }
    Ok(())
}
