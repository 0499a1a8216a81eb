//! Layouts, codecs, names and times of public weather data.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod stores;

use std::path::Path;

use dropsonde_fields::{Climatology, Field, FillPolicy, Source, SourceOptions, Time, Variable};
use ndarray::Array3;
use serde_json::json;
use stores::raw::RawStore;
use stores::{copy, data, field, fixture, formula, time};

fn assert_is_weatherbench(source: &Source) {
    assert!(source.is_flipped());
    assert_eq!(source.levels(), [500, 850]);
    assert_eq!(source.grid().lat(), [-75.0, -45.0, -15.0, 15.0, 45.0, 75.0]);
    assert_eq!(source.times().len(), 4);
    assert_eq!(source.times()[1], time("2020-01-01T06"));
    assert_eq!(source.attributes()["title"], "synthetic");
    assert_eq!(source.units(&Variable::TEMPERATURE), Some("K"));
    assert_eq!(source.variables().len(), 8);
    for (t, &time) in source.times().iter().enumerate() {
        let state = source.state(time).unwrap();
        for (variable, field) in &state.fields {
            let t = if *variable == Variable::LAND_SEA_MASK {
                0
            } else {
                t
            };
            let levels: &[usize] = if field.levels.is_empty() {
                &[0]
            } else {
                &[0, 1]
            };
            assert_eq!(field.data, formula(t, levels), "{variable} {time}");
        }
    }
}

#[test]
fn zarr_v2_with_every_codec() {
    let source = Source::open(fixture("weatherbench.zarr")).unwrap();
    assert_is_weatherbench(&source);
    // Chunks of three times, one level and parts of the grid, the levels the other way round.
    let source = source.with_levels(&[850, 500]).unwrap();
    let field = field(&source, time("2020-01-01T18"), &Variable::GEOPOTENTIAL);
    assert_eq!(
        field,
        Field::on_levels(vec![850, 500], formula(3, &[1, 0])).unwrap()
    );
}

#[test]
fn zarr_v2_without_consolidated_metadata() {
    let directory = tempfile::tempdir().unwrap();
    copy(&fixture("weatherbench.zarr"), directory.path());
    std::fs::remove_file(directory.path().join(".zmetadata")).unwrap();
    assert_is_weatherbench(&Source::open(directory.path()).unwrap());
}

#[test]
fn a_url_of_a_local_file() {
    let url = format!("file://{}", fixture("weatherbench.zarr").display());
    assert_is_weatherbench(&Source::open(url).unwrap());
}

#[test]
fn longitude_before_latitude_in_fortran_order() {
    let source = Source::open(fixture("coarse.zarr")).unwrap();
    assert!(!source.is_flipped());
    for (t, &time) in source.times().iter().enumerate() {
        assert_eq!(
            data(&source, time, &Variable::TEMPERATURE),
            formula(t, &[0, 1])
        );
    }
}

#[test]
fn zarr_v3_of_xarray() {
    let source = Source::open(fixture("halves.zarr")).unwrap();
    for (t, &time) in source.times().iter().enumerate() {
        let state = source.state(time).unwrap();
        let is = |variable: Variable, expected: &Array3<f32>| {
            assert_eq!(state.get(&variable).unwrap().data, expected, "{variable}");
        };
        is(Variable::TEMPERATURE, &formula(t, &[0, 1]));
        is(Variable::TEMPERATURE_2M, &formula(t, &[0]));
        is(Variable::LAND_SEA_MASK, &formula(0, &[0]));
        let mut sea = formula(t, &[0]);
        sea.slice_mut(ndarray::s![.., .., 0])
            .fill(dropsonde_fields::SEA_WATER_FREEZING_POINT);
        is(Variable::SEA_SURFACE_TEMPERATURE, &sea);
    }
}

