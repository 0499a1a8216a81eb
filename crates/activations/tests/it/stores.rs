//! Writing, reopening, resuming and refusing stores of latents and codes.

use std::fs;
use std::path::Path;

use dropsonde_activations::{
    ActivationReader, ActivationWriter, CodeMeta, CodeRecord, CodeWriter, Dtype, Error,
    LatentsMeta, Record, Rng,
};

const START: i64 = 1_667_865_600;

fn meta(dtype: Dtype) -> LatentsMeta {
    let mut meta = LatentsMeta::new("processor/08", 12, 8);
    meta.dtype = dtype;
    meta.weights_sha256 = "00ff".into();
    meta
}

fn record(i: usize) -> Record {
    let split = if i.is_multiple_of(2) {
        Some("train".into())
    } else {
        None
    };
    Record {
        split,
        ..Record::new(START, 6 * (i as i32 + 1))
    }
}

fn values(i: usize) -> Vec<f32> {
    let mut rng = Rng::new(i as u64);
    (0..96).map(|_| 20.0 * rng.normal()).collect()
}

fn write(path: &Path, dtype: Dtype, n: usize) {
    let mut writer = ActivationWriter::create(path, meta(dtype), n).unwrap();
    for i in 0..n {
        assert!(writer.append(&record(i), &values(i)).unwrap());
    }
    writer.finish().unwrap();
}

#[test]
fn f32_comes_back_bit_for_bit_and_f16_to_its_precision() {
    let dir = tempfile::tempdir().unwrap();
    for dtype in [Dtype::F32, Dtype::F16] {
        let path = dir.path().join(format!("{dtype:?}.zarr"));
        write(&path, dtype, 3);
        let reader = ActivationReader::open(&path).unwrap();
        assert_eq!(reader.meta(), &meta(dtype));
        assert_eq!(reader.records(), (0..3).map(record).collect::<Vec<_>>());
        for i in 0..3 {
            let tolerance = if dtype == Dtype::F32 {
                0.0
            } else {
                1.0 / 2048.0
            };
            let found = reader.read(i).unwrap();
            assert!(
                found
                    .iter()
                    .zip(values(i))
                    .all(|(a, b)| (a - b).abs() <= tolerance * b.abs())
            );
            let mut rows = [0.0; 3 * 8];
            reader.read_rows_into(i, 5, &mut rows).unwrap();
            assert_eq!(rows, found[40..64]);
        }
        assert!(!dir.path().join(format!("{dtype:?}.zarr.part")).exists());
    }
}

#[test]
fn zeros_are_data() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zeros.zarr");
    let mut writer = ActivationWriter::create(&path, meta(Dtype::F16), 1).unwrap();
    writer.append(&record(0), &[0.0; 96]).unwrap();
    writer.finish().unwrap();
    assert_eq!(
        ActivationReader::open(&path).unwrap().read(0).unwrap(),
        [0.0; 96]
    );
}

#[test]
fn what_f16_cannot_hold_is_an_error_that_names_f32() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.zarr");
    let mut writer = ActivationWriter::create(&path, meta(Dtype::F16), 1).unwrap();
    for bad in [7e4, f32::NAN, f32::INFINITY] {
        let mut latents = values(0);
        latents[17] = bad;
        let said = writer.append(&record(0), &latents).unwrap_err().to_string();
        assert!(
            said.contains("element 17") && said.contains("f32"),
            "{said}"
        );
    }
    assert!(writer.append(&record(0), &values(0)).unwrap());
}

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.zarr");
    let mut writer = ActivationWriter::create(&path, meta(Dtype::F32), 3).unwrap();
    writer.append(&record(0), &values(0)).unwrap();
    drop(writer);
    assert!(!path.exists());
    let log = dir.path().join("l.zarr.part/records.jsonl");
    let mut text = fs::read_to_string(&log).unwrap();
    text.push_str("{\"init_time\": 16"); // a kill in the middle of a line
    fs::write(&log, text).unwrap();

    assert!(matches!(
        ActivationWriter::create(&path, meta(Dtype::F32), 3),
        Err(Error::Exists { .. })
    ));
    let said = ActivationWriter::resume(&path, meta(Dtype::F16), 3)
        .err()
        .unwrap()
        .to_string();
    assert!(said.contains("`dtype`"), "{said}");
    assert!(ActivationWriter::resume(&path, meta(Dtype::F32), 4).is_err());

    let mut writer = ActivationWriter::resume(&path, meta(Dtype::F32), 3).unwrap();
    assert!(writer.contains(&record(0)) && !writer.contains(&record(1)));
    assert!(
        !writer.append(&record(0), &values(9)).unwrap(),
        "a complete record is skipped"
    );
    for i in 1..3 {
        writer.append(&record(i), &values(i)).unwrap();
    }
    assert!(matches!(
        writer.append(&record(3), &values(3)),
        Err(Error::Full { .. })
    ));
    writer.finish().unwrap();
    let reader = ActivationReader::open(&path).unwrap();
    for i in 0..3 {
        assert_eq!(reader.read(i).unwrap(), values(i));
    }
    assert!(!path.join("records.jsonl").exists());
}

