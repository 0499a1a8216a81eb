//! A capture run: what is written, and going on after an interruption.

use crate::common::{forecaster, grid, state};
use dropsonde_activations::{ActivationReader, ActivationWriter, Dtype, LatentsMeta};
use dropsonde_capture::{CapturePlan, capture};
use dropsonde_fields::{Source, Time, write_states};
use dropsonde_forecaster::Site;

#[test]
fn a_run_interrupted_anywhere_ends_with_the_same_latents() {
    let directory = tempfile::tempdir().unwrap();
    let first = Time::from_date(2020, 1, 1).unwrap();
    let states: Vec<_> = (0..5).map(|i| state(first.plus_hours(6 * i))).collect();
    let weather = directory.path().join("weather.zarr");
    write_states(&weather, &grid(), &states).unwrap();
    let source = Source::open(&weather).unwrap();
    let forecaster = forecaster();
    let plan = CapturePlan::every_time(Site::Processor(2), &source);
    assert_eq!(plan.init_times.len(), 4);
    let (n_nodes, width) = forecaster.latent_shape();
    let meta = || LatentsMeta {
        dtype: Dtype::F32,
        ..LatentsMeta::new("processor/02", n_nodes, width)
    };

    let whole = directory.path().join("whole.zarr");
    let mut writer = ActivationWriter::create(&whole, meta(), 4).unwrap();
    capture(&forecaster, &source, &plan, &mut writer, |_, _| {}).unwrap();
    writer.finish().unwrap();

    let broken = directory.path().join("broken.zarr");
    let mut writer = ActivationWriter::create(&broken, meta(), 4).unwrap();
    let half = CapturePlan {
        init_times: plan.init_times[..2].to_vec(),
        ..plan.clone()
    };
    capture(&forecaster, &source, &half, &mut writer, |_, _| {}).unwrap();
    drop(writer);
    let mut writer = ActivationWriter::resume(&broken, meta(), 4).unwrap();
    let mut calls = 0;
    capture(&forecaster, &source, &plan, &mut writer, |_, _| calls += 1).unwrap();
    writer.finish().unwrap();
    assert_eq!(calls, 2);

    let (whole, broken) = (
        ActivationReader::open(&whole).unwrap(),
        ActivationReader::open(&broken).unwrap(),
    );
    assert_eq!(whole.records(), broken.records());
    for index in 0..4 {
        assert_eq!(whole.read(index).unwrap(), broken.read(index).unwrap());
    }
}

#[test]
fn missing_times_are_all_named() {
    let directory = tempfile::tempdir().unwrap();
    let first = Time::from_date(2020, 1, 1).unwrap();
    let weather = directory.path().join("weather.zarr");
    write_states(&weather, &grid(), &[state(first)]).unwrap();
    let source = Source::open(&weather).unwrap();
    let plan = CapturePlan {
        site: Site::Encoder,
        init_times: vec![(first, None)],
    };
    let store = directory.path().join("latents.zarr");
    let mut writer =
        ActivationWriter::create(&store, LatentsMeta::new("encoder", 162, 16), 1).unwrap();
    let error = capture(&forecaster(), &source, &plan, &mut writer, |_, _| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("2019-12-31T18"), "{error}");
    assert!(!store.exists());
}
