//! Packed stores: what they hold, and that an interruption leaves no trace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dropsonde_fields::{
    Climatology, ClimatologyConfig, ClimatologyPlan, Coarsening, Error, PackConfig, PackPlan,
    Source, StateWriter, Time, TimeSelection, Variable, Window, round_mantissa, verify_checksums,
};
use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, json};

const LEVELS: [u32; 3] = [300, 500, 850];

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// `n` states of made-up weather on 24 x 12, with gaps over land in the sea surface temperature.
fn native(
    directory: &Path,
    name: &str,
    first: &str,
    n: i64,
    attributes: serde_json::Value,
) -> PathBuf {
    let step = 180.0 / 12.0;
    let lat = (0..12).map(|i| -90.0 + step * (i as f32 + 0.5)).collect();
    let grid = LatLonGrid::new(lat, (0..24).map(|j| j as f32 * step).collect()).unwrap();
    let times: Vec<Time> = (0..n).map(|k| time(first).plus_hours(6 * k)).collect();
    let source = Source::synthetic(grid, &LEVELS, &times).unwrap();
    let path = directory.join(name);
    let state = |&time: &Time| {
        let mut state = source.state(time).unwrap();
        let land = state.fields[&Variable::LAND_SEA_MASK].data.clone();
        let sea = state
            .fields
            .get_mut(&Variable::SEA_SURFACE_TEMPERATURE)
            .unwrap();
        sea.data.zip_mut_with(&land, |x, &land| {
            *x = if land > 0.5 { f32::NAN } else { *x }
        });
        state
    };
    let serde_json::Value::Object(attributes) = attributes else {
        panic!()
    };
    let mut writer =
        StateWriter::create(&path, source.grid(), &state(&times[0]), attributes).unwrap();
    times.iter().for_each(|t| writer.append(&state(t)).unwrap());
    writer.finish().unwrap();
    path
}

fn sources(paths: &[&PathBuf]) -> Vec<(String, Source)> {
    let open = |path: &&PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, Source::open(path).unwrap())
    };
    paths.iter().map(open).collect()
}

fn config() -> PackConfig {
    PackConfig {
        grid: Some("12x6".parse().unwrap()),
        levels: Some(vec![850, 300]),
        variables: Some(vec![
            Variable::TEMPERATURE,
            Variable::MEAN_SEA_LEVEL_PRESSURE,
            Variable::SEA_SURFACE_TEMPERATURE,
            Variable::LAND_SEA_MASK,
        ]),
        daily: vec![Variable::SEA_SURFACE_TEMPERATURE],
        keep_bits: [
            (Variable::TEMPERATURE, 10),
            (Variable::MEAN_SEA_LEVEL_PRESSURE, 13),
        ]
        .into(),
        shard_states: Some(4),
        attributes: Map::from_iter([("title".to_owned(), json!("a test"))]),
        ..PackConfig::default()
    }
}

fn plan(paths: &[&PathBuf], config: PackConfig) -> PackPlan {
    PackPlan::new(sources(paths), config, TimeSelection::default()).unwrap()
}

/// Every file below a directory and its bytes.
fn bytes(store: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![store.to_owned()];
    while let Some(here) = pending.pop() {
        for entry in std::fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false => {
                    let bytes = std::fs::read(&path).unwrap();
                    files.insert(path.strip_prefix(store).unwrap().to_owned(), bytes);
                }
            }
        }
    }
    files
}

