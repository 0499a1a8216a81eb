use dropsonde_activations::{ActivationWriter, Record};
use dropsonde_fields::{Source, State, Time};
use dropsonde_forecaster::{Forcing, Forecaster, Site};
use tch::{Kind, Tensor};

use crate::{Error, Recorder, Result};

/// What a capture run visits.
#[derive(Debug, Clone)]
pub struct CapturePlan {
    /// Where the latents are taken.
    pub site: Site,
    /// Times of the newer input frame, each with the name of its split; the state 6 h before must exist too.
    pub init_times: Vec<(Time, Option<String>)>,
}

impl CapturePlan {
    /// Every time of a source whose state 6 h before is there too.
    pub fn every_time(site: Site, source: &Source) -> Self {
        let times = source.times();
        let pairs = times
            .iter()
            .filter(|t| times.binary_search(&t.plus_hours(-6)).is_ok());
        Self {
            site,
            init_times: pairs.map(|&t| (t, None)).collect(),
        }
    }

    /// The records that the run will write, in order. Lead 0: the latents of the step that starts at the time.
    pub fn records(&self) -> Vec<Record> {
        let record = |(time, split): &(Time, Option<String>)| Record {
            init_time: time.unix_seconds(),
            lead_hours: 0,
            split: split.clone(),
        };
        self.init_times.iter().map(record).collect()
    }

    fn check(&self, source: &Source) -> Result<()> {
        let times = source.times();
        let missing = |t: &Time| times.binary_search(t).is_err();
        let needed = self
            .init_times
            .iter()
            .flat_map(|(t, _)| [t.plus_hours(-6), *t]);
        let missing: Vec<String> = needed.filter(missing).map(|t| t.to_string()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Times {
            source_path: source.path().to_owned(),
            times: missing.join(", "),
        })
    }
}

/// Runs one step from every initial time of the plan and appends the latents to the writer; records that the writer
/// already holds are skipped. `progress(done, total)` is called after each.
///
/// # Errors
/// If a time is missing, a state cannot be read, or the store cannot be written.
pub fn capture(
    forecaster: &Forecaster,
    source: &Source,
    plan: &CapturePlan,
    writer: &mut ActivationWriter,
    mut progress: impl FnMut(usize, usize),
) -> Result<()> {
    plan.check(source)?;
    let records = plan.records();
    let mut newest: Option<State> = None;
    for (index, (record, (time, _))) in records.iter().zip(&plan.init_times).enumerate() {
        if writer.contains(record) {
            continue;
        }
        let before = time.plus_hours(-6);
        let previous = match newest.take() {
            Some(state) if state.time == before => state,
            _ => source.state(before)?,
        };
        let current = source.state(*time)?;
        let latents = latents_at(forecaster, source, &previous, &current, plan.site)?;
        writer.append(record, &latents)?;
        newest = Some(current);
        progress(index + 1, records.len());
    }
    Ok(())
}

/// Latents `[M, D]` (row-major) at a site in the step that starts from these states.
fn latents_at(
    forecaster: &Forecaster,
    source: &Source,
    previous: &State,
    current: &State,
    site: Site,
) -> Result<Vec<f32>> {
    let forcings =
        Forcing::Prescribed(source).at(forecaster, current.time.plus_hours(6), current)?;
    let raw = forecaster.raw_inputs(previous, current, &forcings)?;
    let mut recorder = Recorder::new([site]);
    let _output = tch::no_grad(|| forecaster.forward(&forecaster.features(&raw), &mut recorder))?;
    let latents = recorder.take(site).ok_or_else(|| Error::Mismatch {
        what: "site",
        expected: "one of this forecaster's".into(),
        found: site.to_string(),
        hint: "steps count from 0",
    })?;
    Ok(values(&latents))
}

fn values(latents: &Tensor) -> Vec<f32> {
    let flat = latents
        .to_device(tch::Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
        .view(-1);
    let mut values = vec![0.0; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}
