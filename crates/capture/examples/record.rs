//! Runs a random forecaster once and records its latents.
//!
//! Prints the shape and the root mean square of the latents at every site.

use dropsonde_capture::Recorder;
use dropsonde_forecaster::{NoTap, Tap};
use tch::Kind;

#[path = "../tests/it/common/mod.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "helpers of the tests")]
mod common;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let forecaster = common::forecaster();
    let (previous, current) = common::start();
    let forcings = dropsonde_fields::State::new(current.time.plus_hours(6));
    let features = forecaster.features(&forecaster.raw_inputs(&previous, &current, &forcings)?);
    let sites = forecaster.sites();
    let mut recorder = Recorder::new(sites.clone());
    let recorded = tch::no_grad(|| forecaster.forward(&features, &mut recorder))?;
    let plain = tch::no_grad(|| forecaster.forward(&features, &mut NoTap as &mut dyn Tap))?;
    for site in sites {
        let latents = recorder
            .take(site)
            .ok_or("the forward pass visits every site")?;
        let rms = latents.square().mean(Kind::Double).sqrt().double_value(&[]);
        println!("{site:<14} {:?} rms {rms:.3}", latents.size());
    }
    println!(
        "forecast unchanged by recording: {}",
        plain.equal(&recorded)
    );
    assert!(plain.equal(&recorded));
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
