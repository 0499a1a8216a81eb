//! Dumps of other tools: the same numbers in every form, a choice where bits have no meaning, errors that name the file.

use std::fs;
use std::path::{Path, PathBuf};

use dropsonde_activations::{
    ActivationReader, ActivationWriter, Dtype, Error, NpyDtype, NpyDump, Precision, Rng, Rows,
    Shuffle, ShuffleConfig,
};
use half::{bf16, f16};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn all(dump: &NpyDump, record: usize) -> Vec<f32> {
    let mut rows = vec![0.0; dump.n_rows(record) * dump.width()];
    dump.read_rows_into(record, 0, &mut rows).unwrap();
    rows
}

/// A `.npy` file of version 1.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn the_same_rows_in_every_form() {
    let single = NpyDump::open(data("layer0008_f32_2d.npy"), None).unwrap();
    let half = NpyDump::open(data("layer0008_f16_3d.npy"), None).unwrap();
    let brain = NpyDump::open(data("layer0008_bf16_V2.npy"), Some(NpyDtype::Bf16)).unwrap();
    let expected = all(&single, 0);
    assert_eq!(expected[..3], [5.38938, -1.947_075_6, 7.271_375_7]);
    for (dump, precision, tolerance) in [
        (&single, Precision::F32, 0.0),
        (&half, Precision::F16, 1.0 / 2048.0),
        (&brain, Precision::Bf16, 1.0 / 256.0),
    ] {
        assert_eq!(
            (dump.n_records(), dump.n_rows(0), dump.width()),
            (1, 128, 32)
        );
        assert_eq!(dump.precision(), precision);
        let rows = all(dump, 0);
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * b.abs();
        assert!(rows.iter().zip(&expected).all(close), "{precision:?}");
        let mut part = vec![0.0; 3 * 32];
        dump.read_rows_into(0, 125, &mut part).unwrap();
        assert_eq!(part, rows[125 * 32..]);
    }
    assert_eq!(
        all(&brain, 0)[..4],
        [5.375, -1.945_312_5, 7.281_25, -2.421_875]
    );
}

