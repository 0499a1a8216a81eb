//! Layouts, codecs and names of public weather data.

use crate::stores::raw::RawStore;
use crate::stores::{copy, data, field, fixture, formula, time};
use dropsonde_fields::{Field, FillPolicy, Source, SourceOptions, Variable};
use ndarray::Array3;
use serde_json::json;

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