#[test]
fn netcdf_of_the_climate_data_store() {
    let source = Source::open(fixture("climate_data_store.nc")).unwrap();
    assert!(source.is_flipped());
    assert_eq!(source.grid().lon()[..3], [0.0, 30.0, 60.0]);
    assert_eq!(source.levels(), [500, 850]);
    let names: Vec<_> = source.variables().iter().map(Variable::name).collect();
    assert_eq!(
        names,
        [
            "2m_temperature",
            "geopotential",
            "mean_sea_level_pressure",
            "sea_ice_cover",
            "temperature"
        ]
    );
    assert_eq!(source.stored_name(&Variable::TEMPERATURE_2M), Some("t2m"));
    assert_eq!(source.units(&Variable::TEMPERATURE_2M), Some("K"));
    assert_eq!(source.stored_name(&Variable::SURFACE_PRESSURE), None);
    for (t, &time) in source.times().iter().enumerate() {
        for variable in [Variable::TEMPERATURE, Variable::GEOPOTENTIAL] {
            assert_eq!(data(&source, time, &variable), formula(t, &[0, 1]));
        }
        assert_eq!(
            data(&source, time, &Variable::TEMPERATURE_2M),
            formula(t, &[0])
        );
        let mut ice = formula(t, &[0]);
        ice.slice_mut(ndarray::s![0, 0, ..]).fill(0.0);
        assert_eq!(data(&source, time, &Variable::SEA_ICE_COVER), ice);
    }
}

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
fn longitudes_from_the_date_line_and_levels_in_pascal() {
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), -180.0);
    store.integers(
        "time",
        &["time"],
        &[0],
        json!({"units": "days since 2020-01-01 00:00:00.0"}),
    );
    store.integers("plev", &["plev"], &[85_000, 50_000], json!({"units": "Pa"}));
    let expected = formula(0, &[1, 0]);
    let stored = Array3::from_shape_fn((2, 6, 12), |(k, i, j)| expected[[k, i, (j + 6) % 12]]);
    let dims = ["time", "plev", "latitude", "longitude"];
    store.floats(
        "ta",
        &dims,
        &[1, 2, 6, 12],
        stored.as_slice().unwrap(),
        json!({}),
    );
    let source = Source::open(directory.path()).unwrap();
    assert_eq!(source.grid().lon().first(), Some(&0.0));
    assert_eq!(source.levels(), [850, 500]);
    assert_eq!(data(&source, time("2020-01-01"), &"ta".into()), expected);
    // Without units no level of the air has a number above 2000 but in Pa.
    store.integers("plev", &["plev"], &[85_000, 50_000], json!({}));
    assert_eq!(Source::open(directory.path()).unwrap().levels(), [850, 500]);
    for (levels, units, expected) in [
        ([100, 200], "m", "found levels in m"),
        ([50, 50], "hPa", "50 hPa is there twice"),
        ([0, 500], "hPa", "whole hPa"),
    ] {
        store.integers("plev", &["plev"], &levels, json!({"units": units}));
        let error = Source::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn one_time_and_one_level_without_dimensions() {
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
    store.integers(
        "time",
        &[],
        &[12],
        json!({"units": "hours since 2020-01-01"}),
    );
    store.integers("step", &[], &[6], json!({"units": "hours"}));
    store.integers("isobaricInhPa", &[], &[500], json!({"units": "hPa"}));
    let plane = formula(0, &[0]);
    let dims = ["latitude", "longitude"];
    store.floats("t", &dims, &[6, 12], plane.as_slice().unwrap(), json!({}));
    store.floats("t2m", &dims, &[6, 12], plane.as_slice().unwrap(), json!({}));
    let source = Source::open(directory.path()).unwrap();
    assert_eq!(source.times(), [time("2020-01-01T18")]);
    assert_eq!(source.levels(), [500]);
    let field = field(&source, source.times()[0], &Variable::TEMPERATURE);
    assert_eq!(field, Field::on_levels(vec![500], plane.clone()).unwrap());
    let surface = data(&source, source.times()[0], &Variable::TEMPERATURE_2M);
    assert_eq!(surface, plane);
    assert!(
        source
            .with_levels(&[500])
            .unwrap()
            .with_levels(&[850])
            .is_err()
    );
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

#[test]
fn packed_integers_and_missing_values() {
    let directory = tempfile::tempdir().unwrap();
    let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
    store.integers(
        "time",
        &["time"],
        &[0],
        json!({"units": "hours since 2020-01-01"}),
    );
    let dims = ["time", "latitude", "longitude"];
    let mut numbers = [-3_i16; 72];
    (numbers[0], numbers[1]) = (-9999, 7);
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_be_bytes()).collect();
    // The fill value of version 2 is `_FillValue`; the factor is an integer.
    let attributes = json!({"scale_factor": 2, "add_offset": 0.25, "missing_value": 7});
    store.put(
        "sst",
        &dims,
        &[1, 6, 12],
        ">i2",
        json!(-9999),
        &bytes,
        attributes,
    );
    let options = SourceOptions {
        fill: FillPolicy::strict().with(Variable::SEA_SURFACE_TEMPERATURE, 1.0),
        ..SourceOptions::default()
    };
    let source = Source::open_with(directory.path(), options).unwrap();
    let sea = data(
        &source,
        source.times()[0],
        &Variable::SEA_SURFACE_TEMPERATURE,
    );
    let expected: Vec<f32> = [1.0, 1.0].into_iter().chain([-5.75; 70]).collect();
    assert_eq!(sea.into_raw_vec_and_offset().0, expected);
}
