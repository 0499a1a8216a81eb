//! Stores that are damaged, incomplete or absurd: errors that say where and what, never a panic.

use std::path::{Path, PathBuf};

use crate::stores::raw::RawStore;
use crate::stores::{copy, fixture, time};
use dropsonde_fields::{Error, MissingChunks, Source, SourceOptions, Variable};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A copy of the WeatherBench-like store without consolidated metadata, to be damaged.
fn damaged(damage: impl FnOnce(&Path)) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.zarr");
    copy(&fixture("weatherbench.zarr"), &path);
    std::fs::remove_file(path.join(".zmetadata")).unwrap();
    damage(&path);
    (directory, path)
}

/// Changes keys of the metadata of an array.
fn edit(path: &Path, array: &str, changes: &Value) {
    let file = path.join(array).join(".zarray");
    let mut metadata: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        metadata[key] = value.clone();
    }
    std::fs::write(file, metadata.to_string()).unwrap();
}

fn read_all(path: &Path) -> Result<(), Error> {
    let n_batch = Source::open(path)?.n_batch();
    (0..n_batch).try_for_each(|batch| {
        let source = Source::open_with(
            path,
            SourceOptions {
                batch,
                ..SourceOptions::default()
            },
        )?;
        source
            .times()
            .iter()
            .try_for_each(|&time| source.state(time).map(drop))
    })
}

fn error(path: &Path) -> String {
    read_all(path).unwrap_err().to_string()
}

