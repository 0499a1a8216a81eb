//! A stream gives what a store would, and goes on where it was.

use std::path::Path;

use crate::common::{forecaster, grid, state};
use dropsonde_activations::{ActivationReader, ActivationWriter, Dtype, LatentsMeta};
use dropsonde_capture::{CapturePlan, LatentStream, StreamConfig, capture};
use dropsonde_fields::{Source, Time, write_states};
use dropsonde_forecaster::{Forecaster, Site};

const SITE: Site = Site::Processor(2);

/// Five steps' worth of states.
fn source(directory: &Path) -> Source {
    let first = Time::from_date(2020, 1, 1).unwrap();
    let states: Vec<_> = (0..6).map(|i| state(first.plus_hours(6 * i))).collect();
    let path = directory.join("weather.zarr");
    write_states(&path, &grid(), &states).unwrap();
    Source::open(&path).unwrap()
}

/// Room for two steps.
fn config(forecaster: &Forecaster) -> StreamConfig {
    let (nodes, width) = forecaster.latent_shape();
    StreamConfig {
        seed: 3,
        batch_rows: 100,
        buffer_bytes: 2 * nodes * width * 4 + 7,
    }
}

/// The batches of an epoch.
fn epoch(stream: &mut LatentStream<'_>) -> Vec<Vec<f32>> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.next_batch().unwrap() {
        batches.push(batch.to_vec());
    }
    batches
}

/// Rows in an order of their own, for comparison.
fn sorted(values: &[f32], width: usize) -> Vec<Vec<u32>> {
    let rows = values.chunks(width);
    let mut rows: Vec<Vec<u32>> = rows
        .map(|row| row.iter().map(|x| x.to_bits()).collect())
        .collect();
    rows.sort();
    rows
}

#[test]
fn every_row_of_a_store_comes_once_an_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let (source, forecaster) = (source(directory.path()), forecaster());
    let plan = CapturePlan::every_time(SITE, &source);
    let (nodes, width) = forecaster.latent_shape();
    let meta = LatentsMeta {
        dtype: Dtype::F32,
        ..LatentsMeta::new(SITE.to_string(), nodes, width)
    };
    let path = directory.path().join("latents.zarr");
    let mut writer = ActivationWriter::create(&path, meta, 5).unwrap();
    capture(&forecaster, &source, &plan, &mut writer, |_, _| {}).unwrap();
    writer.finish().unwrap();
    let reader = ActivationReader::open(&path).unwrap();
    let stored: Vec<f32> = (0..5).flat_map(|i| reader.read(i).unwrap()).collect();

    let mut stream = LatentStream::new(&forecaster, &source, &plan, config(&forecaster)).unwrap();
    assert_eq!((stream.n_rows(), stream.width()), (5 * nodes, width));
    let first = epoch(&mut stream);
    assert_eq!(first.len(), stream.n_batches());
    assert!(first.iter().all(|batch| batch.len() <= 100 * width));
    assert_eq!(sorted(&first.concat(), width), sorted(&stored, width));
    let second = epoch(&mut stream);
    assert_ne!(first, second);
    assert_eq!(sorted(&second.concat(), width), sorted(&stored, width));
}

#[test]
fn a_stream_goes_on_at_any_batch() {
    let directory = tempfile::tempdir().unwrap();
    let (source, forecaster) = (source(directory.path()), forecaster());
    let plan = CapturePlan::every_time(SITE, &source);
    let new = || LatentStream::new(&forecaster, &source, &plan, config(&forecaster)).unwrap();
    let mut whole = new();
    let mut positions = Vec::new();
    let mut batches = Vec::new();
    for _ in 0..whole.n_batches() + 3 {
        positions.push(whole.position());
        batches.push(whole.next_batch().unwrap().map(<[f32]>::to_vec));
    }
    for at in [
        1,
        whole.n_batches() - 1,
        whole.n_batches(),
        whole.n_batches() + 2,
    ] {
        let mut stream = new();
        stream.seek(positions[at]).unwrap();
        assert_eq!(
            stream.next_batch().unwrap().map(<[f32]>::to_vec),
            batches[at],
            "{at}"
        );
    }
    let mut far = positions[0];
    far.batch = 10_000;
    assert!(new().seek(far).is_err());
}

#[test]
fn a_buffer_must_hold_a_step() {
    let directory = tempfile::tempdir().unwrap();
    let (source, forecaster) = (source(directory.path()), forecaster());
    let plan = CapturePlan::every_time(SITE, &source);
    let small = StreamConfig {
        buffer_bytes: 1000,
        ..config(&forecaster)
    };
    let error = LatentStream::new(&forecaster, &source, &plan, small).unwrap_err();
    assert!(
        error.to_string().contains("the latents of a step"),
        "{error}"
    );
    let none = CapturePlan {
        init_times: Vec::new(),
        ..plan
    };
    assert!(LatentStream::new(&forecaster, &source, &none, config(&forecaster)).is_err());
}
