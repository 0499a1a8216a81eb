//! Which of a store's times are offered.

use serde_json::Value;

use crate::Time;

const HOUR: i64 = 3600;

/// The smallest step in seconds.
pub(super) fn spacing(times: &[Time]) -> Option<i64> {
    times.windows(2).map(|pair| pair[1].0 - pair[0].0).min()
}

/// The times at multiples of some hours from 00 UTC, if the store is finer and has any.
pub(super) fn multiples_of(offered: Vec<Time>, stored: &[Time], hours: u32) -> Vec<Time> {
    let step = i64::from(hours.max(1)) * HOUR;
    if spacing(stored).is_none_or(|spacing| spacing >= step) {
        return offered;
    }
    let coarse: Vec<Time> = offered
        .iter()
        .copied()
        .filter(|time| time.second_of_day() % step == 0)
        .collect();
    if coarse.is_empty() { offered } else { coarse }
}

/// The times between `valid_time_start` and `valid_time_stop`; ARCO ERA5 has more entries than data.
/// Source: <https://github.com/google-research/arco-era5>.
pub(super) fn within_valid_range(stored: &[Time], attributes: &Value) -> Vec<Time> {
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    let start = text("valid_time_start").and_then(|text| text.parse::<Time>().ok());
    let stop = text("valid_time_stop").and_then(end_of);
    let inside = |time: &Time| {
        start.is_none_or(|start| start <= *time) && stop.is_none_or(|stop| *time <= stop)
    };
    stored.iter().copied().filter(inside).collect()
}

/// The last moment that a text means: a date is its whole day.
fn end_of(text: &str) -> Option<Time> {
    let time: Time = text.parse().ok()?;
    let is_date = !text.trim().contains(['T', ' ']);
    Some(if is_date {
        Time(time.0 + 24 * HOUR - 1)
    } else {
        time
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hourly(first: &str, n: i64) -> Vec<Time> {
        let first: Time = first.parse().unwrap();
        (0..n).map(|hour| first.plus_hours(hour)).collect()
    }

    #[test]
    fn finer_stores_are_thinned() {
        let times = hourly("2020-01-01T01", 24);
        let coarse = multiples_of(times.clone(), &times, 6);
        let texts: Vec<_> = coarse.iter().map(Time::to_string).collect();
        assert_eq!(
            texts,
            [
                "2020-01-01T06",
                "2020-01-01T12",
                "2020-01-01T18",
                "2020-01-02T00"
            ]
        );
        let odd = hourly("2020-01-01T01", 3);
        assert_eq!(multiples_of(odd.clone(), &odd, 6), odd);
        let daily = vec![Time(3 * HOUR), Time(27 * HOUR)];
        assert_eq!(multiples_of(daily.clone(), &daily, 6), daily);
    }

    #[test]
    fn times_without_data_are_left_out() {
        let times = hourly("2020-01-01", 72);
        let attributes =
            json!({"valid_time_start": "2020-01-01T06", "valid_time_stop": "2020-01-02"});
        let inside = within_valid_range(&times, &attributes);
        assert_eq!(inside.first(), Some(&times[6]));
        assert_eq!(inside.last(), Some(&times[47]));
        assert_eq!(within_valid_range(&times, &json!({})), times);
    }
}
