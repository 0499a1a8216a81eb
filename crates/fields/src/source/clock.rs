//! Time axes: from numbers with CF units to moments.

use super::store::{ArrayInfo, Store};
use crate::{Error, Result, Time};

/// Seconds per unit for the words that CF and xarray use.
fn seconds_per_unit(word: &str) -> Option<f64> {
    Some(match word.to_ascii_lowercase().as_str() {
        "days" | "day" | "d" => 86_400.0,
        "hours" | "hour" | "hr" | "h" => 3600.0,
        "minutes" | "minute" | "min" => 60.0,
        "seconds" | "second" | "sec" | "s" => 1.0,
        "milliseconds" | "millisecond" | "ms" => 1e-3,
        "microseconds" | "microsecond" | "us" => 1e-6,
        "nanoseconds" | "nanosecond" | "ns" => 1e-9,
        _ => return None,
    })
}

/// What `units` says: a factor to seconds and, for absolute times, the origin.
struct Units {
    seconds: f64,
    origin: Option<Time>,
}

impl Units {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(" since ") {
            Some((word, origin)) => {
                let origin = origin
                    .trim()
                    .trim_end_matches("+00:00")
                    .trim_end_matches("UTC");
                let origin = Some(origin.trim().parse().ok()?);
                Some(Self {
                    seconds: seconds_per_unit(word.trim())?,
                    origin,
                })
            }
            None => Some(Self {
                seconds: seconds_per_unit(text.trim())?,
                origin: None,
            }),
        }
    }
}

/// Whether an array holds moments rather than durations or fields.
pub(super) fn is_absolute(info: &ArrayInfo) -> bool {
    info.text("units")
        .is_some_and(|units| units.contains(" since "))
}

/// The moments of a time coordinate; durations count from `origin`.
pub(super) fn decode(store: &dyn Store, name: &str, origin: Option<Time>) -> Result<Vec<Time>> {
    let malformed = |message: String| Error::malformed(store.path(), name, message);
    let info = store.arrays().get(name);
    let info = info.ok_or_else(|| malformed("expected a coordinate, found none".to_owned()))?;
    check_calendar(info).map_err(malformed)?;
    let text = info.text("units").unwrap_or("no units");
    let units = Units::parse(text).ok_or_else(|| {
        malformed(format!(
            "expected units such as `hours since 1900-01-01`, found `{text}`"
        ))
    })?;
    let Some(origin) = units.origin.or(origin) else {
        return Err(malformed(format!(
            "expected times, found durations in {text} and no `datetime` coordinate\nhint: say when they begin with `SourceOptions::origin`"
        )));
    };
    let numbers = store.read_all(name)?;
    let moment = |&number: &f64| {
        let seconds = (number * units.seconds).round();
        let in_range = seconds.abs() < 1e15;
        in_range.then(|| Time(origin.unix_seconds() + seconds as i64))
    };
    let times: Option<Vec<Time>> = numbers.iter().map(moment).collect();
    times.ok_or_else(|| malformed("expected times, found a missing value".to_owned()))
}

fn check_calendar(info: &ArrayInfo) -> Result<(), String> {
    match info.text("calendar") {
        None | Some("standard" | "gregorian" | "proleptic_gregorian") => Ok(()),
        Some(other) => Err(format!("expected a Gregorian calendar, found `{other}`")),
    }
}

/// The moments of an axis, strictly ascending.
pub(super) fn check_ascending(store: &dyn Store, name: &str, times: &[Time]) -> Result<()> {
    match times.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            let message = format!(
                "expected ascending times, found {} after {}",
                pair[1], pair[0]
            );
            Err(Error::malformed(store.path(), name, message))
        }
        None => Ok(()),
    }
}