#[test]
fn a_missing_chunk_with_a_number_as_fill_value() {
    let (_directory, path) = damaged(|path| {
        edit(path, "temperature", &json!({"fill_value": 0.0}));
        std::fs::remove_file(path.join("temperature/2.0.0.0")).unwrap();
    });
    let error = error(&path);
    for part in [
        "`temperature`",
        "temperature/2.0.0.0",
        "for 2020-01-01T12: ",
        "time 2, level 0",
        "MissingChunks::Fill",
        "hint: ",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let options = SourceOptions {
        missing_chunks: MissingChunks::Fill,
        ..SourceOptions::default()
    };
    let source = Source::open_with(&path, options).unwrap();
    let state = source
        .state_of(source.times()[2], &[Variable::TEMPERATURE])
        .unwrap();
    assert!(
        state
            .get(&Variable::TEMPERATURE)
            .unwrap()
            .data
            .iter()
            .all(|&x| x == 0.0)
    );
}

#[test]
fn a_missing_chunk_with_nan_as_fill_value_is_a_gap() {
    let (_directory, path) = damaged(|path| {
        std::fs::remove_file(path.join("temperature/2.0.0.0")).unwrap();
    });
    let error = error(&path);
    assert!(
        error.starts_with("`temperature` at 2020-01-01T12 has 144 missing"),
        "{error}"
    );
}

#[test]
fn a_missing_chunk_within_a_shard() {
    // A shard whose index says that one of its chunks is empty: all ones in offset and length.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sharded.zarr");
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/sharded.zarr");
    copy(&root, &path);
    let file = path.join("temperature/zarr.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut metadata: Value =
        serde_json::from_str(&text.replace("NaN", "0.0").replace("\"0.0\"", "0.0")).unwrap();
    assert_eq!(metadata["fill_value"], 0.0);
    metadata["codecs"][0]["configuration"]["index_codecs"] =
        json!([{"name": "bytes", "configuration": {"endian": "little"}}]);
    std::fs::write(&file, metadata.to_string()).unwrap();
    let shard = path.join("temperature/c/0/0/0/0");
    let mut bytes = std::fs::read(&shard).unwrap();
    // Eight chunks of 16 bytes each, and a checksum that the changed metadata no longer expect.
    bytes.truncate(bytes.len() - 4);
    let entry = bytes.len() - 16;
    bytes[entry..].fill(0xff);
    std::fs::write(&shard, bytes).unwrap();
    let source = Source::open(&path).unwrap();
    let variables = [Variable::TEMPERATURE];
    assert!(source.state_of(source.times()[6], &variables).is_ok());
    let error = source
        .state_of(source.times()[7], &variables)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("time 7, level 0") && error.contains("temperature/c/0/0/0/0"),
        "{error}"
    );
}

#[test]
fn a_corrupt_chunk_is_named() {
    for (array, chunk) in [
        ("temperature", "2.0.0.0"),
        ("geopotential", "0.1.1.2"),
        ("2m_temperature", "2.0.0"),
        ("mean_sea_level_pressure", "2.0.0"),
        ("surface_pressure", "2.0.0"),
        ("10m_u_component_of_wind", "2.0.0"),
        ("10m_v_component_of_wind", "2.0.0"),
        ("time", "0"),
    ] {
        for keep in [0, 3, 15, 40] {
            let (_directory, path) = damaged(|path| {
                let file = path.join(array).join(chunk);
                let mut bytes = std::fs::read(&file).unwrap();
                let n = bytes.len();
                bytes.truncate(keep.min(n - 1));
                std::fs::write(file, bytes).unwrap();
            });
            let error = error(&path);
            assert!(
                error.contains(&format!("{array}/{chunk}")),
                "{keep}: {error}"
            );
            assert!(
                error.contains("the chunk cannot be read"),
                "{keep}: {error}"
            );
        }
    }
}

#[test]
fn bytes_that_are_not_what_they_say() {
    // Every byte of the header of a Blosc chunk turned over, one at a time: an error or other numbers, no panic.
    for byte in 0..16 {
        let (_directory, path) = damaged(|path| {
            let file = path.join("temperature/0.0.0.0");
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[byte] ^= 0xff;
            std::fs::write(file, bytes).unwrap();
        });
        let _ = read_all(&path);
    }
}

#[test]
fn metadata_that_is_not_json_or_not_metadata() {
    for (file, text) in [
        ("temperature/.zarray", "{"),
        ("temperature/.zarray", "[]"),
        ("temperature/.zarray", "{}"),
        ("temperature/.zattrs", "{\"_ARRAY_DIMENSIONS\": ["),
        ("temperature/.zattrs", "{\"_ARRAY_DIMENSIONS\": [\"time\"]}"),
        (".zmetadata", "{\"metadata\": 7}"),
        (".zmetadata", "\u{0}\u{1}"),
        (".zgroup", "nonsense"),
        (
            "zarr.json",
            "{\"zarr_format\": 3, \"node_type\": \"array\"}",
        ),
    ] {
        let (_directory, path) = damaged(|path| std::fs::write(path.join(file), text).unwrap());
        let error = error(&path);
        assert!(error.contains("store.zarr"), "{file}: {error}");
    }
}

#[test]
fn absurd_sizes_are_not_allocated() {
    let huge = 1_u64 << 40;
    for (array, changes) in [
        ("temperature", json!({"chunks": [1, 2, 6, huge]})),
        ("temperature", json!({"chunks": [huge, huge, huge, huge]})),
        ("temperature", json!({"chunks": [0, 2, 6, 12]})),
        ("temperature", json!({"chunks": [1, 2, 6]})),
        ("temperature", json!({"shape": [4, 2, 6, huge]})),
        ("temperature", json!({"shape": [u64::MAX, u64::MAX, 6, 12]})),
        ("temperature", json!({"dtype": "<f3"})),
        ("latitude", json!({"shape": [huge]})),
        ("latitude", json!({"shape": [huge], "chunks": [huge]})),
        (
            "longitude",
            json!({"shape": [15_000_000], "chunks": [15_000_000]}),
        ),
        ("time", json!({"shape": [u64::MAX]})),
        ("level", json!({"shape": [huge], "chunks": [1]})),
    ] {
        let (_directory, path) = damaged(|path| edit(path, array, &changes));
        let error = error(&path);
        assert!(error.contains("store.zarr"), "{array} {changes}: {error}");
    }
}

#[test]
fn dates_of_a_wrong_unit_or_calendar() {
    for (attributes, expected) in [
        (
            json!({"units": "hours since 1800-01-01"}),
            "dates from 1900 on, found 1800-01-01T00\nhint: the usual reason is a wrong unit",
        ),
        (
            json!({"units": "days since 1900-01-01", "calendar": "noleap"}),
            "found `noleap`\nhint: ",
        ),
        (
            json!({"units": "days since 1900-01-01", "calendar": "360_day"}),
            "found `360_day`",
        ),
        (
            json!({"units": "fortnights since 1900-01-01"}),
            "found `fortnights since 1900-01-01`",
        ),
        (
            json!({"units": "days since once upon a time"}),
            "expected units such as",
        ),
        (json!({}), "found `no units`"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
        store.integers("time", &["time"], &[0, 6], attributes);
        store.constant_fields("t2m", &[1.0, 2.0], json!({}));
        let error = error(directory.path());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn coordinates_that_make_no_grid_or_no_axis() {
    let cases: [(&str, &[f32], &str); 4] = [
        ("latitude", &[0.0, 5.0, 3.0, 9.0, 12.0, 15.0], "the grid of"),
        ("latitude", &[f32::NAN; 6], "the grid of"),
        ("latitude", &[0.0, 10.0, 20.0], "expected length 3, found 6"),
        ("longitude", &[0.0, 360.0], "the grid of"),
    ];
    for (name, numbers, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let store = RawStore::on_grid(directory.path(), &json!({}), 0.0);
        let units = json!({"units": "hours since 2020-01-01"});
        store.integers("time", &["time"], &[0], units.clone());
        store.constant_fields("t2m", &[1.0], json!({}));
        store.floats(name, &[name], &[numbers.len()], numbers, json!({}));
        let message = error(directory.path());
        assert!(message.contains(expected), "{message}");
        // A curved grid has two dimensions.
        store.floats("latitude", &["y", "x"], &[1, 6], &[0.0; 6], json!({}));
        let message = error(directory.path());
        assert!(
            message.contains("only regular latitude-longitude grids"),
            "{message}"
        );
    }
}

#[test]
fn questions_without_an_answer() {
    let source = Source::open(fixture("weatherbench.zarr")).unwrap();
    let error = source.state(time("2020-01-01T13")).unwrap_err().to_string();
    assert!(
        error.contains("4 times from 2020-01-01T00 to 2020-01-01T18, the nearest is 2020-01-01T12"),
        "{error}"
    );
    let error = source.with_levels(&[850, 700]).unwrap_err().to_string();
    assert!(
        error.contains("expected 700 hPa, found the levels [500, 850]"),
        "{error}"
    );
    let options = SourceOptions {
        batch: 2,
        ..SourceOptions::default()
    };
    let error = Source::open_with(fixture("batches.nc"), options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("below 2, found 2"), "{error}");
}

#[test]
fn truncated_netcdf() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["climate_data_store.nc", "batches.nc"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let path = directory.path().join(name);
        for parts in 0..16 {
            std::fs::write(&path, &bytes[..bytes.len() * parts / 16]).unwrap();
            let error = read_all(&path).unwrap_err().to_string();
            assert!(error.contains(name), "{parts}: {error}");
        }
    }
}

/// Found by the fuzz target `zarr`.
#[test]
fn the_header_of_a_blosc_chunk_takes_no_memory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.zarr");
    copy(&fixture("coarse.zarr"), &path);
    let chunk = path.join("temperature/0/0/0/0");
    let mut bytes = std::fs::read(&chunk).unwrap();
    bytes[4..8].copy_from_slice(&0x7fff_ff00_u32.to_le_bytes());
    std::fs::write(&chunk, bytes).unwrap();
    let said = error(&path);
    assert!(said.contains("found one of 2147483392"), "{said}");
    assert!(said.contains("temperature/0"), "{said}");
}

/// Found by reading what the fuzz target `zarr` cannot reach behind a checksum.
#[test]
fn the_index_of_a_shard_cannot_ask_for_more_than_the_shard_has() {
    for range in [[0_u64, 1 << 60], [u64::MAX - 1, 2], [8, u64::MAX - 4]] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sharded.zarr");
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/sharded.zarr");
        copy(&root, &path);
        let metadata = path.join("temperature/zarr.json");
        let text = std::fs::read_to_string(&metadata).unwrap();
        let mut json: Value = serde_json::from_str(&text).unwrap();
        // Without the checksum that the index has.
        let codecs = &mut json["codecs"][0]["configuration"]["index_codecs"];
        assert_eq!(codecs.as_array_mut().unwrap().remove(1)["name"], "crc32c");
        std::fs::write(&metadata, json.to_string()).unwrap();
        let shard = path.join("temperature/c/0/0/0/0");
        let mut bytes = std::fs::read(&shard).unwrap();
        bytes.truncate(bytes.len() - 4);
        let n = bytes.len();
        bytes[n - 16..n - 8].copy_from_slice(&range[0].to_le_bytes());
        bytes[n - 8..].copy_from_slice(&range[1].to_le_bytes());
        std::fs::write(&shard, bytes).unwrap();
        let said = error(&path);
        assert!(said.contains("temperature/c/0/0/0/0"), "{said}");
    }
}
