use std::time::Instant;

use anyhow::{Context, ensure};
use dropsonde_fields::{Source, StateWriter, Statistics, Time};
use dropsonde_forecaster::{Checkpoint, Forcing, Forecaster, ForecasterOptions, NoTap, Rollout};

use crate::args::ForecastArgs;
use crate::{json, progress};

pub(crate) fn run(args: &ForecastArgs) -> anyhow::Result<()> {
    ensure!(args.steps > 0, "`--steps` is 0, expected at least 1");
    let checkpoint = Checkpoint::read(&args.checkpoint)?;
    let source = Source::open(&args.input)?;
    let normalizer = Statistics::open(&args.stats)?.normalizer(&checkpoint.task)?;
    let options = ForecasterOptions {
        device: args.device,
        ..ForecasterOptions::default()
    };
    let forecaster = Forecaster::new(&checkpoint, source.grid().clone(), &normalizer, options)?;
    let init = init_time(args, &source)?;
    let (previous, current) = (source.state(init.plus_hours(-6))?, source.state(init)?);
    let attributes = serde_json::Map::from_iter([
        ("title".to_owned(), "forecast".into()),
        ("initial_time".to_owned(), init.to_string().into()),
        (
            "weights_sha256".to_owned(),
            forecaster.weights_sha256().into(),
        ),
        ("kernel".to_owned(), options.kernel.to_string().into()),
        (
            "source".to_owned(),
            source.path().display().to_string().into(),
        ),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
    ]);
    let mut rollout = Rollout::new(&forecaster, Forcing::Prescribed(&source), previous, current);
    let bar = progress::bar("forecast", args.steps as u64);
    let started = Instant::now();
    let mut writer = None;
    for _ in 0..args.steps {
        let state = rollout.step(&mut NoTap)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(StateWriter::create(
                &args.out,
                source.grid(),
                state,
                attributes.clone(),
            )?),
        };
        writer.append(state)?;
        bar.inc(1);
    }
    bar.finish();
    writer.context("no forecast step was made")?.finish()?;
    let seconds = started.elapsed().as_secs_f64() / args.steps as f64;
    if args.json {
        return json::print(&serde_json::json!({
            "out": args.out, "init": init.to_string(), "steps": args.steps, "seconds_per_step": seconds,
        }));
    }
    println!(
        "{}: {} steps from {init}, {seconds:.2} s each",
        args.out.display(),
        args.steps
    );
    Ok(())
}

/// The time asked for, or the second of the source.
fn init_time(args: &ForecastArgs, source: &Source) -> anyhow::Result<Time> {
    match &args.init {
        Some(text) => Ok(text.parse()?),
        None => source.times().get(1).copied().with_context(|| {
            format!(
                "`{}` has {} times, a forecast needs two",
                source.path().display(),
                source.times().len()
            )
        }),
    }
}