#[test]
fn members_become_one_record_on_a_coarser_grid() {
    let directory = tempfile::tempdir().unwrap();
    let later = native(directory.path(), "m2.zarr", "2001-03-01T06", 5, json!({}));
    let earlier = native(
        directory.path(),
        "m1.zarr",
        "2000-01-01T06",
        9,
        json!({"title": "native", "source": "formulas"}),
    );
    let out = directory.path().join("packed.zarr");
    let mut seen = Vec::new();
    let summary = plan(&[&later, &earlier], config())
        .write(&out, false, |done, total| seen.push((done, total)))
        .unwrap();
    assert_eq!((summary.times, summary.blocks_taken_over), (14, 0));
    // 14 states, and the days of three and two planes.
    assert_eq!((seen.len(), seen[18]), (19, (19, 19)));
    assert_eq!(verify_checksums(&out).unwrap(), bytes(&out).len());

    let (packed, source) = (Source::open(&out).unwrap(), Source::open(&earlier).unwrap());
    assert_eq!(
        (packed.times().len(), packed.levels()),
        (14, &[850, 300][..])
    );
    let attributes = packed.attributes();
    assert_eq!(attributes["title"], "a test");
    assert_eq!(attributes["source"], "formulas");
    assert_eq!(
        attributes["members"][1],
        json!({"name": "m2", "first": "2001-03-01T06", "steps": 5})
    );
    let coarsening = Coarsening::new(source.grid(), &"12x6".parse().unwrap()).unwrap();
    assert_eq!(packed.grid(), coarsening.grid());
    for &time in &source.times()[..9] {
        for (variable, level, bits) in [
            (Variable::TEMPERATURE, Some(850), 10),
            (Variable::MEAN_SEA_LEVEL_PRESSURE, None, 13),
        ] {
            let state = source.state(time).unwrap();
            let mean = coarsening
                .plane(state.plane(&variable, level).unwrap())
                .unwrap();
            let mut expected = mean.into_raw_vec_and_offset().0;
            round_mantissa(&mut expected, bits).unwrap();
            let found = packed.state(time).unwrap();
            let found: Vec<f32> = found
                .plane(&variable, level)
                .unwrap()
                .iter()
                .copied()
                .collect();
            assert_eq!(found, expected, "{variable} at {time}");
        }
    }
    // A daily plane holds from its day on.
    let sea = Variable::SEA_SURFACE_TEMPERATURE;
    let expected = coarsening
        .field(&source.unfilled(&sea, source.times()[4]).unwrap())
        .unwrap();
    let found = packed.unfilled(&sea, source.times()[7]).unwrap();
    assert!(expected.data.iter().any(|x| x.is_nan()));
    for (a, b) in found.data.iter().zip(&expected.data) {
        assert!(a == b || a.is_nan() && b.is_nan());
    }
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let growing = json!({"days_done": 5});
    let member = native(directory.path(), "m.zarr", "2000-01-01T06", 40, growing);
    let whole = directory.path().join("whole.zarr");
    let summary = plan(&[&member], config())
        .write(&whole, false, |_, _| ())
        .unwrap();
    assert_eq!(summary.times, 20);

    // Killed after the third block: what is written later is gone, and the record has grown meanwhile.
    let out = directory.path().join("parts.zarr");
    let stop = std::panic::catch_unwind(|| {
        plan(&[&member], config()).write(&out, false, |done, _| assert!(done < 14))
    });
    assert!(stop.is_err() && !out.exists());
    assert!(directory.path().join("parts.zarr.part").is_dir());
    // Half of the block that was being written.
    let torn = directory
        .path()
        .join("parts.zarr.part/temperature/c/3/0/0/0");
    std::fs::create_dir_all(torn.parent().unwrap()).unwrap();
    std::fs::write(&torn, b"torn").unwrap();
    let metadata = std::fs::read_to_string(member.join("zarr.json")).unwrap();
    std::fs::write(
        member.join("zarr.json"),
        metadata.replace("\"days_done\": 5", "\"days_done\": 9"),
    )
    .unwrap();

    let mut other = config();
    other.keep_bits.clear();
    let error = plan(&[&member], other)
        .write(&out, true, |_, _| ())
        .unwrap_err()
        .to_string();
    assert!(error.contains("another configuration"), "{error}");

    let summary = plan(&[&member], config())
        .write(&out, true, |_, _| ())
        .unwrap();
    assert_eq!((summary.times, summary.blocks_taken_over), (20, 3));
    assert_eq!(bytes(&out), bytes(&whole));
    verify_checksums(&out).unwrap();
    for left in ["parts.zarr.part", "parts.zarr.part.json"] {
        assert!(!directory.path().join(left).exists(), "{left}");
    }
    let error = plan(&[&member], config())
        .write(&out, true, |_, _| ())
        .unwrap_err()
        .to_string();
    assert!(error.contains("it exists already"), "{error}");
}

#[test]
fn windows_alone_and_what_they_leave() {
    let directory = tempfile::tempdir().unwrap();
    let member = native(directory.path(), "m.zarr", "2000-01-01T06", 24, json!({}));
    let windows: Vec<Window> = serde_json::from_value(json!([
        {"split": "report", "first": "2000-01-05T06", "steps": 5},
        {"split": "train", "first": "2000-01-02T06", "steps": 5},
    ]))
    .unwrap();
    let selection = TimeSelection {
        within: Some(windows),
        ..TimeSelection::default()
    };
    let out = directory.path().join("mini.zarr");
    let plan = PackPlan::new(sources(&[&member]), PackConfig::default(), selection).unwrap();
    plan.write(&out, false, |_, _| ()).unwrap();
    let mini = Source::open(&out).unwrap();
    assert_eq!(mini.times().len(), 10);
    assert_eq!(mini.attributes()["windows"][0]["split"], "train");
    assert_eq!(
        mini.attributes()["splits"]["report"],
        json!(["2000-01-05T06"])
    );
    let blocks = json!([
        {"first": "2000-01-01T06", "steps": 4},
        {"first": "2000-01-03T12", "steps": 7},
        {"first": "2000-01-06T12", "steps": 3},
    ]);
    assert_eq!(mini.attributes()["training_blocks"], blocks);
    // Nothing was averaged or rounded.
    let (state, original) = (mini.times()[7], Source::open(&member).unwrap());
    assert_eq!(mini.state(state).unwrap(), original.state(state).unwrap());
}

