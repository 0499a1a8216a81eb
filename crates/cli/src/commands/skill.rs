//! `dropsonde skill`: how good a forecaster is.

mod cases;
mod estimate;
mod figures;
mod normal;
mod page;
mod record;
mod results;
mod rollout;
mod setup;
mod storm_results;
mod storms;
mod table;

use anyhow::Context;
use dropsonde_attribution::score::Resampler;
use dropsonde_fields::Time;

use crate::args::SkillArgs;
use crate::{json, progress};
use cases::{Case, Cases, Start};
use record::{Log, Record};
use results::Skill;
use setup::{BANDS, Setup};
use storms::{Storms, TruthStorm};

/// Fewer blocks than this make an interval rough.
const FEW_BLOCKS: usize = 10;

pub(crate) fn run(args: &SkillArgs) -> anyhow::Result<()> {
    let (setup, cases) = Setup::open(args)?;
    let (storms, no_storms) = match storms::Storms::new(&setup)? {
        Ok(storms) => (Some(storms), None),
        Err(reason) => (None, Some(reason)),
    };
    let records = forecasts(args, &setup, &cases, storms.as_ref())?;
    let mut skill = summary(args, &setup, &cases, &records);
    skill.notes.extend(no_storms);
    if let Some(directory) = &args.out {
        json::write(&directory.join("skill.json"), &skill)?;
    }
    if let (Some(page), Some(images)) = (&args.page, &args.images) {
        page::write(page, images, &skill)?;
    }
    if args.json {
        return json::print(&skill);
    }
    table::print(&skill);
    Ok(())
}

/// A record of every case with the hours up to which it could be scored, from the log or made now.
fn forecasts(
    args: &SkillArgs,
    setup: &Setup,
    cases: &Cases,
    storms: Option<&Storms>,
) -> anyhow::Result<Vec<(Record, i64)>> {
    let (mut log, before) = match &args.out {
        Some(directory) => Log::open(directory, &setup.settings(args)?, args.resume)?,
        None => (Log::none(), Vec::new()),
    };
    let known = |case: &Case| before.iter().find(|record| record.is_of(case));
    let todo = cases.cases.iter().filter(|case| known(case).is_none());
    let bar = progress::bar("skill", (todo.count() * setup.n_steps()) as u64);
    let mut records = Vec::new();
    let mut tracks: Option<(usize, Vec<TruthStorm>)> = None;
    for case in &cases.cases {
        if let Some(record) = known(case) {
            records.push((record.clone(), case.truth_hours));
            continue;
        }
        let found = match (storms, tracks.take()) {
            (Some(_), Some((stretch, found))) if stretch == case.stretch => found,
            (Some(storms), _) => tracks_of(setup, cases, storms, case.stretch)?,
            (None, _) => Vec::new(),
        };
        let record = rollout::run(setup, storms, case, &found, || bar.inc(1))
            .with_context(|| format!("the forecast from {}", case.init))?;
        log.add(&record)?;
        records.push((record, case.truth_hours));
        tracks = Some((case.stretch, found));
    }
    bar.finish_and_clear();
    Ok(records)
}

/// The storms of the truth around the cases of a stretch.
fn tracks_of(
    setup: &Setup,
    cases: &Cases,
    storms: &Storms,
    stretch: usize,
) -> anyhow::Result<Vec<TruthStorm>> {
    let inits = cases.cases.iter().filter(|case| case.stretch == stretch);
    let inits: Vec<Time> = inits.map(|case| case.init).collect();
    let (Some(&first), Some(&last)) = (inits.iter().min(), inits.iter().max()) else {
        return Ok(Vec::new());
    };
    storms.tracks(&setup.truth, &cases.stretches[stretch], [first, last])
}

fn summary(args: &SkillArgs, setup: &Setup, cases: &Cases, records: &[(Record, i64)]) -> Skill {
    let resampler = Resampler::new(args.resample_seed, args.resamples, estimate::CONFIDENCE);
    let leads = &setup.leads;
    let init = |case: Option<&Case>| case.map_or(String::new(), |case| case.init.to_string());
    let scores = results::scores(records, &setup.targets, leads, &resampler);
    Skill {
        model: setup.description.clone(),
        weights_sha256: setup.forecaster.weights_sha256().to_owned(),
        untrained: args.model.random_weights,
        source: setup.inputs.input().path().display().to_string(),
        truth: setup.truth.path().display().to_string(),
        climatology: setup.normal.describe(),
        climatology_is_constant: matches!(setup.normal, normal::Normal::Mean(_)),
        first_init: init(cases.cases.first()),
        last_init: init(cases.cases.last()),
        n_cases: records.len(),
        blocks: cases.blocks.clone(),
        resamples: args.resamples,
        confidence: estimate::CONFIDENCE,
        notes: notes(cases, records, &scores),
        changes: results::changes(records, &setup.targets, leads),
        spectra: results::spectra(records, &setup.spectral_targets, &BANDS, leads),
        storms: storm_results::storms(records, &setup.storm_leads, &resampler),
        stability: results::stability(records, leads),
        scores,
    }
}

fn notes(cases: &Cases, records: &[(Record, i64)], scores: &[results::ScoreRow]) -> Vec<String> {
    let mut notes = Vec::new();
    let n_cold = cases.cases.iter().filter(|case| case.start == Start::Cold);
    let n_cold = n_cold.count();
    if n_cold > 0 {
        notes.push(format!(
            "{n_cold} of {} forecasts start from one state, given twice, as if nothing had changed in the 6 h before",
            cases.cases.len()
        ));
    }
    let blocks = scores.iter().map(|row| row.n_blocks);
    if let Some(fewest) = blocks.min().filter(|&n| n < FEW_BLOCKS) {
        notes.push(format!(
            "intervals come from {}, as few as {fewest}: with so few they are rough and tend to be too narrow, and one has none",
            cases.blocks
        ));
    }
    let n_diverged = records
        .iter()
        .filter(|(record, _)| record.diverged_hours.is_some());
    let n_diverged = n_diverged.count();
    if n_diverged > 0 {
        notes.push(format!(
            "{n_diverged} of {} forecasts did not stay finite: from then on they are in no error",
            records.len()
        ));
    }
    notes
}
