//! Forecasts that are written step by step read back bit for bit, with the names and types they should have.

use crate::common::data;
use crate::common::forecast::{FORMATS, forecast, grid, header, init, write};
use dropsonde_fields::{
    Field, ForecastHeader, ForecastLayout, ForecastWriter, Source, SourceOptions, State, Time,
    Variable, forecast_bytes,
};
use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3};
use netcdf_reader::{NcFile, NcType};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn graphcast_layout_reads_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let header = header(2, 3);
    let steps = forecast(&header, &grid());
    for name in FORMATS {
        let path = directory.path().join(name);
        write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap();
        assert!(!directory.path().join(format!("{name}.part")).exists());
        for batch in 0..2 {
            let options = SourceOptions {
                batch,
                ..SourceOptions::default()
            };
            let copy = Source::open_with(&path, options).unwrap();
            assert_eq!(copy.grid(), &grid());
            assert_eq!(copy.levels(), [500, 850, 1000]);
            let times: Vec<Time> = steps.iter().map(|states| states[batch].time).collect();
            assert_eq!(copy.times(), times);
            for states in &steps {
                assert_eq!(copy.state(states[batch].time).unwrap(), states[batch]);
            }
        }
    }
}

#[test]
fn reference_dataset_survives() {
    let source = Source::open(data("dataset_nc4.nc")).unwrap();
    let times = source.times();
    let mut header = ForecastHeader::new(times[0], times.len() - 1);
    header
        .attributes
        .insert("title".to_owned(), json!("a test"));
    let directory = tempfile::tempdir().unwrap();
    for name in FORMATS {
        let path = directory.path().join(name);
        let template = source.state(times[0]).unwrap();
        let layout = ForecastLayout::default();
        let mut writer =
            ForecastWriter::create(&path, layout, source.grid(), &header, &template).unwrap();
        for &time in &times[1..] {
            writer.append(&[&source.state(time).unwrap()]).unwrap();
        }
        writer.finish().unwrap();
        let copy = Source::open(&path).unwrap();
        for &time in &times[1..] {
            assert_eq!(copy.state(time).unwrap(), source.state(time).unwrap());
        }
        assert_eq!(copy.attributes()["title"], "a test");
        assert_eq!(copy.attributes()["Conventions"], "CF-1.8");
        for name in ["history", "source"] {
            assert!(
                copy.attributes()[name]
                    .as_str()
                    .unwrap()
                    .contains("dropsonde-fields")
            );
        }
    }
}

#[test]
fn relative_times_have_no_dates() {
    let directory = tempfile::tempdir().unwrap();
    let header = ForecastHeader {
        relative: true,
        ..header(1, 2)
    };
    let steps = forecast(&header, &grid());
    for name in FORMATS {
        let path = directory.path().join(name);
        write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap();
        let copy = Source::open(&path).unwrap();
        assert!(copy.is_relative());
        assert_eq!(copy.times()[1], Time(0).plus_hours(12));
        let options = SourceOptions {
            origin: Some(init()),
            ..SourceOptions::default()
        };
        let copy = Source::open_with(&path, options).unwrap();
        assert_eq!(copy.state(init().plus_hours(12)).unwrap(), steps[1][0]);
    }
    let path = directory.path().join("other.nc");
    let error = write(&path, ForecastLayout::WeatherBench2, &header, &steps).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("hint: use the `graphcast` layout"),
        "{error}"
    );
}

