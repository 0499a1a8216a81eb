//! Time axes: from numbers with CF units to moments and durations.

use super::store::{ArrayInfo, Store};
use crate::{Error, Result, Time};

/// Seconds per unit for the words that CF and xarray use.
fn seconds_per_unit(word: &str) -> Option<f64> {
    Some(match word.to_ascii_lowercase().as_str() {
        "weeks" | "week" => 604_800.0,
        "days" | "day" | "d" => 86_400.0,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3600.0,
        "minutes" | "minute" | "mins" | "min" => 60.0,
        "seconds" | "second" | "secs" | "sec" | "s" => 1.0,
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
        let (word, origin) = match text.split_once(" since ") {
            Some((word, origin)) => (word, Some(parse_origin(origin)?)),
            None => (text, None),
        };
        Some(Self {
            seconds: seconds_per_unit(word.trim())?,
            origin,
        })
    }
}

/// The moment after `since`, with the ends that programs add: fractions of zero, `Z`, `UTC`, `+00:00`.
fn parse_origin(text: &str) -> Option<Time> {
    let mut text = text.trim();
    for end in ["UTC", "Z", "+00:00", "+0:00", "+0000"] {
        text = text.strip_suffix(end).unwrap_or(text).trim_end();
    }
    if let Some((whole, fraction)) = text.split_once('.') {
        text = fraction.bytes().all(|byte| byte == b'0').then_some(whole)?;
    }
    text.parse().ok()
}

/// Whether an array holds moments rather than durations or fields.
pub(super) fn is_absolute(info: &ArrayInfo) -> bool {
    info.text("units")
        .is_some_and(|units| units.contains(" since "))
}

/// The moments of a time coordinate; durations count from `origin`.
pub(super) fn moments(store: &dyn Store, name: &str, origin: Option<Time>) -> Result<Vec<Time>> {
    let (seconds, own_origin) = decode(store, name)?;
    let origin = own_origin.or(origin).unwrap_or(Time(0));
    let moment = |&seconds: &i64| Time(origin.unix_seconds().saturating_add(seconds));
    let times: Vec<Time> = seconds.iter().map(moment).collect();
    check_range(store, name, &times)?;
    Ok(times)
}

/// The durations of a coordinate such as `prediction_timedelta`, in seconds.
pub(super) fn durations(store: &dyn Store, name: &str) -> Result<Vec<i64>> {
    let (seconds, origin) = decode(store, name)?;
    match origin {
        None => Ok(seconds),
        Some(_) => Err(Error::malformed(
            store.path(),
            name,
            "expected durations such as `hours`, found times",
        )),
    }
}

/// Seconds of every entry, and what they count from.
fn decode(store: &dyn Store, name: &str) -> Result<(Vec<i64>, Option<Time>)> {
    let malformed = |message: String| Error::malformed(store.path(), name, message);
    let info = store.arrays().get(name);
    let info = info.ok_or_else(|| malformed("expected a coordinate, found none".to_owned()))?;
    check_calendar(info).map_err(malformed)?;
    let text = units_of(info).unwrap_or_else(|| "no units".to_owned());
    let units = Units::parse(&text).ok_or_else(|| {
        malformed(format!(
            "expected units such as `hours since 1900-01-01` or `hours`, found `{text}`"
        ))
    })?;
    let whole = |&number: &f64| {
        let seconds = (number * units.seconds).round();
        (seconds.abs() < 1e15).then_some(seconds as i64)
    };
    let seconds: Option<Vec<i64>> = store.read_all(name)?.iter().map(whole).collect();
    let seconds = seconds.ok_or_else(|| {
        malformed(format!(
            "expected times, found a missing value or one out of range in `{text}`"
        ))
    })?;
    Ok((seconds, units.origin))
}

/// `units`, or those in a `dtype` attribute such as `timedelta64[ns]`.
fn units_of(info: &ArrayInfo) -> Option<String> {
    let of_type = || {
        let text = info.text("dtype")?.strip_prefix("timedelta64[")?;
        Some(text.strip_suffix(']')?.to_owned())
    };
    info.text("units").map(str::to_owned).or_else(of_type)
}

fn check_calendar(info: &ArrayInfo) -> Result<(), String> {
    match info
        .text("calendar")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("standard" | "gregorian" | "proleptic_gregorian") => Ok(()),
        Some(other) => Err(format!(
            "expected a Gregorian calendar, found `{other}`\nhint: model calendars have days that do not exist; convert the data, for example with xarray's `convert_calendar(\"standard\")`"
        )),
    }
}

/// Weather analyses begin in the 20th century; other dates come from a misread coordinate.
fn check_range(store: &dyn Store, name: &str, times: &[Time]) -> Result<()> {
    let year = |time: &&Time| !(1900..10_000).contains(&time.date().0);
    match times.iter().find(year) {
        Some(time) => Err(Error::malformed(
            store.path(),
            name,
            format!(
                "expected dates from 1900 on, found {time}\nhint: the usual reason is a wrong unit or a wrong calendar of `{name}`"
            ),
        )),
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_as_programs_write_them() {
        let expected: Time = "1900-01-01".parse().unwrap();
        for text in [
            "1900-01-01",
            "1900-01-01 00:00:00.0",
            "1900-01-01T00:00:00Z",
            "1900-01-01 00:00:00 UTC",
            "1900-01-01 00:00:00+00:00",
            "1900-1-1 0:0:0.000000",
        ] {
            assert_eq!(parse_origin(text), Some(expected), "{text}");
        }
        for text in ["1900-01-01 00:00:00.5", "1900-01-01 00:00 +02:00", "noon"] {
            assert_eq!(parse_origin(text), None, "{text}");
        }
    }

    #[test]
    fn units_of_durations() {
        assert_eq!(Units::parse("nanoseconds").unwrap().seconds, 1e-9);
        assert_eq!(Units::parse("days").unwrap().seconds, 86_400.0);
        assert!(Units::parse("months since 1900-01-01").is_none());
    }
}
