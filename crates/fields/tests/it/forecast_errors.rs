//! A forecast that is not complete, or not right, never looks as if it were.

use crate::common::forecast::{FORMATS, forecast, grid, header, init, state, write};
use dropsonde_fields::{
    Error, Field, ForecastHeader, ForecastLayout, ForecastWriter, Source, State, Time, Variable,
};
use ndarray::Array2;
use serde_json::json;

#[test]
fn an_unfinished_forecast_keeps_its_other_name() {
    let directory = tempfile::tempdir().unwrap();
    let header = header(1, 2);
    let steps = forecast(&header, &grid());
    for name in FORMATS {
        let path = directory.path().join(name);
        let part = directory.path().join(format!("{name}.part"));
        for _ in 0..2 {
            // The second round replaces what the first left behind.
            let layout = ForecastLayout::GraphCast;
            let mut writer =
                ForecastWriter::create(&path, layout, &grid(), &header, &steps[0][0]).unwrap();
            writer.append(&[&steps[0][0]]).unwrap();
            assert_eq!(writer.n_done(), 1);
            let error = writer.finish().unwrap_err().to_string();
            assert!(error.contains("expected 2 steps, found 1"), "{error}");
            assert!(part.exists() && !path.exists());
        }
        write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap();
        assert!(!part.exists());
    }
}

#[test]
fn existing_data_are_kept_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let mut header = header(1, 1);
    let steps = forecast(&header, &grid());
    for name in FORMATS {
        let path = directory.path().join(name);
        write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap();
        let error = write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap_err();
        assert!(
            error.to_string().contains("exists already\nhint"),
            "{error}"
        );
    }
    header.overwrite = true;
    header.inits = vec![init().plus_hours(6)];
    let steps = forecast(&header, &grid());
    for name in FORMATS {
        let path = directory.path().join(name);
        write(&path, ForecastLayout::GraphCast, &header, &steps).unwrap();
        let copy = Source::open(&path).unwrap();
        assert_eq!(copy.times(), [init().plus_hours(12)]);
        assert!(!directory.path().join(format!("{name}.old")).exists());
    }
    let other = directory.path().join("other.zarr");
    std::fs::create_dir(&other).unwrap();
    let error = write(&other, ForecastLayout::GraphCast, &header, &steps).unwrap_err();
    assert!(error.to_string().contains("not a Zarr v3 store"), "{error}");
}

#[test]
fn bad_names_and_headers_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let good = header(1, 1);
    let steps = forecast(&good, &grid());
    let create = |name: &str, layout, header: &ForecastHeader, template: &State| {
        let path = directory.path().join(name);
        let result = ForecastWriter::create(&path, layout, &grid(), header, template);
        let error = result.unwrap_err().to_string();
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{error} and {left:?}");
        error
    };
    let layout = ForecastLayout::GraphCast;
    for name in ["forecast", "forecast.grib", "forecast.nc.gz", ".nc"] {
        let error = create(name, layout, &good, &steps[0][0]);
        assert!(error.contains("`.nc` (NetCDF) or `.zarr`"), "{error}");
    }
    let error = create("missing/forecast.nc", layout, &good, &steps[0][0]);
    assert!(
        error.contains("is not a directory\nhint: create it"),
        "{error}"
    );

    let descending = [24, 0].map(|hours| init().plus_hours(hours)).to_vec();
    let attributes = serde_json::Map::from_iter([("a/b".to_owned(), json!(1))]);
    let bad = [
        (
            "n_steps",
            ForecastHeader {
                n_steps: 0,
                ..good.clone()
            },
        ),
        (
            "n_steps",
            ForecastHeader {
                n_steps: usize::MAX,
                ..good.clone()
            },
        ),
        (
            "step_hours",
            ForecastHeader {
                step_hours: 0,
                ..good.clone()
            },
        ),
        (
            "inits",
            ForecastHeader {
                inits: Vec::new(),
                ..good.clone()
            },
        ),
        (
            "inits",
            ForecastHeader {
                inits: vec![Time(1)],
                ..good.clone()
            },
        ),
        (
            "inits",
            ForecastHeader {
                inits: descending,
                ..good.clone()
            },
        ),
        (
            "attributes",
            ForecastHeader {
                attributes,
                ..good.clone()
            },
        ),
    ];
    for (name, header) in bad {
        let error = create("x.nc", ForecastLayout::WeatherBench2, &header, &steps[0][0]);
        assert!(error.starts_with(&format!("invalid `{name}`")), "{error}");
    }
    for name in ["", "a/b", "_hidden", "time", "new\nline"] {
        let mut template = steps[0][0].clone();
        template.insert(Variable::new(name), Field::surface(Array2::zeros((5, 8))));
        let error = create("x.zarr", layout, &good, &template);
        assert!(error.starts_with("invalid `variable`"), "{error}");
    }
    let mut template = steps[0][0].clone();
    template.insert(
        Variable::TEMPERATURE_2M,
        Field::surface(Array2::zeros((5, 7))),
    );
    let error = create("x.nc", layout, &good, &template);
    assert!(
        error.contains("expected shape [1, 5, 8], found [1, 5, 7]"),
        "{error}"
    );
}

#[test]
fn states_that_do_not_fit_write_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let header = header(1, 1);
    let good = forecast(&header, &grid()).remove(0).remove(0);
    let path = directory.path().join("forecast.nc");
    let mut writer =
        ForecastWriter::create(&path, ForecastLayout::GraphCast, &grid(), &header, &good).unwrap();

    let late = state(&grid(), init().plus_hours(12), 0);
    assert!(matches!(
        writer.append(&[&late]),
        Err(Error::TimeMismatch { .. })
    ));
    assert!(matches!(
        writer.append(&[&good, &good]),
        Err(Error::Shape { .. })
    ));
    let mut less = good.clone();
    less.fields.remove(&Variable::TEMPERATURE);
    assert!(matches!(
        writer.append(&[&less]),
        Err(Error::MissingVariable { .. })
    ));
    let mut flat = good.clone();
    flat.insert(Variable::TEMPERATURE, Field::surface(Array2::zeros((5, 8))));
    assert!(matches!(
        writer.append(&[&flat]),
        Err(Error::LevelMismatch { .. })
    ));

    // Statics are written at the start and need not be in the steps; other variables are left out.
    let mut dynamic = good.clone();
    dynamic.fields.remove(&Variable::LAND_SEA_MASK);
    dynamic.insert(
        Variable::SURFACE_PRESSURE,
        Field::surface(Array2::zeros((5, 8))),
    );
    writer.append(&[&dynamic]).unwrap();
    let error = writer.append(&[&dynamic]).unwrap_err().to_string();
    assert!(
        error.contains("expected 1 steps, found one more"),
        "{error}"
    );
    writer.finish().unwrap();
    assert_eq!(Source::open(&path).unwrap().state(good.time).unwrap(), good);
}
