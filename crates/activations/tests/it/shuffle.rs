//! Every row once per epoch, the same order from the same seed, within memory, from any position.

use std::collections::HashSet;
use std::path::Path;

use dropsonde_activations::{
    ActivationReader, ActivationWriter, Dtype, LatentsMeta, Record, Shuffle, ShuffleConfig,
    ShufflePosition,
};
use proptest::prelude::*;

const NODES: usize = 2562;
const RECORDS: usize = 5;

/// Row `node` of record `r` holds (its number in the store, a constant).
fn store(path: &Path) -> ActivationReader {
    let meta = LatentsMeta {
        dtype: Dtype::F32,
        ..LatentsMeta::new("processor/08", NODES, 2)
    };
    let mut writer = ActivationWriter::create(path, meta, RECORDS).unwrap();
    for r in 0..RECORDS {
        let rows: Vec<f32> = (0..NODES)
            .flat_map(|node| [(r * NODES + node) as f32, 1.0])
            .collect();
        writer.append(&Record::new(0, r as i32), &rows).unwrap();
    }
    ActivationReader::open(writer.finish().unwrap()).unwrap()
}

fn config(seed: u64, memory_rows: usize) -> ShuffleConfig {
    ShuffleConfig {
        seed,
        batch_rows: 1000,
        memory_bytes: memory_rows * 8,
        scratch: None,
    }
}

/// The numbers of the rows of one epoch, batch by batch.
fn epoch(shuffle: &mut Shuffle) -> Vec<Vec<u32>> {
    let mut out = Vec::new();
    while let Some(batch) = shuffle.next_batch().unwrap() {
        out.push(batch.chunks(2).map(|row| row[0] as u32).collect());
    }
    out
}

#[test]
fn every_row_once_within_any_budget() {
    let dir = tempfile::tempdir().unwrap();
    let reader = store(&dir.path().join("l.zarr"));
    for memory_rows in [900, 3000, 1_000_000] {
        let mut shuffle = Shuffle::new(&reader, &[4, 0, 2], config(1, memory_rows)).unwrap();
        let batches = epoch(&mut shuffle);
        assert_eq!(batches.len(), shuffle.n_batches());
        assert!(
            batches.iter().all(|b| (960..=961).contains(&b.len())),
            "equal batches, no short one at the end"
        );
        let rows: HashSet<u32> = batches.iter().flatten().copied().collect();
        let expected: HashSet<u32> = [0, 2, 4]
            .iter()
            .flat_map(|r| r * 2562..(r + 1) * 2562)
            .collect();
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), expected.len());
        assert_eq!(rows, expected);
    }
}

#[test]
fn with_memory_for_all_a_batch_mixes_all_records() {
    let dir = tempfile::tempdir().unwrap();
    let reader = store(&dir.path().join("l.zarr"));
    let all: Vec<usize> = (0..RECORDS).collect();
    let mut shuffle = Shuffle::new(&reader, &all, config(1, 1 << 20)).unwrap();
    let batch = &epoch(&mut shuffle)[0];
    for r in 0..RECORDS as u32 {
        let share = batch.iter().filter(|row| **row / NODES as u32 == r).count() as f64
            / batch.len() as f64;
        assert!((share - 0.2).abs() < 0.06, "record {r}: {share}");
    }
}

#[test]
fn seeds_and_epochs_differ_and_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let reader = store(&dir.path().join("l.zarr"));
    let run = |seed| {
        let mut shuffle = Shuffle::new(&reader, &[0, 1], config(seed, 3000)).unwrap();
        (epoch(&mut shuffle), epoch(&mut shuffle))
    };
    let (first, second) = run(1);
    assert_ne!(first, second);
    assert_eq!(run(1), (first.clone(), second));
    assert_ne!(run(2).0, first);
}

#[test]
fn impossible_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let reader = store(&dir.path().join("l.zarr"));
    let said = |records: &[usize], config| {
        Shuffle::new(&reader, records, config)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(said(&[0], config(1, 1)).contains("`memory_bytes`"));
    assert!(
        said(
            &[0],
            ShuffleConfig {
                batch_rows: 0,
                ..config(1, 3000)
            }
        )
        .contains("`batch_rows`")
    );
    assert!(said(&[], config(1, 3000)).contains("`records`"));
    assert!(said(&[1, 1], config(1, 3000)).contains("`records`"));
    assert!(said(&[5], config(1, 3000)).contains("record 5 does not exist"));
    let mut shuffle = Shuffle::new(&reader, &[0], config(1, 3000)).unwrap();
    assert!(
        shuffle
            .seek(ShufflePosition {
                epoch: 0,
                batch: 99
            })
            .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_stored_position_goes_on_as_if_uninterrupted(seed in 0u64..50, stop in 0usize..16, memory in 900usize..14_000) {
        let dir = tempfile::tempdir().unwrap();
        let reader = store(&dir.path().join("l.zarr"));
        let mut whole = Shuffle::new(&reader, &[3, 1], config(seed, memory)).unwrap();
        for _ in 0..stop {
            whole.next_batch().unwrap();
        }
        let position = whole.position();
        let own = ShuffleConfig { scratch: Some(dir.path().join("own")), ..config(seed, memory) };
        let mut again = Shuffle::new(&reader, &[3, 1], own).unwrap();
        again.seek(position).unwrap();
        prop_assert_eq!(epoch(&mut whole), epoch(&mut again));
        prop_assert_eq!(epoch(&mut whole), epoch(&mut again));
    }
}
