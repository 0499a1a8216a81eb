//! Forecast loss recovered: its ends are known.

use crate::common::{STEPS, WIDTH, forecaster, start, state};
use dropsonde_capture::{LossRecovered, Splice};
use dropsonde_fields::State;
use dropsonde_forecaster::Site;
use dropsonde_sae::{Sae, SaeConfig};
use tch::Tensor;

const SITE: Site = Site::Processor(STEPS - 1);

fn recovered(splice: Splice<'_>) -> LossRecovered {
    let forecaster = forecaster();
    let (previous, current) = start();
    let next = current.time.plus_hours(6);
    let raw = forecaster
        .raw_inputs(&previous, &current, &State::new(next))
        .unwrap();
    let truth = forecaster.raw_targets(&state(next)).unwrap();
    let mut recovered = LossRecovered::new(&forecaster);
    recovered
        .add(&forecaster, &raw, Some(&truth), (SITE, splice))
        .unwrap();
    recovered
}

#[test]
fn everything_is_recovered_by_the_latents_themselves_and_nothing_by_zero() {
    for one in recovered(Splice::Identity).channels() {
        assert_eq!(one.recovered, 1.0, "{}", one.channel);
        assert_eq!(one.rmse_base, one.rmse_spliced);
        assert!(one.rmse_base > 0.0);
    }
    for one in recovered(Splice::Zero).channels() {
        assert_eq!(one.recovered, 0.0, "{}", one.channel);
    }
}

#[test]
fn half_of_the_latents_recover_something_in_between() {
    let halve = |rows: &Tensor| Ok(rows * 0.9);
    let found = recovered(Splice::Rows(&halve));
    assert_eq!(found.n_steps(), 1);
    let channels = found.channels();
    assert!(
        channels
            .iter()
            .all(|one| (0.0..1.0).contains(&one.recovered)),
        "{channels:?}"
    );
    let mean = channels.iter().map(|one| one.recovered).sum::<f64>() / channels.len() as f64;
    assert!((found.mean() - mean).abs() < 1e-12);
    assert!(channels.iter().any(|one| one.recovered == found.median()));
}

#[test]
fn a_reconstruction_that_fails_is_an_error() {
    let sae = Sae::random(SaeConfig::new(WIDTH + 1, 8, 2), 1).unwrap();
    let encode = |rows: &Tensor| {
        let (codes, context) = sae.encode(rows)?;
        sae.decode(&codes, &context)
    };
    let forecaster = forecaster();
    let (previous, current) = start();
    let next = State::new(current.time.plus_hours(6));
    let raw = forecaster.raw_inputs(&previous, &current, &next).unwrap();
    let mut recovered = LossRecovered::new(&forecaster);
    let splice = Splice::Rows(&encode);
    assert!(
        recovered
            .add(&forecaster, &raw, None, (SITE, splice))
            .is_err()
    );
    assert_eq!(recovered.n_steps(), 0);
    let narrow = Splice::Reconstruction(&sae);
    assert!(
        recovered
            .add(&forecaster, &raw, None, (SITE, narrow))
            .is_err()
    );
}
