//! Times of public weather data: leads, batches, climatologies, hourly steps, units without a date.

use std::path::Path;

use crate::stores::raw::RawStore;
use crate::stores::{data, field, fixture, formula, time};
use dropsonde_fields::{Climatology, Source, SourceOptions, Time, Variable};
use serde_json::json;

#[test]
fn forecasts_by_start_and_lead_time() {
    let open = |init: Option<Time>| {
        let options = SourceOptions {
            init,
            ..SourceOptions::default()
        };
        Source::open_with(fixture("forecast.zarr"), options)
    };
    let source = open(None).unwrap();
    assert_eq!(
        source.inits(),
        [time("2020-01-01T00"), time("2020-01-01T12")]
    );
    let times = ["2020-01-01T00", "2020-01-01T06", "2020-01-01T12"].map(time);
    assert_eq!(source.times(), times);
    assert_eq!(source.levels(), [850, 500]);
    for (t, &time) in times.iter().enumerate() {
        assert_eq!(
            data(&source, time, &Variable::TEMPERATURE),
            formula(t, &[1, 0])
        );
    }
    let later = open(Some(source.inits()[1])).unwrap();
    let end = time("2020-01-02T00");
    assert_eq!(later.times().last(), Some(&end));
    assert_eq!(
        data(&later, end, &Variable::TEMPERATURE),
        formula(7, &[1, 0])
    );
    let error = open(Some(time("2020-01-01T18"))).unwrap_err().to_string();
    assert!(
        error.contains("2 times from 2020-01-01T00 to 2020-01-01T12"),
        "{error}"
    );
}

#[test]
fn batches_have_their_own_times() {
    for (batch, start, t) in [(0, "2020-01-01", 0), (1, "2021-01-01", 7)] {
        let options = SourceOptions {
            batch,
            ..SourceOptions::default()
        };
        let source = Source::open_with(fixture("batches.nc"), options).unwrap();
        assert_eq!(source.n_batch(), 2);
        assert!(!source.is_relative());
        let start = time(start);
        assert_eq!(source.times(), [start, start.plus_hours(6)]);
        assert_eq!(
            data(&source, start, &Variable::TEMPERATURE),
            formula(t, &[0, 1])
        );
    }
}

