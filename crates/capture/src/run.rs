use std::sync::mpsc::{Receiver, sync_channel};

use dropsonde_activations::{ActivationWriter, Record};
use dropsonde_fields::{Source, State, Time, Variable};
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

    pub(crate) fn check(&self, source: &Source) -> Result<()> {
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
/// The next state is read while the step of this one is computed.
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
    let starts = records.iter().zip(&plan.init_times).enumerate();
    let open: Vec<(usize, &Record, Time)> = starts
        .filter(|(_, (record, _))| !writer.contains(record))
        .map(|(index, (record, (time, _)))| (index, record, *time))
        .collect();
    let times = states_needed(open.iter().map(|(_, _, time)| *time));
    let variables = variables(forecaster, source);
    std::thread::scope(|scope| {
        let (sender, states) = sync_channel(1);
        scope.spawn(move || {
            for time in times {
                // A receiver that is gone wants no more.
                if sender.send(source.state_of(time, &variables)).is_err() {
                    return;
                }
            }
        });
        let mut newest: Option<State> = None;
        for (index, record, time) in open {
            let before = time.plus_hours(-6);
            let previous = match newest.take() {
                Some(state) if state.time == before => state,
                _ => received(&states, before)?,
            };
            let current = received(&states, time)?;
            let latents = latents_at(forecaster, source, &previous, &current, plan.site)?;
            writer.append(record, &latents)?;
            newest = Some(current);
            progress(index + 1, records.len());
        }
        Ok(())
    })
}

/// Latents `[M, D]` (row-major) at a site in the step that starts from a time of the source.
///
/// # Errors
/// If the state of the time or of 6 h before is missing or cannot be read, or there is no such site.
pub fn latents_from(
    forecaster: &Forecaster,
    source: &Source,
    time: Time,
    site: Site,
) -> Result<Vec<f32>> {
    let variables = variables(forecaster, source);
    let previous = source.state_of(time.plus_hours(-6), &variables)?;
    let current = source.state_of(time, &variables)?;
    latents_at(forecaster, source, &previous, &current, site)
}

/// The states that steps from some times read, each once as long as it is still at hand.
fn states_needed(times: impl Iterator<Item = Time>) -> Vec<Time> {
    let mut needed: Vec<Time> = Vec::new();
    for time in times {
        let before = time.plus_hours(-6);
        if needed.last() != Some(&before) {
            needed.push(before);
        }
        needed.push(time);
    }
    needed
}

/// What the model reads and the source has; the rest is derived.
fn variables(forecaster: &Forecaster, source: &Source) -> Vec<Variable> {
    let mut variables = forecaster.task().variables();
    variables.retain(|variable| source.has(variable));
    variables
}

fn received(states: &Receiver<dropsonde_fields::Result<State>>, time: Time) -> Result<State> {
    match states.recv() {
        Ok(state) => Ok(state?),
        Err(_) => Err(Error::Mismatch {
            what: "state",
            expected: time.to_string(),
            found: "the end of what was read".into(),
            hint: "this is a bug",
        }),
    }
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
