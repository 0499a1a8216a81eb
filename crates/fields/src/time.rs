//! A moment of time in UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const SECONDS_PER_DAY: i64 = 86_400;

/// Seconds since 1970-01-01T00 UTC in the proleptic Gregorian calendar, leap seconds ignored.
///
/// ```
/// use dropsonde_fields::Time;
/// let time: Time = "2022-11-08T00".parse()?;
/// assert_eq!(time.plus_hours(6).to_string(), "2022-11-08T06");
/// # Ok::<(), dropsonde_fields::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub i64);

impl Time {
    /// The time of this many seconds since 1970-01-01T00 UTC.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Midnight UTC of a date, or `None` if there is no such date.
    pub fn from_date(year: i64, month: u32, day: u32) -> Option<Self> {
        if !(-999_999..=999_999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        let days = days_from_civil(year, month, day);
        let exists = day >= 1 && civil_from_days(days) == (year, month, day);
        exists.then_some(Self(days * SECONDS_PER_DAY))
    }

    /// Seconds since 1970-01-01T00 UTC.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The time this many hours later (earlier if negative), at most the last one that can be stored.
    pub fn plus_hours(self, hours: i64) -> Self {
        Self(self.0.saturating_add(hours.saturating_mul(3600)))
    }

    /// Whole hours from `earlier` to this time, rounded towards negative infinity.
    pub fn hours_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(3600)
    }

    /// Year, month (1 to 12) and day of month (1 to 31).
    pub fn date(self) -> (i64, u32, u32) {
        civil_from_days(self.0.div_euclid(SECONDS_PER_DAY))
    }

    /// Day of the year, 1 on the first of January.
    pub fn day_of_year(self) -> u32 {
        let (year, _, _) = self.date();
        let first = days_from_civil(year, 1, 1);
        (self.0.div_euclid(SECONDS_PER_DAY) - first + 1) as u32
    }

    /// Seconds since midnight, 0 to 86399.
    pub fn second_of_day(self) -> i64 {
        self.0.rem_euclid(SECONDS_PER_DAY)
    }

    /// Midnight UTC of the day of this time.
    pub fn start_of_day(self) -> Self {
        Self(self.0 - self.second_of_day())
    }
}

/// Whether a year has 366 days.
pub(crate) fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 1970-01-01 to a date (H. Hinnant, <https://howardhinnant.github.io/date_algorithms.html>).
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day counted from 1970-01-01; the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let second = self.second_of_day();
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}");
        if minute != 0 || second != 0 {
            text += &format!(":{minute:02}");
        }
        if second != 0 {
            text += &format!(":{second:02}");
        }
        f.pad(&text)
    }
}

impl FromStr for Time {
    type Err = Error;

    /// Reads `2022-11-08`, `2022-11-08T00`, `2022-11-08T00:30` or `2022-11-08 00:30:15`, with or without a final `Z`.
    ///
    /// # Errors
    /// [`Error::ParseTime`] if the text has another form or names a moment that does not exist.
    fn from_str(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| Error::ParseTime {
            text: text.to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<Time> {
    let text = text.trim();
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00"));
    let mut parts = date.splitn(3, '-');
    let year = number(parts.next()?, 4)?;
    let (month, day) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let midnight = Time::from_date(year, month as u32, day as u32)?;
    let mut seconds = 0;
    for (index, part) in clock.split(':').enumerate() {
        let value = match index {
            2 => number(part.strip_suffix(".0").unwrap_or(part), 2)?,
            _ => number(part, 2)?,
        };
        let (limit, factor) = *[(24, 3600), (60, 60), (60, 1)].get(index)?;
        seconds += (value < limit).then_some(value * factor)?;
    }
    Some(Time(midnight.0 + seconds))
}

/// A number of at most `width` digits and nothing else.
fn number(text: &str, width: usize) -> Option<i64> {
    let digits =
        !text.is_empty() && text.len() <= width && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl TryFrom<String> for Time {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_seconds() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-03-01T00", 951_868_800),
            ("2021-08-28T00:00:00Z", 1_630_108_800),
            ("1900-01-01T00:00", -2_208_988_800),
            ("2024-02-29 12:34:56", 1_709_210_096),
        ] {
            assert_eq!(text.parse::<Time>().unwrap(), Time(seconds), "{text}");
        }
    }

    #[test]
    fn rejects_what_is_not_a_time() {
        for text in [
            "",
            "2022",
            "2022-13-01",
            "2023-02-29",
            "2022-11-08T24",
            "2022-11-08T00:60",
            "2022-11-08T00:00:00:00",
            "2022-11-0x",
            "20221108",
            "2022-11-08T",
            "+022-11-08",
        ] {
            let error = text.parse::<Time>().unwrap_err();
            assert!(
                error.to_string().contains("2022-11-08T00"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn day_of_year_in_leap_and_common_years() {
        assert_eq!("2020-12-31".parse::<Time>().unwrap().day_of_year(), 366);
        assert_eq!("2021-12-31T18".parse::<Time>().unwrap().day_of_year(), 365);
        assert_eq!("2021-01-01".parse::<Time>().unwrap().day_of_year(), 1);
        assert!(is_leap_year(2000) && !is_leap_year(1900));
    }

    proptest! {
        #[test]
        fn text_and_back(seconds in -60_000_000_000_i64..200_000_000_000) {
            let time = Time(seconds);
            prop_assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
            prop_assert_eq!(serde_json::from_str::<Time>(&serde_json::to_string(&time).unwrap()).unwrap(), time);
        }
    }
}