#[test]
fn climatology_by_hour_and_day() {
    let climatology = Climatology::open(fixture("climatology.zarr")).unwrap();
    assert_eq!(climatology.levels(), [500, 850]);
    assert_eq!(climatology.hours(), [0, 12]);
    let variables = climatology.variables().to_vec();
    assert_eq!(variables, [Variable::TEMPERATURE]);
    for (text, t) in [
        ("2021-01-01T00", 0),
        ("2021-03-01T12", 5),
        ("2020-02-29T00", 4),
        ("2020-12-31T12", 9),
    ] {
        let state = climatology.state_of(time(text), &variables).unwrap();
        assert_eq!(state.time, time(text));
        assert_eq!(
            state.get(&variables[0]).unwrap().data,
            formula(t, &[0, 1]),
            "{text}"
        );
    }
    for (text, expected) in [
        (
            "2021-01-01T06",
            "expected hour of 2021-01-01T06, found only [0, 12]",
        ),
        ("2021-01-01T00:30", "found only [0, 12]"),
        (
            "2021-01-02T00",
            "expected dayofyear of 2021-01-02T00, found only [1, 60, 366]",
        ),
    ] {
        let error = climatology
            .state_of(time(text), &variables)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let one = climatology.with_levels(&[850]).unwrap();
    let state = one.state_of(time("2021-01-01"), &variables).unwrap();
    assert_eq!(state.get(&variables[0]).unwrap().data, formula(0, &[1]));

    let error = Source::open(fixture("climatology.zarr"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("`Climatology`"), "{error}");
    let error = Climatology::open(fixture("coarse.zarr"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("not a climatology"), "{error}");
}

/// Twelve hours and three of hourly data, north to south not turned, longitudes from -180.
fn hourly(path: &Path) {
    let range = json!({"valid_time_start": "2020-01-01T02", "valid_time_stop": "2020-01-01T13"});
    let store = RawStore::on_grid(path, &range, -180.0);
    let hours: Vec<i64> = (0..15).collect();
    store.integers(
        "time",
        &["time"],
        &hours,
        json!({"units": "hours since 2020-01-01"}),
    );
    let sums: Vec<f32> = (0..15).map(|hour| (1_u32 << hour) as f32).collect();
    store.constant_fields("total_precipitation", &sums, json!({"units": "m"}));
    store.constant_fields("geopotential_at_surface", &[5.0; 15], json!({}));
}

#[test]
fn hourly_stores_are_thinned_and_precipitation_summed() {
    let directory = tempfile::tempdir().unwrap();
    hourly(directory.path());
    let source = Source::open(directory.path()).unwrap();
    assert_eq!(
        source.times(),
        [time("2020-01-01T06"), time("2020-01-01T12")]
    );
    let sum = Variable::TOTAL_PRECIPITATION_6HR;
    assert!(source.has(&sum));
    assert_eq!(source.stored_name(&sum), Some("total_precipitation"));
    assert_eq!(source.units(&sum), Some("m"));
    // Hours 1 to 6 and 7 to 12.
    for (hour, expected) in [("2020-01-01T06", 126.0), ("2020-01-01T12", 8064.0)] {
        let field = field(&source, time(hour), &sum);
        assert!(field.levels.is_empty());
        assert!(
            field.data.iter().all(|&x| x == expected),
            "{hour}: {}",
            field.data[[0, 0, 0]]
        );
    }
    let ground = data(
        &source,
        time("2020-01-01T06"),
        &Variable::GEOPOTENTIAL_AT_SURFACE,
    );
    assert_eq!(ground[[0, 3, 3]], 5.0);
}

#[test]
fn every_hour_if_asked_for_and_a_window_that_begins_too_early() {
    let directory = tempfile::tempdir().unwrap();
    hourly(directory.path());
    let options = SourceOptions {
        step_hours: None,
        ..SourceOptions::default()
    };
    let source = Source::open_with(directory.path(), options).unwrap();
    assert_eq!(source.times().len(), 12);
    let sum = [Variable::TOTAL_PRECIPITATION_6HR];
    let state = source.state_of(time("2020-01-01T05"), &sum).unwrap();
    assert_eq!(state.get(&sum[0]).unwrap().data[[0, 0, 0]], 63.0);
    let error = source
        .state_of(time("2020-01-01T04"), &sum)
        .unwrap_err()
        .to_string();
    assert!(error.contains("found none for 2019-12-31T23"), "{error}");
    assert!(error.contains("hint: begin six hours after"), "{error}");
}

#[test]
fn sums_need_hourly_steps() {
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
    let units = json!({"units": "hours since 2020-01-01"});
    store.integers("time", &["time"], &[0, 6, 12], units);
    store.constant_fields("tp", &[1.0, 2.0, 3.0], json!({}));
    let source = Source::open(directory.path()).unwrap();
    assert!(source.has(&"total_precipitation".into()));
    assert!(!source.has(&Variable::TOTAL_PRECIPITATION_6HR));
}

#[test]
fn durations_without_a_date_count_from_1970() {
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
    let nanoseconds = [-21_600, 0].map(|seconds: i64| seconds * 1_000_000_000);
    store.integers(
        "time",
        &["time"],
        &nanoseconds,
        json!({"dtype": "timedelta64[ns]"}),
    );
    store.constant_fields("t2m", &[1.0, 2.0], json!({}));
    let source = Source::open(directory.path()).unwrap();
    assert!(source.is_relative());
    assert_eq!(source.times(), [Time(-21_600), Time(0)]);
    assert_eq!(
        data(&source, Time(0), &Variable::TEMPERATURE_2M)[[0, 0, 0]],
        2.0
    );
    let start = time("2022-01-01");
    let options = SourceOptions {
        origin: Some(start),
        ..SourceOptions::default()
    };
    let source = Source::open_with(directory.path(), options).unwrap();
    assert!(!source.is_relative());
    assert_eq!(source.times(), [start.plus_hours(-6), start]);
}

#[test]
fn times_need_a_coordinate() {
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
    store.constant_fields("t2m", &[1.0], json!({}));
    let error = Source::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("SourceOptions::origin"), "{error}");
    let start = time("2022-01-01");
    let options = SourceOptions {
        origin: Some(start),
        ..SourceOptions::default()
    };
    let source = Source::open_with(directory.path(), options).unwrap();
    assert_eq!(source.times(), [start]);
    assert_eq!(
        data(&source, start, &Variable::TEMPERATURE_2M)[[0, 0, 0]],
        1.0
    );
    // Fields that never change need no time.
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
    store.floats(
        "lsm",
        &["latitude", "longitude"],
        &[6, 12],
        &[1.0; 72],
        json!({}),
    );
    let source = Source::open(directory.path()).unwrap();
    assert!(source.is_relative());
    assert_eq!(source.variables(), [Variable::LAND_SEA_MASK]);
    assert!(source.state(Time(0)).is_ok());
}
