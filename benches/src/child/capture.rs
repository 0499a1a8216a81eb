//! What recording one site and writing it adds to a step.

use std::time::Instant;

use dropsonde_activations::{ActivationWriter, LatentsMeta, Record};
use dropsonde_capture::Recorder;
use dropsonde_forecaster::{NoTap, Precision, Site, Tap};
use tch::{Tensor, no_grad};

use super::{Report, Size};
use crate::case::Error;
use crate::timing::seconds_of;

const ROUNDS: usize = 3;

/// A tap with the time it takes.
struct Timed<T> {
    tap: T,
    seconds: f64,
}

impl<T: Tap> Tap for Timed<T> {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        let start = Instant::now();
        let latents = self.tap.visit(site, latents);
        self.seconds += start.elapsed().as_secs_f64();
        latents
    }
}

/// Steps without a tap (`step`), and for as many others the time inside the tap, of copying the latents out, and of
/// writing them (`capture`): a difference of two whole steps would be noise.
pub(super) fn overhead(size: Size) -> Result<Report, Error> {
    let case = size.case();
    let forecaster = case.forecaster(Precision::F32)?;
    let raw = case.raw()?;
    let site = Site::Processor(case.model.gnn_msg_steps / 2);
    let (nodes, width) = forecaster.latent_shape();
    let directory = tempfile::tempdir()?;
    let meta = LatentsMeta::new(site.to_string(), nodes, width);
    let path = directory.path().join("latents.zarr");
    let mut writer = ActivationWriter::create(&path, meta, ROUNDS)?;
    drop(no_grad(|| forecaster.predict(&raw, &mut NoTap))?);
    let mut report = Report::default();
    for round in 1..=ROUNDS {
        let (output, step) = seconds_of(|| no_grad(|| forecaster.predict(&raw, &mut NoTap)));
        drop(output?);
        let mut tap = Timed {
            tap: Recorder::new([site]),
            seconds: 0.0,
        };
        drop(no_grad(|| forecaster.predict(&raw, &mut tap))?);
        let latents = tap.tap.take(site).ok_or("the recorder saw no such site")?;
        let (written, seconds) = seconds_of(|| {
            let values = values(&latents);
            writer.append(&Record::new(0, 6 * round as i32), &values)
        });
        written?;
        let capture = tap.seconds + seconds;
        eprintln!(
            "capture {size}: round {round} of {ROUNDS}: step {step:.2} s, capture {capture:.4} s"
        );
        report.push("step", step);
        report.push("capture", capture);
    }
    // What is still to be written when the store is closed belongs to all records alike.
    let (finished, seconds) = seconds_of(|| writer.finish());
    finished?;
    if let Some(rounds) = report.seconds.get_mut("capture") {
        rounds
            .iter_mut()
            .for_each(|s| *s += seconds / ROUNDS as f64);
    }
    Ok(report)
}

/// What a capture run hands to its writer.
fn values(latents: &Tensor) -> Vec<f32> {
    let flat = latents.contiguous().view(-1);
    let mut values = vec![0.0; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}
