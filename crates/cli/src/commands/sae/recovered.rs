//! `dropsonde sae recovered`: what replacing latents by their reconstruction does to a forecast.

use anyhow::{Context, ensure};
use dropsonde_capture::{LossRecovered, Splice};
use dropsonde_fields::{Source, Time};
use dropsonde_forecaster::{Forcing, Forecaster, Site};
use dropsonde_sae::{Pca, Sae, SaeConfig};
use serde::Serialize;
use tch::Tensor;

use super::eval::components;
use super::latents::Latents;
use crate::args::RecoveredArgs;
use crate::experiment::Experiment;
use crate::run_context::{forecaster, windows};
use crate::{json, progress};

/// What is put in place of the latents.
enum Replacement {
    Reconstruction(Sae),
    /// The first components of a row, in the frame of an autoencoder.
    Components {
        frame: Sae,
        pca: Pca,
        k: usize,
    },
}

/// The result for one replacement.
#[derive(Debug, Serialize)]
struct Outcome {
    what: String,
    /// Over output channels.
    mean: f64,
    median: f64,
    least: f64,
    channels: Vec<Channel>,
}

#[derive(Debug, Serialize)]
struct Channel {
    channel: String,
    recovered: f64,
    /// Root-mean-square error of the forecast against the truth, in SI units.
    rmse: f64,
    /// The same with the latents replaced.
    rmse_spliced: f64,
}

#[derive(Debug, Serialize)]
struct Summary {
    site: String,
    split: String,
    n_steps: u64,
    outcomes: Vec<Outcome>,
}

pub(crate) fn run(args: &RecoveredArgs) -> anyhow::Result<()> {
    let experiment = Experiment::read(&args.experiment, false, None)?;
    let source = Source::open(&experiment.data.source)?;
    let forecaster = forecaster(&experiment.model, &source, args.device)?;
    let (names, replacements) = replacements(args)?;
    let site = site_of(&replacements, &experiment, &forecaster)?;
    let times = times(&source, &args.split, args.every)?;
    let mut measures: Vec<LossRecovered> = replacements
        .iter()
        .map(|_| LossRecovered::new(&forecaster))
        .collect();
    let projections: Vec<_> = replacements.iter().map(projection).collect();
    let splices: Vec<Splice<'_>> = replacements
        .iter()
        .zip(&projections)
        .map(|(replacement, projection)| match replacement {
            Replacement::Reconstruction(sae) => Splice::Reconstruction(sae),
            Replacement::Components { .. } => Splice::Rows(projection),
        })
        .collect();
    let bar = progress::bar("sae recovered", times.len() as u64);
    for time in &times {
        let (raw, truth) = case(&forecaster, &source, *time)?;
        LossRecovered::add_all(
            &mut measures,
            &forecaster,
            &raw,
            Some(&truth),
            (site, &splices),
        )?;
        bar.inc(1);
    }
    bar.finish();
    let summary = Summary {
        site: site.to_string(),
        split: args.split.clone(),
        n_steps: times.len() as u64,
        outcomes: names.into_iter().zip(&measures).map(outcome).collect(),
    };
    if args.json {
        return json::print(&summary);
    }
    println!(
        "{} steps of {} at {}",
        summary.n_steps, summary.split, summary.site
    );
    println!(
        "{:<40} {:>8} {:>8} {:>8}",
        "recovered", "mean", "median", "least"
    );
    for outcome in &summary.outcomes {
        println!(
            "{:<40} {:>8.4} {:>8.4} {:>8.4}",
            outcome.what, outcome.mean, outcome.median, outcome.least
        );
    }
    Ok(())
}