#[test]
fn a_kill_just_before_the_rename_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let (path, part) = (dir.path().join("l.zarr"), dir.path().join("l.zarr.part"));
    write(&path, Dtype::F32, 2);
    fs::rename(&path, &part).unwrap();
    let lines: Vec<String> = (0..2)
        .map(|i| serde_json::to_string(&record(i)).unwrap() + "\n")
        .collect();
    fs::write(part.join("records.jsonl"), lines.concat()).unwrap();
    ActivationWriter::resume(&path, meta(Dtype::F32), 2)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(
        ActivationReader::open(&path).unwrap().read(1).unwrap(),
        values(1)
    );
}

#[test]
fn an_incomplete_store_is_not_finished() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.zarr");
    let writer = ActivationWriter::create(&path, meta(Dtype::F32), 3).unwrap();
    assert!(matches!(
        writer.finish(),
        Err(Error::Incomplete {
            expected: 3,
            found: 0,
            ..
        })
    ));
    assert!(!path.exists());
}

#[test]
fn missing_and_damaged_shards_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.zarr");
    write(&path, Dtype::F32, 2);
    let shard = path.join("latents/c/1/0/0");
    let whole = fs::read(&shard).unwrap();
    let read = || ActivationReader::open(&path).and_then(|reader| reader.read(1));
    for cut in [0, 3, whole.len() / 2, whole.len() - 1] {
        fs::write(&shard, &whole[..cut]).unwrap();
        let said = read().unwrap_err().to_string();
        assert!(
            said.contains("latents/c/1/0/0") && said.contains("damaged"),
            "cut at {cut}: {said}"
        );
    }
    let mut flipped = whole.clone();
    flipped[10] ^= 1;
    fs::write(&shard, &flipped).unwrap();
    assert!(matches!(read(), Err(Error::DamagedShard { record: 1, .. })));
    fs::remove_file(&shard).unwrap();
    assert!(matches!(read(), Err(Error::MissingShard { record: 1, .. })));
    fs::write(&shard, &whole).unwrap();
    assert_eq!(read().unwrap(), values(1));
}

#[test]
fn other_things_are_not_stores() {
    let dir = tempfile::tempdir().unwrap();
    let said = |path: &Path| ActivationReader::open(path).err().unwrap().to_string();
    assert!(said(dir.path()).contains("no `zarr.json`"));
    let codes = dir.path().join("c.zarr");
    write_codes(&codes);
    assert!(said(&codes).contains("a store of codes"));
    let part = dir.path().join("x.zarr.part");
    drop(ActivationWriter::create(dir.path().join("x.zarr"), meta(Dtype::F32), 1).unwrap());
    assert!(said(&part).contains("not finished"));
    let mut writer =
        ActivationWriter::create(dir.path().join("y.zarr"), meta(Dtype::F32), 1).unwrap();
    assert!(matches!(
        writer.append(&record(0), &[0.0; 95]),
        Err(Error::Length {
            expected: 96,
            found: 95,
            ..
        })
    ));
    let empty = LatentsMeta {
        n_nodes: 0,
        ..meta(Dtype::F32)
    };
    assert!(ActivationWriter::create(dir.path().join("z.zarr"), empty, 1).is_err());
}

/// A store of one record of codes.
fn write_codes(path: &Path) {
    let meta = CodeMeta::new("processor/08", 1, 300, 1);
    let codes = CodeRecord {
        indices: vec![1],
        values: vec![0.5],
        mean: vec![0.0],
        norm: vec![1.0],
    };
    let mut writer = CodeWriter::create(path, meta, 1).unwrap();
    writer.append(&record(0), &codes).unwrap();
    writer.finish().unwrap();
}

#[test]
fn stores_of_older_versions_open_and_are_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.zarr");
    let older = meta(Dtype::F16);
    assert!(older.node_set.is_empty() && older.grid_sha256.is_empty());
    let writer = ActivationWriter::create(&path, older.clone(), 1).unwrap();
    drop(writer);
    let part = fs::read_to_string(dir.path().join("l.zarr.part/zarr.json")).unwrap();
    assert!(!part.contains("node_set") && !part.contains("grid_sha256"));
    let mut writer = ActivationWriter::resume(&path, older.clone(), 1).unwrap();
    writer.append(&record(0), &values(0)).unwrap();
    writer.finish().unwrap();
    assert_eq!(ActivationReader::open(&path).unwrap().meta(), &older);

    let newer = LatentsMeta {
        node_set: "mesh_nodes".into(),
        grid_sha256: "11".into(),
        ..older.clone()
    };
    let path = dir.path().join("n.zarr");
    let mut writer = ActivationWriter::create(&path, newer.clone(), 1).unwrap();
    writer.append(&record(0), &values(0)).unwrap();
    writer.finish().unwrap();
    assert_eq!(ActivationReader::open(&path).unwrap().meta(), &newer);
}