#[test]
fn bits_without_a_type_are_read_as_chosen() {
    let path = data("layer0008_bf16_V2.npy");
    let viewed = NpyDump::open(&path, Some(NpyDtype::F16View)).unwrap();
    let expected = [2.336, -1.993, 2.455, -2.053].map(|v| f16::from_f32(v).to_f32());
    assert_eq!(all(&viewed, 0)[..4], expected);
    let said = NpyDump::open(&path, None).unwrap_err().to_string();
    for part in [
        "layer0008_bf16_V2.npy",
        "V2` does not say",
        "`bf16` or `f16-view`",
        "`bf16` is most likely right",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn float16_that_looks_like_bfloat16_needs_the_choice_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("view.npy");
    let mut rng = Rng::new(2);
    let values: Vec<f32> = (0..400).map(|_| 20.0 * rng.normal()).collect();
    let viewed = |bits: &dyn Fn(f32) -> u16| -> Vec<u8> {
        let bits = values.iter().map(|&v| bits(v));
        bits.flat_map(u16::to_le_bytes).collect()
    };
    let brain = viewed(&|v| bf16::from_f32(v).to_bits());
    fs::write(&path, npy("<f2", false, "(50, 8)", &brain)).unwrap();
    let said = NpyDump::open(&path, None).unwrap_err().to_string();
    assert!(said.contains("`bf16` is most likely right"), "{said}");
    assert!(NpyDump::open(&path, Some(NpyDtype::F16View)).is_ok());
    let half = viewed(&|v| f16::from_f32(v).to_bits());
    fs::write(&path, npy("|V2", false, "(50, 8)", &half)).unwrap();
    let said = NpyDump::open(&path, None).unwrap_err().to_string();
    assert!(said.contains("`f16-view` is most likely right"), "{said}");
    fs::write(&path, npy("<f2", false, "(50, 8)", &half)).unwrap();
    assert!(NpyDump::open(&path, None).is_ok());
    fs::write(&path, npy("<u2", false, "(50, 8)", &brain)).unwrap();
    let dump = NpyDump::open(&path, Some(NpyDtype::Bf16)).unwrap();
    assert_eq!(all(&dump, 0)[7], bf16::from_f32(values[7]).to_f32());
}

#[test]
fn what_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let six = f32_bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let said = |bytes: &[u8], dtype| {
        fs::write(&path, bytes).unwrap();
        let said = NpyDump::open(&path, dtype).unwrap_err().to_string();
        assert!(said.contains("x.npy"), "{said}");
        said
    };
    let huge = "(4611686018427387904, 8)";
    for (bytes, part) in [
        (npy("<f4", true, "(3, 2)", &six), "Fortran"),
        (npy(">f4", false, "(3, 2)", &six), "big-endian"),
        (npy("<i4", false, "(3, 2)", &six), "dtype `<i4`"),
        (npy("é", false, "(3, 2)", &six), "dtype `é`"),
        (npy("<f4", false, "(3, 2)", &six[..20]), "cut off"),
        (npy("<f4", false, "(2, 2)", &six), "something appended"),
        (npy("<f4", false, "(6,)", &six), "[rows, channels]"),
        (npy("<f4", false, "(1, 3, 2)", &six), "[nodes, 1, channels]"),
        (npy("<f4", false, "(0, 2)", &[]), "[rows, channels]"),
        (npy("<f4", false, huge, &six), "more than 2^64"),
        (npy("|V2", false, huge, &six), "does not say"),
        (b"\x93NUMPY\x01\x00v".to_vec(), "cut off"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "more than 65536",
        ),
        (b"PK\x03\x04xxxxxx".to_vec(), "not a `.npy` file"),
        (Vec::new(), "cut off"),
    ] {
        let said = said(&bytes, None);
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = said(&npy("<f4", false, "(3, 2)", &six), Some(NpyDtype::Bf16));
    assert!(said.contains("leave the choice"), "{said}");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let said = NpyDump::open(&empty, None).unwrap_err().to_string();
    assert!(said.contains("no `.npy` file"), "{said}");
}

#[test]
fn values_that_are_not_finite_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let eight: Vec<u8> = [1.0f64, 0.1, 3.0, 4.0, 1e300, 6.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let nan = f32_bytes(&[1.0, 0.1, 3.0, 4.0, f32::NAN, 6.0]);
    let large = 1e300.to_string();
    for (descr, bytes, value) in [("<f8", eight, large.as_str()), ("<f4", nan, "NaN")] {
        fs::write(&path, npy(descr, false, "(3, 1, 2)", &bytes)).unwrap();
        let dump = NpyDump::open(&path, None).unwrap();
        let mut row = [0.0; 2];
        dump.read_rows_into(0, 0, &mut row).unwrap();
        assert_eq!(row, [1.0, 0.1]);
        let said = dump.read_rows_into(0, 1, &mut [0.0; 4]).unwrap_err();
        assert!(matches!(
            said,
            Error::NotFinite {
                row: 2,
                channel: 0,
                ..
            }
        ));
        let said = said.to_string();
        let expected = format!("value {value} in row 2, channel 0");
        assert!(said.contains(&expected), "{said}");
    }
}

/// Three files under published names, 5 nodes and 4 channels, in bfloat16.
fn dump(directory: &Path) -> Vec<Vec<f32>> {
    let mut rng = Rng::new(9);
    ["2021-09-28T12", "2021-09-28T06", "2021-09-29T00-00"]
        .map(|time| {
            let values: Vec<f32> = (0..20)
                .map(|_| bf16::from_f32(10.0 * rng.normal()).to_f32())
                .collect();
            let name = format!("layer0008_mesh_gnn_post_res_nodes_mesh_nodes_t{time}.npy");
            let bits = values.iter().map(|&v| bf16::from_f32(v));
            let bytes: Vec<u8> = bits.flat_map(bf16::to_le_bytes).collect();
            let file = npy("|V2", false, "(5, 1, 4)", &bytes);
            fs::write(directory.join(name), file).unwrap();
            values
        })
        .to_vec()
}

#[test]
fn a_directory_becomes_a_store_and_goes_on_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("layer08");
    fs::create_dir(&files).unwrap();
    let values = dump(&files);
    fs::write(files.join("README.txt"), "not an array").unwrap();
    let dump = NpyDump::open(&files, Some(NpyDtype::Bf16)).unwrap();
    let meta = dump.meta().unwrap();
    assert_eq!(
        (meta.site.as_str(), meta.node_set.as_str()),
        ("processor/08", "mesh_nodes")
    );
    assert_eq!((meta.n_nodes, meta.width, meta.dtype), (5, 4, Dtype::F32));
    let records = dump.records().unwrap();
    // The step that produces 06 UTC starts at 00 UTC: `date -u -d 2021-09-28 +%s` gives 1632787200.
    let starts: Vec<i64> = records
        .iter()
        .map(|r| r.init_time - 1_632_787_200)
        .collect();
    assert_eq!(starts, [0, 6 * 3600, 18 * 3600]);

    let path = dir.path().join("latents.zarr");
    let mut writer = ActivationWriter::create(&path, meta.clone(), 3).unwrap();
    writer.append(&records[0], &values[1]).unwrap();
    drop(writer);
    let mut calls = Vec::new();
    dump.convert(&path, meta.clone(), &records, |done, total| {
        calls.push((done, total));
    })
    .unwrap();
    assert_eq!(calls, [(1, 3), (2, 3), (3, 3)]);
    let store = ActivationReader::open(&path).unwrap();
    assert_eq!(store.meta(), &meta);
    assert_eq!(store.records(), records);
    for (record, file) in [(0, 1), (1, 0), (2, 2)] {
        assert_eq!(store.read(record).unwrap(), values[file]);
        assert_eq!(all(&dump, record), values[file]);
    }
    assert!(
        dump.convert(&path, meta.clone(), &records[..2], |_, _| {})
            .is_err()
    );
    let again = dump.convert(&path, meta, &records, |_, _| {});
    assert!(matches!(again, Err(Error::Exists { .. })));
}