#[test]
fn netcdf_has_the_names_and_types_of_the_reference() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forecast.nc");
    let header = header(2, 3);
    write(
        &path,
        ForecastLayout::GraphCast,
        &header,
        &forecast(&header, &grid()),
    )
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap()[..4], *b"CDF\x02");

    let file = NcFile::open(&path).unwrap();
    let expected = [
        ("lat", "lat", NcType::Float),
        ("lon", "lon", NcType::Float),
        ("level", "level", NcType::Int),
        ("time", "time", NcType::Int),
        ("datetime", "batch,time", NcType::Int),
        ("land_sea_mask", "lat,lon", NcType::Float),
        ("2m_temperature", "batch,time,lat,lon", NcType::Float),
        ("temperature", "batch,time,level,lat,lon", NcType::Float),
    ];
    for (name, dims, dtype) in expected {
        let variable = file.variable(name).unwrap();
        let found: Vec<&str> = variable
            .dimensions()
            .iter()
            .map(|d| d.name.as_str())
            .collect();
        assert_eq!(
            (found.join(","), variable.dtype()),
            (dims.to_owned(), &dtype),
            "{name}"
        );
    }
    let text = |variable: &str, attribute: &str| {
        let variable = file.variable(variable).unwrap();
        let found = variable.attributes().iter().find(|a| a.name == attribute);
        found.and_then(|a| a.value.as_string()).unwrap_or_default()
    };
    assert_eq!(text("time", "units"), "hours");
    assert_eq!(text("time", "dtype"), "timedelta64[ns]");
    assert_eq!(text("datetime", "units"), "hours since 1900-01-01");
    assert_eq!(text("temperature", "coordinates"), "datetime");
    assert_eq!(text("temperature", "standard_name"), "air_temperature");
    assert_eq!(text("temperature", "units"), "K");
    assert_eq!(text("my_field", "long_name"), "my field");
    let hours = file.read_variable_unpacked_masked("time").unwrap();
    assert_eq!(hours.into_iter().collect::<Vec<_>>(), [6.0, 12.0, 18.0]);
}

#[test]
fn weatherbench_layout_in_netcdf() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forecast.nc");
    let header = header(2, 3);
    let steps = forecast(&header, &grid());
    write(&path, ForecastLayout::WeatherBench2, &header, &steps).unwrap();

    let file = NcFile::open(&path).unwrap();
    let numbers = |name| -> Vec<f64> {
        file.read_variable_unpacked_masked(name)
            .unwrap()
            .into_iter()
            .collect()
    };
    let hours = init().hours_since("1900-01-01".parse().unwrap()) as f64;
    assert_eq!(numbers("time"), [hours, hours + 24.0]);
    assert_eq!(numbers("prediction_timedelta"), [6.0, 12.0, 18.0]);
    assert_eq!(numbers("latitude"), [-90.0, -45.0, 0.0, 45.0, 90.0]);
    assert!(file.variable("datetime").is_err());
    let variable = file.variable("geopotential").unwrap();
    let found: Vec<&str> = variable
        .dimensions()
        .iter()
        .map(|d| d.name.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "time",
            "prediction_timedelta",
            "level",
            "latitude",
            "longitude"
        ]
    );
    let all = file.read_variable::<f32>("geopotential").unwrap();
    for (step, states) in steps.iter().enumerate() {
        for (batch, state) in states.iter().enumerate() {
            let found = all.index_axis(ndarray::Axis(0), batch);
            let found = found.index_axis(ndarray::Axis(0), step);
            let expected = &state.get(&Variable::GEOPOTENTIAL).unwrap().data;
            assert_eq!(found, expected.view().into_dyn());
        }
    }
}

#[test]
fn zarr_is_consolidated_with_one_chunk_per_step() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forecast.zarr");
    let header = header(2, 3);
    write(
        &path,
        ForecastLayout::WeatherBench2,
        &header,
        &forecast(&header, &grid()),
    )
    .unwrap();

    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(path.join(name)).unwrap()).unwrap()
    };
    let root = read("zarr.json");
    let consolidated = &root["consolidated_metadata"];
    assert_eq!(consolidated["kind"], "inline");
    assert_eq!(consolidated["must_understand"], false);
    let arrays = consolidated["metadata"].as_object().unwrap();
    assert_eq!(arrays.len(), 10);
    for (name, metadata) in arrays {
        assert_eq!(*metadata, read(&format!("{name}/zarr.json")), "{name}");
    }
    let temperature = &arrays["temperature"];
    assert_eq!(
        temperature["dimension_names"],
        json!([
            "time",
            "prediction_timedelta",
            "level",
            "latitude",
            "longitude"
        ])
    );
    assert_eq!(
        temperature["chunk_grid"]["configuration"]["chunk_shape"],
        json!([1, 1, 3, 5, 8])
    );
    assert_eq!(temperature["codecs"][1]["name"], "zstd");
    assert!(path.join("temperature/c/1/2/0/0/0").is_file());
    assert_eq!(
        arrays["prediction_timedelta"]["attributes"]["dtype"],
        "timedelta64[ns]"
    );
    assert_eq!(arrays["prediction_timedelta"]["data_type"], "int64");
    assert_eq!(
        arrays["time"]["attributes"]["standard_name"],
        "forecast_reference_time"
    );
    assert_eq!(arrays["level"]["data_type"], "int32");
    assert_eq!(arrays["latitude"]["data_type"], "float32");
}

