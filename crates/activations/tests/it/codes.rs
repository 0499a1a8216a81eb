//! Stores of codes: what goes in comes out, in canonical order, in little space.

use std::fs;
use std::path::Path;

use dropsonde_activations::{
    ActivationWriter, CodeMeta, CodeRecord, CodeStore, CodeWriter, Dtype, Error, LatentsMeta,
    Record, Rng,
};

fn codes(n_latents: usize) -> CodeRecord {
    let mut rng = Rng::new(3);
    CodeRecord {
        indices: (0..24)
            .map(|_| rng.below(n_latents as u64) as u32)
            .collect(),
        values: (0..24).map(|_| rng.uniform() as f32).collect(),
        mean: (0..12).map(|_| rng.normal()).collect(),
        norm: (0..12).map(|_| 22.0 + rng.normal()).collect(),
    }
}

/// The slots of each row by descending value.
fn by_value(mut codes: CodeRecord, k: usize) -> CodeRecord {
    for (indices, values) in codes.indices.chunks_mut(k).zip(codes.values.chunks_mut(k)) {
        let mut slots: Vec<(u32, f32)> = indices
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect();
        slots.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        for (i, slot) in slots.into_iter().enumerate() {
            (indices[i], values[i]) = slot;
        }
    }
    codes
}

fn write(path: &Path, meta: CodeMeta, codes: &CodeRecord) -> CodeStore {
    let mut writer = CodeWriter::create(path, meta, 1).unwrap();
    writer.append(&Record::new(0, 6), codes).unwrap();
    CodeStore::open(writer.finish().unwrap()).unwrap()
}

#[test]
fn codes_round_trip_with_narrow_and_wide_indices() {
    let dir = tempfile::tempdir().unwrap();
    for (n_latents, dtype) in [
        (300, Dtype::F32),
        (65_536, Dtype::F16),
        (100_000, Dtype::F32),
    ] {
        let path = dir.path().join(n_latents.to_string());
        let meta = CodeMeta {
            dtype,
            ..CodeMeta::new("processor/08", 12, n_latents, 2)
        };
        let store = write(&path, meta, &codes(n_latents));
        let (found, expected) = (store.read(0).unwrap(), by_value(codes(n_latents), 2));
        assert_eq!(
            (&found.indices, &found.mean, &found.norm),
            (&expected.indices, &expected.mean, &expected.norm)
        );
        let tolerance = if dtype == Dtype::F32 { 0.0 } else { 1e-3 };
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance;
        assert!(found.values.iter().zip(&expected.values).all(close));
        let array = fs::read_to_string(path.join("indices/zarr.json")).unwrap();
        assert_eq!(array.contains("uint16"), n_latents <= 65_536);
        assert!(matches!(
            store.read(1),
            Err(Error::OutOfRange { index: 1, len: 1 })
        ));
    }
}

#[test]
fn a_code_outside_the_dictionary_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let meta = CodeMeta::new("processor/08", 12, 300, 2);
    let mut writer = CodeWriter::create(dir.path().join("c.zarr"), meta, 1).unwrap();
    let mut bad = codes(300);
    bad.indices[5] = 300;
    assert!(matches!(
        writer.append(&Record::new(0, 6), &bad),
        Err(Error::CodeIndex {
            index: 300,
            element: 5,
            ..
        })
    ));
    bad.indices.pop();
    assert!(matches!(
        writer.append(&Record::new(0, 6), &bad),
        Err(Error::Length {
            what: "indices",
            ..
        })
    ));
}

fn slots(indices: &[u32], values: &[f32]) -> CodeRecord {
    CodeRecord {
        indices: indices.to_vec(),
        values: values.to_vec(),
        mean: vec![0.0],
        norm: vec![1.0],
    }
}

