//! Written states read back as they were.

use crate::common::data;
use dropsonde_fields::{Error, Source, StateWriter, Variable, write_states};
use serde_json::Map;

#[test]
fn states_survive_the_disk() {
    let source = Source::open(data("dataset_nc4.nc")).unwrap();
    let states: Vec<_> = source
        .times()
        .iter()
        .map(|&time| source.state(time).unwrap())
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forecast.zarr");
    write_states(&path, source.grid(), &states).unwrap();
    assert!(!directory.path().join("forecast.zarr.part").exists());

    let copy = Source::open(&path).unwrap();
    assert_eq!(copy.times(), source.times());
    assert_eq!(copy.levels(), source.levels());
    assert_eq!(copy.grid(), source.grid());
    for state in &states {
        assert_eq!(&copy.state(state.time).unwrap(), state);
    }
    let error = write_states(&path, source.grid(), &states)
        .unwrap_err()
        .to_string();
    assert!(error.contains("it exists already"), "{error}");
}

#[test]
fn nothing_has_the_name_before_the_end() {
    let source = Source::open(data("earth.zarr")).unwrap();
    let state = source.state(source.times()[0]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forecast.zarr");
    for _ in 0..2 {
        let attributes = Map::from_iter([("source".to_owned(), "a test".into())]);
        let mut writer = StateWriter::create(&path, source.grid(), &state, attributes).unwrap();
        writer.append(&state).unwrap();
        assert!(matches!(writer.append(&state), Err(Error::Write { .. })));
        let mut other = source.state(source.times()[1]).unwrap();
        other.fields.remove(&Variable::TEMPERATURE);
        assert!(matches!(
            writer.append(&other),
            Err(Error::MissingVariable { .. })
        ));
        assert!(!path.exists());
        // The second round replaces what the first left behind.
    }
    let attributes = Map::from_iter([("source".to_owned(), "a test".into())]);
    let mut writer = StateWriter::create(&path, source.grid(), &state, attributes).unwrap();
    writer.append(&state).unwrap();
    writer.finish().unwrap();
    let copy = Source::open(&path).unwrap();
    assert_eq!(copy.attributes()["source"], "a test");
    assert_eq!(copy.attributes()["Conventions"], "CF-1.8");
    assert_eq!(copy.state(state.time).unwrap(), state);
}

#[test]
fn no_states_is_an_error() {
    let source = Source::open(data("earth.zarr")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let error = write_states(directory.path().join("x"), source.grid(), &[]).unwrap_err();
    assert!(error.to_string().contains("at least one state"), "{error}");
}
