//! `dropsonde forecast`.

mod members;
mod needs;
mod output;

use std::time::Instant;

use anyhow::ensure;
use dropsonde_fields::{MissingStats, Statistics};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions, NoTap, SiteSummary};
use serde_json::json;

use crate::args::ForecastArgs;
use crate::commands::inputs;
use crate::{json as json_out, progress};
pub(crate) use members::Members;
use output::Output;

pub(crate) fn run(args: &ForecastArgs) -> anyhow::Result<()> {
    ensure!(args.steps > 0, "`--steps` is 0, expected at least 1");
    let checkpoint = Checkpoint::read(&args.checkpoint)?;
    let statistics = Statistics::open(&args.stats)?;
    let members = Members::open(&args.weather, &checkpoint.task)?;
    if args.dry_run {
        return needs::print(args, &checkpoint, &members);
    }
    let missing = match args.allow_missing_stats {
        true => MissingStats::Allow,
        false => MissingStats::Error,
    };
    let (normalizer, raw) = statistics.normalizer_with(&checkpoint.task, missing)?;
    for variable in raw {
        eprintln!("warning: {variable} has no statistics and enters the network as it is");
    }
    members.check_steps(args.steps)?;
    inputs::warn(&members, &statistics, args.strict)?;
    let mut states = members.initial_states()?;
    let options = ForecasterOptions {
        device: args.device,
        precision: args.dtype,
        ..ForecasterOptions::default()
    };
    let forecaster = Forecaster::new(&checkpoint, members.grid().clone(), &normalizer, options)?;
    let mut output = Output::new(args, &forecaster, &members);
    let mut trace = args.trace.then(SiteSummary::default);
    let bar = progress::bar("forecast", args.steps as u64);
    let started = Instant::now();
    members.with_forcings(args.steps, |forcings| {
        for _ in 0..args.steps {
            let targets = forcings.next()?;
            for ((previous, current), target) in states.iter_mut().zip(&targets) {
                let next = match &mut trace {
                    Some(trace) if output.is_first_step() => {
                        forecaster.step(previous, current, target, trace)?
                    }
                    _ => forecaster.step(previous, current, target, &mut NoTap)?,
                };
                *previous = std::mem::replace(current, next);
            }
            output.append(states.iter().map(|(_, current)| current))?;
            bar.inc(1);
        }
        anyhow::Ok(())
    })?;
    output.finish()?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64() / args.steps as f64;
    report(args, &members, trace.as_ref(), seconds)
}

fn report(
    args: &ForecastArgs,
    members: &Members,
    trace: Option<&SiteSummary>,
    seconds: f64,
) -> anyhow::Result<()> {
    let inits: Vec<String> = members.labels();
    if args.json {
        return json_out::print(&json!({
            "out": args.out, "init": inits[0], "inits": inits, "steps": args.steps,
            "layout": args.layout.to_string(), "dtype": args.dtype.to_string(),
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
