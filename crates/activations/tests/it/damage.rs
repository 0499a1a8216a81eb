//! Stores whose metadata lie: an error that names the file, no panic, no memory for what is not there.
//! Found by the fuzz targets `latents` and `codes`.

use std::fs;
use std::path::{Path, PathBuf};

use dropsonde_activations::{
    ActivationReader, ActivationWriter, CodeMeta, CodeRecord, CodeStore, CodeWriter, Error,
    LatentsMeta, Record,
};
use serde_json::{Value, json};

fn latents(directory: &Path) -> PathBuf {
    let path = directory.join("latents.zarr");
    let meta = LatentsMeta::new("processor/08", 5, 4);
    let mut writer = ActivationWriter::create(&path, meta, 2).unwrap();
    for hours in [6, 12] {
        writer.append(&Record::new(0, hours), &[0.5; 20]).unwrap();
    }
    writer.finish().unwrap()
}

/// Puts values at places of one of the store's JSON files.
fn change(file: PathBuf, places: &[&str], value: Value) {
    let mut json: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for place in places {
        *json.pointer_mut(place).unwrap() = value.clone();
    }
    fs::write(file, json.to_string()).unwrap();
}

/// What opening the store and reading its first record say.
fn said(path: &Path) -> String {
    ActivationReader::open(path)
        .and_then(|reader| reader.read(0))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_record_larger_than_its_shard_can_hold_is_refused() {
    for huge in [1u64 << 40, 1 << 62, u64::MAX] {
        let directory = tempfile::tempdir().unwrap();
        let path = latents(directory.path());
        change(
            path.join("zarr.json"),
            &["/attributes/metadata/n_nodes"],
            json!(huge),
        );
        let places = ["/shape/1", "/chunk_grid/configuration/chunk_shape/1"];
        change(path.join("latents/zarr.json"), &places, json!(huge));
        let said = said(&path);
        assert!(
            said.contains("cannot hold") && said.contains("latents/c/0"),
            "{said}"
        );
    }
}

#[test]
fn sizes_of_zero_are_refused() {
    for key in ["n_nodes", "width"] {
        let directory = tempfile::tempdir().unwrap();
        let path = latents(directory.path());
        let place = format!("/attributes/metadata/{key}");
        change(path.join("zarr.json"), &[&place], json!(0));
        let said = said(&path);
        assert!(said.contains(&format!("`{key}`")), "{said}");
    }
}

#[test]
fn arrays_of_another_form_are_refused() {
    for (place, value, what) in [
        ("/shape/0", json!(3), "shape"),
        ("/shape/2", json!(1u64 << 50), "shape"),
        ("/data_type", json!("float64"), "data type"),
        (
            "/chunk_grid/configuration/chunk_shape/0",
            json!(1u64 << 40),
            "chunk shape",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = latents(directory.path());
        change(path.join("latents/zarr.json"), &[place], value);
        let said = said(&path);
        assert!(
            said.contains(what) && said.contains("the metadata say"),
            "{said}"
        );
    }
}

#[test]
fn coordinates_are_as_long_as_the_list_of_splits() {
    for (name, value) in [("init_time", json!(1u64 << 45)), ("lead_hours", json!(1))] {
        let directory = tempfile::tempdir().unwrap();
        let path = latents(directory.path());
        let places = ["/shape/0", "/chunk_grid/configuration/chunk_shape/0"];
        change(path.join(name).join("zarr.json"), &places, value);
        let said = said(&path);
        assert!(said.contains(name) && said.contains("shape"), "{said}");
    }
}

#[test]
fn rows_past_the_end_are_refused_wherever_they_begin() {
    let directory = tempfile::tempdir().unwrap();
    let reader = ActivationReader::open(latents(directory.path())).unwrap();
    for first_row in [3, usize::MAX] {
        let read = reader.read_rows_into(0, first_row, &mut [0.0; 12]);
        assert!(matches!(read, Err(Error::Length { .. })));
    }
}

#[test]
fn times_at_the_end_of_the_calendar_do_not_overflow() {
    assert_eq!(Record::new(i64::MAX, 6).valid_time(), i64::MAX);
}

#[test]
fn codes_outside_the_dictionary_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("codes.zarr");
    let codes = CodeRecord {
        indices: vec![1, 2, 3, 7],
        values: vec![0.5; 4],
        mean: vec![0.0; 2],
        norm: vec![1.0; 2],
    };
    let mut writer = CodeWriter::create(&path, CodeMeta::new("processor/08", 2, 8, 2), 1).unwrap();
    writer.append(&Record::new(0, 6), &codes).unwrap();
    writer.finish().unwrap();
    change(
        path.join("zarr.json"),
        &["/attributes/metadata/n_latents"],
        json!(7),
    );
    let read = CodeStore::open(&path).unwrap().read(0);
    assert!(matches!(
        read,
        Err(Error::CodeIndex {
            index: 7,
            element: 3,
            n_latents: 7
        })
    ));
}

/// The checksum of the index of a shard (Castagnoli polynomial, reflected).
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
    let with_byte = |crc, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, with_byte)
}

#[test]
fn the_index_of_a_shard_cannot_ask_for_more_than_the_shard_has() {
    for range in [[0, 1u64 << 60], [u64::MAX - 1, 2], [4, u64::MAX - 1]] {
        let directory = tempfile::tempdir().unwrap();
        let path = latents(directory.path());
        let shard = path.join("latents/c/0/0/0");
        let mut bytes = fs::read(&shard).unwrap();
        let n = bytes.len() - 4;
        let index = n - 16;
        assert_eq!(crc32c(&bytes[index..n]).to_le_bytes(), bytes[n..]);
        bytes[index..index + 8].copy_from_slice(&range[0].to_le_bytes());
        bytes[index + 8..n].copy_from_slice(&range[1].to_le_bytes());
        let sum = crc32c(&bytes[index..n]);
        bytes[n..].copy_from_slice(&sum.to_le_bytes());
        fs::write(&shard, bytes).unwrap();
        let reader = ActivationReader::open(&path).unwrap();
        let part = reader.read_rows_into(0, 1, &mut [0.0; 8]);
        assert!(matches!(part, Err(Error::DamagedShard { record: 0, .. })));
        assert!(matches!(
            reader.read(0),
            Err(Error::DamagedShard { record: 0, .. })
        ));
    }
}