#[test]
fn what_cannot_be_packed() {
    let directory = tempfile::tempdir().unwrap();
    let a = native(directory.path(), "a.zarr", "2000-01-01T06", 6, json!({}));
    let b = native(directory.path(), "b.zarr", "2000-01-02T06", 6, json!({}));
    let empty = native(
        directory.path(),
        "empty.zarr",
        "2003-01-02T06",
        2,
        json!({"days_done": 0}),
    );
    let said = |paths: &[&PathBuf], config: PackConfig| {
        PackPlan::new(sources(paths), config, TimeSelection::default())
            .unwrap_err()
            .to_string()
    };
    assert!(
        said(&[&a, &b], config()).contains("follow each other"),
        "{}",
        said(&[&a, &b], config())
    );
    assert!(said(&[&empty], config()).contains("empty.zarr"));
    let bits = PackConfig {
        default_keep_bits: 24,
        ..config()
    };
    assert!(said(&[&a], bits).contains("keep_bits"));
    let levels = PackConfig {
        levels: Some(vec![850, 700]),
        ..config()
    };
    assert!(said(&[&a], levels).contains("700 hPa"));
    let variables = PackConfig {
        variables: Some(vec![Variable::new("rain")]),
        ..config()
    };
    assert!(said(&[&a], variables).contains("`rain`"));
    let daily = PackConfig {
        daily: vec![Variable::TEMPERATURE],
        ..config()
    };
    assert!(said(&[&a], daily).contains("daily"));
    // A member that is still empty is left out.
    assert_eq!(plan(&[&empty, &a], config()).times().len(), 6);
}

#[test]
fn a_climatology_is_the_yearly_cycle_of_the_days_that_count() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("year.zarr");
    let grid = LatLonGrid::new(vec![-45.0, 45.0], vec![0.0, 90.0, 180.0, 270.0]).unwrap();
    let cycle = |time: Time| {
        let angle = f64::from(time.day_of_year() - 1) / 365.25 * std::f64::consts::TAU;
        280.0 + 10.0 * angle.cos() + if time.second_of_day() == 0 { 3.0 } else { 0.0 }
    };
    let outlier = |k: i64| (100..110).contains(&k);
    let state = |k: i64| {
        let time = time("2001-01-01").plus_hours(12 * k);
        let value = cycle(time) + if outlier(k) { 500.0 } else { 0.0 };
        let mut state = dropsonde_fields::State::new(time);
        let surface =
            |x: f32| dropsonde_fields::Field::surface(ndarray::Array2::from_elem((2, 4), x));
        state.insert(Variable::TEMPERATURE_2M, surface(value as f32));
        let wet = k % 60 < 2;
        state.insert(
            Variable::TOTAL_PRECIPITATION_6HR,
            surface(if wet { 0.03 } else { 0.0 }),
        );
        state
    };
    let mut writer = StateWriter::create(&path, &grid, &state(0), Map::new()).unwrap();
    (0..730).for_each(|k| writer.append(&state(k)).unwrap());
    writer.finish().unwrap();
    let windows: Vec<Window> =
        serde_json::from_value(json!([{"split": "report", "first": state(100).time, "steps": 20}]))
            .unwrap();
    let selection = TimeSelection {
        without: windows,
        ..TimeSelection::default()
    };
    let open = || vec![("year".to_owned(), Source::open(&path).unwrap())];
    let plan = ClimatologyPlan::new(open(), ClimatologyConfig::default(), &selection).unwrap();
    let out = directory.path().join("climatology.zarr");
    let mut reads = 0;
    plan.write(&out, |_, _| reads += 1).unwrap();
    assert_eq!((reads, plan.n_reads()), (720, 720));
    verify_checksums(&out).unwrap();

    let climatology = Climatology::open(&out).unwrap();
    assert_eq!(climatology.hours(), [0, 12]);
    for date in [
        "2004-01-01T00",
        "2004-02-20T12",
        "2004-07-05T00",
        "2004-12-31T12",
    ] {
        let date = time(date);
        let state = climatology.state_of(date, climatology.variables()).unwrap();
        let found = f64::from(state.plane(&Variable::TEMPERATURE_2M, None).unwrap()[[1, 2]]);
        assert!((found - cycle(date)).abs() < 0.1, "{date}: {found}");
        let rain = state
            .plane(&Variable::TOTAL_PRECIPITATION_6HR, None)
            .unwrap()[[0, 0]];
        assert!((0.0..0.003).contains(&rain), "{date}: {rain}");
    }

    let half = TimeSelection {
        to: Some(time("2001-07-15")),
        ..TimeSelection::default()
    };
    let error = ClimatologyPlan::new(open(), ClimatologyConfig::default(), &half).unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidParameter {
                name: "harmonics",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("gap of 17"), "{error}");
}