#[test]
fn files_that_do_not_belong_together_are_named() {
    let dir = tempfile::tempdir().unwrap();
    dump(dir.path());
    let name = |layer: u8, day: u8| {
        let name = format!("layer{layer:04}_mesh_gnn_post_res_nodes_mesh_nodes");
        dir.path().join(format!("{name}_t2021-10-{day:02}T06.npy"))
    };
    let odd = |path: &Path, bytes: Vec<u8>| {
        fs::write(path, bytes).unwrap();
        let said = NpyDump::open(dir.path(), Some(NpyDtype::Bf16));
        fs::remove_file(path).unwrap();
        said.map(|dump| (dump.meta().err(), dump.records().err()))
    };
    let text = |result: dropsonde_activations::Result<_>| match result {
        Err(error) => error.to_string(),
        Ok((Some(error), _) | (None, Some(error))) => Error::to_string(&error),
        Ok((None, None)) => String::new(),
    };
    let bytes = |shape: &str, n: usize| npy("|V2", false, shape, &vec![0x3f; n]);
    for (path, file, part) in [
        (name(8, 1), bytes("(5, 3)", 30), "3 channels, not the 4"),
        (name(9, 1), bytes("(5, 4)", 40), "processor/09"),
        (name(8, 1), bytes("(6, 4)", 48), "6 rows, and 5"),
        (name(8, 1), bytes("(5, 4)", 40), ""),
    ] {
        let said = text(odd(&path, file));
        assert!(said.contains(part), "{part}: {said}");
        assert_eq!(said.is_empty(), part.is_empty(), "{said}");
    }
    let single = NpyDump::open(data("layer0008_f32_2d.npy"), None).unwrap();
    let said = single.records().unwrap_err().to_string();
    assert!(said.contains("no time in its name"), "{said}");
}

#[test]
fn a_dump_is_shuffled_like_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let values = dump(dir.path());
    let dump = NpyDump::open(dir.path(), Some(NpyDtype::Bf16)).unwrap();
    let config = ShuffleConfig {
        batch_rows: 8,
        ..ShuffleConfig::default()
    };
    let mut shuffle = Shuffle::new(&dump, &[0, 1, 2], config).unwrap();
    let mut found = Vec::new();
    while let Some(batch) = shuffle.next_batch().unwrap() {
        found.extend(batch.chunks(4).map(<[f32]>::to_vec));
    }
    let mut expected: Vec<Vec<f32>> = values.concat().chunks(4).map(<[f32]>::to_vec).collect();
    let order = |a: &Vec<f32>, b: &Vec<f32>| a.partial_cmp(b).unwrap();
    found.sort_by(order);
    expected.sort_by(order);
    assert_eq!(found, expected);
}