#[test]
fn estimate_is_the_size_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forecast.nc");
    let header = header(2, 7);
    let steps = forecast(&header, &grid());
    write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap();
    let variables: Vec<Variable> = steps[0][0].fields.keys().cloned().collect();
    let estimate = forecast_bytes(&grid(), &variables, 3, 2, 7);
    assert_eq!(estimate, 5 * 8 * 4 * (1 + 14 * (2 + 2 * 3)));
    let found = std::fs::metadata(&path).unwrap().len();
    assert!(
        (estimate..estimate + 4096).contains(&found),
        "{estimate} {found}"
    );
    assert_eq!(
        forecast_bytes(&grid(), &variables, usize::MAX, 2, 7),
        u64::MAX
    );
}

#[test]
fn layouts_have_names() {
    for layout in ForecastLayout::ALL {
        assert_eq!(
            layout.to_string().parse::<ForecastLayout>().unwrap(),
            layout
        );
        assert_eq!(serde_json::to_value(layout).unwrap(), layout.name());
    }
    let error = "wb2".parse::<ForecastLayout>().unwrap_err().to_string();
    assert!(error.contains("`graphcast` or `weatherbench2`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Any finite bits on any grid come back, in both formats.
    #[test]
    fn any_bits_come_back(
        n_lat in 2_usize..6, n_lon in 2_usize..7, n_levels in 0_usize..4, n_batch in 1_i64..3,
        n_steps in 1_usize..4, step_hours in 1_u32..25, first in -600_000_i64..2_000_000, bits in any::<u32>(),
    ) {
        let lat = (0..n_lat).map(|i| -60.0 + 20.0 * i as f32).collect();
        let lon = (0..n_lon).map(|j| 3.0 + 30.0 * j as f32).collect();
        let grid = LatLonGrid::new(lat, lon).unwrap();
        let header = ForecastHeader {
            inits: (0..n_batch).map(|b| Time(0).plus_hours(first + 1000 * b)).collect(),
            step_hours,
            ..ForecastHeader::new(Time(0), n_steps)
        };
        let mut word = bits;
        let mut float = || loop {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let found = f32::from_bits(word);
            if found.is_finite() { return found; }
        };
        let mut steps = Vec::new();
        for step in 1..=n_steps {
            let mut states = Vec::new();
            for init in &header.inits {
                let mut state = State::new(init.plus_hours(i64::from(step_hours) * step as i64));
                if n_levels > 0 {
                    let levels = [1000, 50, 500][..n_levels].to_vec();
                    let data = Array3::from_shape_simple_fn((n_levels, n_lat, n_lon), &mut float);
                    state.insert(Variable::TEMPERATURE, Field::on_levels(levels, data).unwrap());
                }
                let data = Array2::from_shape_simple_fn((n_lat, n_lon), &mut float);
                state.insert(Variable::MEAN_SEA_LEVEL_PRESSURE, Field::surface(data));
                states.push(state);
            }
            steps.push(states);
        }
        let directory = tempfile::tempdir().unwrap();
        for name in FORMATS {
            let path = directory.path().join(name);
            let mut writer = ForecastWriter::create(&path, ForecastLayout::GraphCast, &grid, &header, &steps[0][0]).unwrap();
            for states in &steps {
                writer.append(&states.iter().collect::<Vec<_>>()).unwrap();
            }
            writer.finish().unwrap();
            for batch in 0..header.inits.len() {
                let options = SourceOptions { batch, step_hours: None, ..SourceOptions::default() };
                let copy = Source::open_with(&path, options).unwrap();
                for states in &steps {
                    let found = copy.state(states[batch].time).unwrap();
                    for (variable, field) in &states[batch].fields {
                        let found = found.get(variable).unwrap();
                        prop_assert_eq!(&found.levels, &field.levels);
                        let same = found.data.iter().zip(&field.data).all(|(a, b)| a.to_bits() == b.to_bits());
                        prop_assert!(same, "{} in {}", variable, name);
                    }
                }
            }
        }
    }
}