#[test]
fn order_and_unused_slots_are_canonical() {
    let dir = tempfile::tempdir().unwrap();
    let meta = || CodeMeta::new("processor/08", 1, 300, 6);
    // Two ties after rounding to f16, a latent 0 in use, a value that f16 rounds to nothing, an unused slot.
    let given = slots(&[9, 0, 7, 250, 40, 3], &[0.5, 2.0, 0.5001, 1e-9, -1.0, 0.0]);
    let found = write(&dir.path().join("c"), meta(), &given)
        .read(0)
        .unwrap();
    assert_eq!(found.indices, [0, 7, 9, 0, 0, 40]);
    assert_eq!(found.values, [2.0, 0.5, 0.5, 0.0, 0.0, -1.0]);
    // Subnormal numbers of f16 are kept to their precision.
    let small = slots(&[1, 2, 3, 4, 5, 6], &[1e-5, 2e-5, 0.1, 0.2, 0.3, 0.4]);
    let found = write(&dir.path().join("s"), meta(), &small)
        .read(0)
        .unwrap();
    assert!((found.values[5] - 1e-5).abs() < 3e-8 && found.indices[5] == 1);
}

#[test]
fn what_f16_cannot_hold_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let meta = CodeMeta::new("processor/08", 1, 300, 2);
    let mut writer = CodeWriter::create(dir.path().join("c"), meta, 1).unwrap();
    for bad in [7e4, f32::NAN, f32::NEG_INFINITY] {
        let said = writer.append(&Record::new(0, 6), &slots(&[1, 2], &[0.5, bad]));
        let said = said.unwrap_err().to_string();
        for part in ["element 1", "`values`", "store it as f32"] {
            assert!(said.contains(part), "{said}");
        }
    }
}

fn bytes_below(path: &Path) -> u64 {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            m if m.is_dir() => bytes_below(&entry.path()),
            m => m.len(),
        })
        .sum()
}

/// Rows that are sums of `k` of 4096 random directions, with power-law frequencies.
///
/// From one node to the next each active latent is replaced with the probability `turnover`.
fn world(n: usize, k: usize, turnover: f64) -> (Vec<f32>, CodeRecord) {
    let (d, m) = (512, 4096);
    let mut rng = Rng::new(11);
    let directions: Vec<f32> = (0..m * d)
        .map(|_| rng.normal() / (d as f32).sqrt())
        .collect();
    let latent = |rng: &mut Rng| ((m as f64).powf(rng.uniform()) - 1.0) as u32;
    let (mut latents, mut codes) = (Vec::new(), CodeRecord::default());
    let mut active: Vec<u32> = Vec::new();
    for _ in 0..n {
        active.retain(|_| rng.uniform() >= turnover);
        while active.len() < k {
            let new = latent(&mut rng);
            if !active.contains(&new) {
                active.push(new);
            }
        }
        let mut row = vec![0.0f32; d];
        for &index in &active {
            let value = (0.5 * rng.normal() - 2.0).exp();
            codes.indices.push(index);
            codes.values.push(value);
            let direction = &directions[index as usize * d..][..d];
            row.iter_mut()
                .zip(direction)
                .for_each(|(x, w)| *x += 22.0 * value * w);
        }
        latents.extend(row.into_iter().map(|x| x + 0.3 * rng.normal()));
        codes.mean.push(0.1 * rng.normal());
        codes.norm.push(22.0 + rng.normal());
    }
    (latents, codes)
}

#[test]
fn codes_take_a_seventh_of_the_latents_at_most() {
    let (n, k) = (2562, 32);
    // Neighbours that have nothing in common are the worst case; the mesh is not like that.
    for turnover in [1.0, 0.2] {
        let (latents, codes) = world(n, k, turnover);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.zarr");
        let meta = LatentsMeta::new("processor/08", n, 512);
        let mut writer = ActivationWriter::create(&path, meta, 1).unwrap();
        writer.append(&Record::new(0, 6), &latents).unwrap();
        let dense = bytes_below(&writer.finish().unwrap().join("latents"));
        let path = dir.path().join("c.zarr");
        let store = write(&path, CodeMeta::new("processor/08", n, 4096, k), &codes);
        assert_eq!(store.read(0).unwrap().indices.len(), n * k);
        let of = |name: &str| bytes_below(&path.join(name));
        let arrays = ["indices", "values", "mean", "norm"].map(of);
        let sparse: u64 = arrays.iter().sum();
        let ratio = dense as f64 / sparse as f64;
        println!("latents {dense}, codes {sparse} {arrays:?}: {ratio:.2}");
        assert!(ratio > 7.0, "{ratio}");
        assert!((n * 1024) as f64 / sparse as f64 > 7.5);
        // Compression never adds to 4 bytes a slot and 8 a row.
        assert!(sparse < (n * (4 * k + 8)) as u64);
    }
}
