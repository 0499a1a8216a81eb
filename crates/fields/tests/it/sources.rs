//! Reading stores of every kind.

use std::path::Path;

use crate::common::data;
use dropsonde_fields::{
    Error, Field, FillPolicy, SEA_WATER_FREEZING_POINT, Source, SourceOptions, Time, Variable,
};
use ndarray::Array3;

/// 1000 t + 100 k + 10 i + j, the formula of the synthetic stores.
fn formula(t: usize, levels: &[usize]) -> Array3<f32> {
    Array3::from_shape_fn((levels.len(), 4, 8), |(k, i, j)| {
        (1000 * t + 100 * levels[k] + 10 * i + j) as f32
    })
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

#[test]
fn zarr_plain_and_sharded() {
    for name in ["earth.zarr", "sharded.zarr"] {
        let source = Source::open(data(name)).unwrap();
        assert_eq!(source.levels(), [850, 500]);
        assert_eq!(source.times().len(), 8);
        assert_eq!(source.times()[0], time("1982-07-01T06"));
        assert_eq!(source.grid().lat(), [-67.5, -22.5, 22.5, 67.5]);
        assert_eq!(source.attributes()["title"], "synthetic");
        assert!(!source.is_flipped());
        let names: Vec<_> = source.variables().iter().map(Variable::name).collect();
        assert_eq!(
            names,
            ["land_sea_mask", "sea_surface_temperature", "temperature"]
        );
        for (t, &time) in source.times().iter().enumerate() {
            let state = source.state(time).unwrap();
            let expected = Field::on_levels(vec![850, 500], formula(t, &[0, 1])).unwrap();
            assert_eq!(
                state.get(&Variable::TEMPERATURE).unwrap(),
                &expected,
                "{name} {time}"
            );
            assert_eq!(
                state.get(&Variable::LAND_SEA_MASK).unwrap().data,
                formula(0, &[0])
            );
        }
    }
}

#[test]
fn daily_fields_are_those_of_the_day_and_land_is_filled() {
    let source = Source::open(data("earth.zarr")).unwrap();
    let days = [0, 0, 0, 0, 1, 1, 2, 2];
    for (&time, day) in source.times().iter().zip(days) {
        let state = source.state(time).unwrap();
        let mut expected = formula(day, &[0]);
        expected
            .slice_mut(ndarray::s![0, .., 0])
            .fill(SEA_WATER_FREEZING_POINT);
        assert_eq!(
            state.get(&Variable::SEA_SURFACE_TEMPERATURE).unwrap().data,
            expected,
            "{time}"
        );
    }
}

#[test]
fn gaps_without_a_rule_are_an_error() {
    let options = SourceOptions {
        fill: FillPolicy::strict(),
        ..SourceOptions::default()
    };
    let source = Source::open_with(data("earth.zarr"), options).unwrap();
    let error = source.state(source.times()[5]).unwrap_err();
    let Error::MissingValues {
        variable,
        time,
        count,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(*variable, Variable::SEA_SURFACE_TEMPERATURE);
    assert_eq!((*time, *count), (source.times()[5], 4));
    assert!(error.to_string().contains("hint: "), "{error}");
}

#[test]
fn levels_are_chosen_by_value() {
    for name in ["earth.zarr", "sharded.zarr", "packed.nc"] {
        let source = Source::open(data(name))
            .unwrap()
            .with_levels(&[500])
            .unwrap();
        let state = source
            .state_of(source.times()[1], &[Variable::TEMPERATURE])
            .unwrap();
        let expected = Field::on_levels(vec![500], formula(1, &[1])).unwrap();
        assert_eq!(state.get(&Variable::TEMPERATURE).unwrap(), &expected);
        let error = source.with_levels(&[500, 700]).unwrap_err().to_string();
        assert!(
            error.contains("expected 700 hPa, found the levels [850, 500]"),
            "{error}"
        );
    }
    let source = Source::open(data("packed.nc"))
        .unwrap()
        .with_levels(&[500, 850])
        .unwrap();
    let state = source
        .state_of(source.times()[0], &[Variable::TEMPERATURE])
        .unwrap();
    assert_eq!(
        state.get(&Variable::TEMPERATURE).unwrap().data,
        formula(0, &[1, 0])
    );
}

#[test]
fn netcdf_packed_transposed_and_from_the_north() {
    let source = Source::open(data("packed.nc")).unwrap();
    assert!(source.is_flipped());
    assert_eq!(source.grid().lat(), [-67.5, -22.5, 22.5, 67.5]);
    assert_eq!(
        source.times(),
        [time("2020-02-28T12"), time("2020-02-29T18")]
    );
    for (t, &time) in source.times().iter().enumerate() {
        let state = source.state_of(time, &[Variable::TEMPERATURE]).unwrap();
        assert_eq!(
            state.get(&Variable::TEMPERATURE).unwrap().data,
            formula(t, &[0, 1])
        );
    }
    let surface = [Variable::TEMPERATURE_2M];
    let first = source.state_of(source.times()[0], &surface).unwrap();
    assert_eq!(first.get(&surface[0]).unwrap().data, formula(0, &[0]));
    let error = source.state(source.times()[1]).unwrap_err().to_string();
    assert!(
        error.starts_with("`2m_temperature` at 2020-02-29T18 has 3 missing"),
        "{error}"
    );
}

#[test]
fn graphcast_files_agree_in_both_formats() {
    let [new, old] = ["dataset_nc4.nc", "dataset_nc3.nc"].map(|n| Source::open(data(n)).unwrap());
    assert_eq!(new.times(), old.times());
    assert_eq!(new.times()[0], time("2021-08-28T18"));
    assert_eq!(new.times()[2], time("2021-08-29T06"));
    assert_eq!(new.levels().len(), 13);
    for &time in new.times() {
        assert_eq!(new.state(time).unwrap(), old.state(time).unwrap());
    }
    // Without a date the times of `inputs.nc` are the hours -6 and 0.
    let inputs = Source::open(data("inputs.nc")).unwrap();
    assert!(inputs.is_relative() && !new.is_relative());
    assert_eq!(inputs.times(), [Time(-6 * 3600), Time(0)]);
    // The second time of the dataset is the start of `inputs.nc`.
    let options = SourceOptions {
        origin: Some(new.times()[1]),
        ..SourceOptions::default()
    };
    let inputs = Source::open_with(data("inputs.nc"), options).unwrap();
    assert_eq!(inputs.times(), &new.times()[..2]);
    let start = new.times()[1];
    let state = inputs.state_of(start, new.variables()).unwrap();
    assert_eq!(state, new.state(start).unwrap());
}

#[test]
fn progress_is_spread_over_the_grid() {
    let options = SourceOptions {
        origin: Some(Time(0)),
        ..SourceOptions::default()
    };
    let source = Source::open_with(data("inputs.nc"), options).unwrap();
    let state = source.state(Time(0)).unwrap();
    let day = &state.get(&Variable::DAY_PROGRESS_SIN).unwrap().data;
    assert_eq!(day.shape(), [1, 19, 36]);
    assert_eq!(
        day.slice(ndarray::s![0, 0, ..]),
        day.slice(ndarray::s![0, 18, ..])
    );
    assert_ne!(day[[0, 0, 0]], day[[0, 0, 9]]);
    let year = &state.get(&Variable::YEAR_PROGRESS_COS).unwrap().data;
    assert!(year.iter().all(|&x| x == year[[0, 0, 0]]));
}

#[test]
fn questions_that_have_no_answer() {
    let source = Source::open(data("earth.zarr")).unwrap();
    let error = source.state(time("1990-01-01")).unwrap_err().to_string();
    assert!(
        error.contains("8 times from 1982-07-01T06 to 1996-01-01T")
            && error.contains("the nearest is 1996-01-01T06"),
        "{error}"
    );
    let error = source
        .state_of(source.times()[0], &["2m_temperature".into()])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it has `land_sea_mask`, `sea_surface"),
        "{error}"
    );
    assert!(error.to_string().contains("hint: "), "{error}");
    let options = SourceOptions {
        batch: 1,
        ..SourceOptions::default()
    };
    let error = Source::open_with(data("dataset_nc4.nc"), options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("below 1, found 1"), "{error}");
}

#[test]
fn what_is_not_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert!(matches!(
        Source::open(path.join("nowhere")),
        Err(Error::Io { .. })
    ));
    let error = Source::open(path).unwrap_err().to_string();
    assert!(error.contains("a directory without `zarr.json`"), "{error}");
    std::fs::write(path.join(".zgroup"), "{}").unwrap();
    let error = Source::open(path).unwrap_err().to_string();
    assert!(error.contains("one of [\"latitude\", \"lat\"]"), "{error}");
    std::fs::write(path.join("file"), "GRIB\0\0\0\x02").unwrap();
    let error = Source::open(path.join("file")).unwrap_err().to_string();
    assert!(error.contains("expected a GRIB2 message"), "{error}");
    for text in ["", "CDF", "CDF\x03", "temperature,pressure\n", "PK\x03\x04"] {
        let file = path.join("file");
        std::fs::write(&file, text).unwrap();
        assert!(
            matches!(Source::open(&file), Err(Error::UnknownFormat { .. })),
            "{text}"
        );
    }
}

/// Opens a damaged store and reads everything; the error must name the store.
fn read_all(path: &Path) -> Result<(), Error> {
    let source = Source::open(path)?;
    for &time in source.times() {
        source.state(time)?;
    }
    Ok(())
}

#[test]
fn truncated_files_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["dataset_nc4.nc", "dataset_nc3.nc", "packed.nc"] {
        let bytes = std::fs::read(data(name)).unwrap();
        let path = directory.path().join(name);
        for share in [0.01, 0.2, 0.5, 0.9, 0.99] {
            std::fs::write(&path, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
            let error = read_all(&path).unwrap_err().to_string();
            assert!(
                error.contains(name) || error.contains("2m_temperature"),
                "{share}: {error}"
            );
        }
    }
}

#[test]
fn damaged_zarr_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8]); 4] = [
        ("temperature/c/0/0/0/0", b"short"),
        ("temperature/zarr.json", b"{"),
        ("time/c/0", b""),
        (
            "zarr.json",
            b"{\"zarr_format\": 2, \"node_type\": \"group\"}",
        ),
    ];
    for (index, (file, bytes)) in cases.into_iter().enumerate() {
        let path = directory.path().join(format!("{index}.zarr"));
        copy(&data("earth.zarr"), &path);
        std::fs::write(path.join(file), bytes).unwrap();
        let error = read_all(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("{index}.zarr")), "{file}: {error}");
    }
    // A chunk that is not there reads as gaps, which temperature may not have.
    let path = directory.path().join("gap.zarr");
    copy(&data("earth.zarr"), &path);
    std::fs::remove_file(path.join("temperature/c/1/0/0/0")).unwrap();
    let error = read_all(&path).unwrap_err().to_string();
    assert!(
        error.starts_with("`temperature` at 1982-07-02T00 has 32 missing"),
        "{error}"
    );
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