/// The autoencoders, and for each number of active latents a random dictionary and as many principal components.
fn replacements(args: &RecoveredArgs) -> anyhow::Result<(Vec<String>, Vec<Replacement>)> {
    let (mut names, mut replacements) = (Vec::new(), Vec::new());
    let mut counts = Vec::new();
    for path in &args.sae {
        let sae = Sae::load(path)?;
        counts.extend(sae.config.activation.k());
        names.push(path.display().to_string());
        replacements.push(Replacement::Reconstruction(sae));
    }
    counts.sort_unstable();
    counts.dedup();
    for &k in &counts {
        let Some(Replacement::Reconstruction(sae)) = replacements.first() else {
            break;
        };
        let n_latents = sae.config.n_latents;
        let config = SaeConfig::new(sae.config.d_in, n_latents, k);
        names.push(format!("random dictionary of {n_latents}, k {k}"));
        replacements.push(Replacement::Reconstruction(Sae::random(config, 0)?));
    }
    if let Some(path) = &args.latents {
        let latents = Latents::open(path, None)?;
        for k in counts {
            let k = k.min(latents.meta().width);
            names.push(format!("{k} principal components"));
            let (frame, pca) = components(&latents, Some("train"))?;
            replacements.push(Replacement::Components { frame, pca, k });
        }
    }
    Ok((names, replacements))
}

/// The site that all autoencoders were trained at.
fn site_of(
    replacements: &[Replacement],
    experiment: &Experiment,
    forecaster: &Forecaster,
) -> anyhow::Result<Site> {
    let mut sites = replacements.iter().filter_map(|one| match one {
        Replacement::Reconstruction(sae) if !sae.meta.site.is_empty() => Some(&sae.meta.site),
        _ => None,
    });
    let site = sites.next().unwrap_or(&experiment.capture.site);
    ensure!(
        sites.all(|other| other == site),
        "the autoencoders are of different sites\nhint: compare those of one site at a time"
    );
    Ok(Site::parse(site, forecaster.config().gnn_msg_steps)?)
}

/// Times in windows of the split whose neighbours 6 h away are in the same window.
fn times(source: &Source, split: &str, every: usize) -> anyhow::Result<Vec<Time>> {
    let windows = windows(source)?;
    let known: Vec<String> = windows.iter().map(|window| window.split.clone()).collect();
    let of_split = windows.iter().filter(|window| window.split == split);
    let times: Vec<Time> = of_split
        .flat_map(|window| window.inner().step_by(every.max(1)))
        .collect();
    ensure!(
        !times.is_empty(),
        "`{}` has no window of split `{split}`\nhint: it has {}",
        source.path().display(),
        known.join(", ")
    );
    Ok(times)
}

/// Inputs `[N, 1, C_in]` and the state 6 h later `[N, 1, C_out]`, in SI units.
fn case(forecaster: &Forecaster, source: &Source, time: Time) -> anyhow::Result<(Tensor, Tensor)> {
    let mut variables = forecaster.task().variables();
    variables.retain(|variable| source.has(variable));
    let state = |hours| source.state_of(time.plus_hours(hours), &variables);
    let (previous, current, next) = (state(-6)?, state(0)?, state(6)?);
    let forcings = Forcing::Prescribed(source).at(forecaster, next.time, &current)?;
    let raw = forecaster.raw_inputs(&previous, &current, &forcings)?;
    let truth = forecaster.raw_targets(&next);
    Ok((
        raw,
        truth.with_context(|| format!("state of {}", next.time))?,
    ))
}

/// Rows to their first components and back, for replacements that are that.
fn projection(replacement: &Replacement) -> impl Fn(&Tensor) -> dropsonde_sae::Result<Tensor> + '_ {
    move |x| match replacement {
        Replacement::Reconstruction(sae) => {
            let (codes, context) = sae.encode(x)?;
            sae.decode(&codes, &context)
        }
        Replacement::Components { frame, pca, k } => {
            let (u, context) = frame.preprocess(x)?;
            let column = |values: &[f32]| Tensor::from_slice(values).unsqueeze(1);
            Ok(pca.reconstruct(&u, *k)? * column(&context.norm) + column(&context.mean))
        }
    }
}

fn outcome((what, measure): (String, &LossRecovered)) -> Outcome {
    let channels: Vec<Channel> = measure
        .channels()
        .into_iter()
        .map(|one| Channel {
            channel: one.channel.to_string(),
            recovered: one.recovered,
            rmse: one.rmse_base,
            rmse_spliced: one.rmse_spliced,
        })
        .collect();
    Outcome {
        what,
        mean: measure.mean(),
        median: measure.median(),
        least: channels
            .iter()
            .fold(f64::INFINITY, |least, one| least.min(one.recovered)),
        channels,
    }
}
