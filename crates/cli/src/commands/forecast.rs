//! `dropsonde forecast`.

mod members;
mod needs;
mod output;

use std::time::Instant;

use anyhow::ensure;
use dropsonde_fields::{MissingStats, State};
use dropsonde_forecaster::{Checkpoint, Forecaster, NoTap, SiteSummary, Tap};
use serde_json::json;

use crate::args::ForecastArgs;
use crate::commands::inputs;
use crate::{json as json_out, progress};
pub(crate) use members::Members;
use output::Output;

pub(crate) fn run(args: &ForecastArgs) -> anyhow::Result<()> {
    ensure!(args.steps > 0, "`--steps` is 0, expected at least 1");
    let checkpoint = args.model.load()?;
    let members = Members::open(&args.weather, &checkpoint.model, &checkpoint.task)?;
    if args.dry_run {
        return needs::print(args, &checkpoint, &members);
    }
    let forecaster = prepare(args, checkpoint, &members)?;
    let mut states = members.initial_states()?;
    let mut output = Output::new(args, &forecaster, &members);
    let mut trace = args.trace.then(SiteSummary::default);
    let bar = progress::bar("forecast", args.steps as u64);
    let started = Instant::now();
    members.with_forcings(args.steps, |forcings| {
        for step in 1..=args.steps {
            let targets = forcings.next()?;
            let frames = match step == args.steps {
                true => Frames::NoLongerNeeded,
                false => Frames::NeededAgain,
            };
            for (pair, target) in states.iter_mut().zip(&targets) {
                let tap: &mut dyn Tap = match &mut trace {
                    Some(trace) if step == 1 => trace,
                    _ => &mut NoTap,
                };
                advance(&forecaster, pair, target, frames, tap)?;
            }
            output.append(states.iter_mut().map(|(_, current)| current))?;
            bar.inc(1);
        }
        anyhow::Ok(())
    })?;
    output.finish()?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64() / args.steps as f64;
    report(args, &members, trace.as_ref(), seconds)
}

/// Checks inputs and statistics and makes the forecaster; the weights that it was made from are gone afterwards.
fn prepare(
    args: &ForecastArgs,
    checkpoint: Checkpoint,
    members: &Members,
) -> anyhow::Result<Forecaster> {
    let statistics = args.weather.statistics(&checkpoint.task)?;
    let missing = match args.allow_missing_stats {
        true => MissingStats::Allow,
        false => MissingStats::Error,
    };
    let (normalizer, raw) = statistics.normalizer_with(&checkpoint.task, missing)?;
    for variable in raw {
        eprintln!("warning: {variable} has no statistics and enters the network as it is");
    }
    members.check_steps(args.steps)?;
    inputs::warn(members, &statistics, args.strict)?;
    let (grid, options) = (members.grid().clone(), args.compute.options());
    Ok(Forecaster::new(&checkpoint, grid, &normalizer, options)?)
}

/// Whether the newer frame of a step is the older one of another.
#[derive(Clone, Copy, PartialEq)]
enum Frames {
    NeededAgain,
    NoLongerNeeded,
}

/// One step of a member: (previous, current) become (current, next).
///
/// A state of the full model is nearly 1 GB, and the inputs of the network hold all that a step reads of both. So the
/// older one is dropped before the network runs, and in the last step the predicted fields of the newer one as well.
fn advance(
    forecaster: &Forecaster,
    (previous, current): &mut (State, State),
    target: &State,
    frames: Frames,
    tap: &mut dyn Tap,
) -> anyhow::Result<()> {
    let raw = forecaster.raw_inputs(previous, current, target)?;
    previous.fields.clear();
    if frames == Frames::NoLongerNeeded {
        let targets = &forecaster.task().target_variables;
        current
            .fields
            .retain(|variable, _| !targets.contains(variable));
    }
    let prediction = forecaster.predict_owned(raw, tap)?;
    let next = forecaster.next_state(prediction, current, target)?;
    *previous = std::mem::replace(current, next);
    Ok(())
}

fn report(
    args: &ForecastArgs,
    members: &Members,
    trace: Option<&SiteSummary>,
    seconds: f64,
) -> anyhow::Result<()> {
    let inits: Vec<String> = members.labels();
    let options = args.compute.options();
    if args.json {
        return json_out::print(&json!({
            "out": args.out, "init": inits[0], "inits": inits, "steps": args.steps,
            "layout": args.layout.to_string(), "dtype": options.precision.to_string(), "kernel": options.kernel.to_string(),
            "seconds_per_step": seconds, "trace": trace.map(trace_json),
        }));
    }
    if let Some(trace) = trace {
        println!("{trace}");
    }
    println!(
        "{}: {} steps from {}, {seconds:.2} s each",
        args.out.display(),
        args.steps,
        inits.join(", ")
    );
    Ok(())
}

fn trace_json(trace: &SiteSummary) -> serde_json::Value {
    let summary = |s: &dropsonde_forecaster::Summary| json!({ "count": s.count, "non_finite": s.non_finite, "rms": s.rms, "min": s.min, "max": s.max });
    let sites: serde_json::Map<_, _> = trace
        .sites
        .iter()
        .map(|(site, s)| (site.to_string(), summary(s)))
        .collect();
    json!({ "features": trace.features.as_ref().map(summary), "sites": sites, "output": trace.output.as_ref().map(summary) })
}
