use anyhow::Context;
use dropsonde_activations::{LatentsMeta, ShuffleConfig};
use dropsonde_sae::{Sae, SaeConfig, SaeMeta, Trainer};
use serde::Serialize;

use super::eval::{Evaluation, evaluate, evaluate_pca};
use super::fit::{self, Fit, Place, SAVE_EVERY};
use super::latents::{Latents, Mix};
use crate::args::StepArgs;
use crate::json;
use crate::recipe::Recipe;
use crate::run_context::RunContext;
use crate::stamp::Stamp;

/// Where sparsity comes from a penalty, training begins with so many times the wanted number of active latents.
pub(super) const START_AT: f64 = 2.0;

/// What the report shows of the autoencoder.
#[derive(Debug, Serialize)]
struct Summary {
    config: SaeConfig,
    epochs: u64,
    steps: u64,
    rows: usize,
    evaluation: Vec<Evaluation>,
}

pub(crate) fn run(args: &StepArgs) -> anyhow::Result<()> {
    let ctx = RunContext::open(args)?;
    let latents = Latents::Store(ctx.latents()?);
    let seed = ctx.experiment.seed;
    let inputs = serde_json::json!({
        "sae": ctx.experiment.sae, "seed": seed,
        "latents": latents.meta(), "records": latents.records_of(None)?.len(),
    });
    let stamp = Stamp::new(ctx.run(), "sae train", &inputs)?;
    if !stamp.is_current() || !ctx.path("sae/config.json").is_file() {
        stamp.clear();
        train(&ctx, &latents, args.resume)?;
        stamp.finish()?;
    }
    let summary: serde_json::Value = json::read(&ctx.path("sae.summary.json"), "sae train")?;
    if args.json {
        json::print(&summary)
    } else {
        print(&summary)
    }
}

fn train(ctx: &RunContext, latents: &Latents<'_>, resume: bool) -> anyhow::Result<()> {
    let recipe = &ctx.experiment.sae;
    let records = latents.records_of(Some("train"))?;
    let mix = Mix {
        seed: ctx.experiment.seed,
        batch_rows: recipe.batch_size,
        memory_bytes: ShuffleConfig::default().memory_bytes,
    };
    let mut batches = latents.batches(&records, &mix)?;
    let total = recipe.epochs * batches.n_batches() as u64;
    let place = Place {
        state: ctx.path("sae.state"),
        logs: vec![ctx.path("sae.log.jsonl")],
        events: vec![ctx.path("sae.events")],
        save_every: SAVE_EVERY,
        device: ctx.device(),
    };
    let rows = batches.n_rows() as u64;
    let new = || Ok(vec![begin(ctx, latents, total, rows)?]);
    let fit = Fit::start(
        vec!["sae".to_owned()],
        place.clone(),
        resume,
        &mut batches,
        new,
    )?;
    let saes = fit.run("sae train", total, &mut batches)?;
    let sae = saes.first().context("one autoencoder was trained")?;
    sae.save(ctx.path("sae"))?;
    summarize(ctx, latents, sae, total, batches.n_rows())?;
    fit::clear(&place)
}

/// A trainer at step 0.
fn begin(
    ctx: &RunContext,
    latents: &Latents<'_>,
    total: u64,
    rows: u64,
) -> anyhow::Result<Trainer> {
    let (recipe, meta) = (&ctx.experiment.sae, latents.meta());
    let mut sae = Sae::random(recipe.config(meta.width), ctx.experiment.seed)?;
    let first = latents.records_of(Some("train"))?[0];
    sae.start_at(&latents.rows(first)?, START_AT * recipe.k as f64)?;
    sae.meta = meta_of(meta, ctx.experiment.seed, recipe)?;
    Ok(Trainer::new(sae, recipe.training(total, rows))?)
}

/// Where an autoencoder comes from.
pub(super) fn meta_of(meta: &LatentsMeta, seed: u64, recipe: &Recipe) -> anyhow::Result<SaeMeta> {
    Ok(SaeMeta {
        site: meta.site.clone(),
        dtype: format!("{:?}", meta.dtype).to_lowercase(),
        kernel: meta.kernel.clone(),
        weights_sha256: meta.weights_sha256.clone(),
        source: meta.source.clone(),
        seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extra: serde_json::to_value(recipe)?,
    })
}

fn summarize(
    ctx: &RunContext,
    latents: &Latents<'_>,
    sae: &Sae,
    steps: u64,
    rows: usize,
) -> anyhow::Result<()> {
    let mut evaluation = vec![evaluate("trained", sae, latents, Some("report"))?];
    let random = Sae::random(sae.config.clone(), ctx.experiment.seed)?;
    evaluation.push(evaluate(
        "random dictionary",
        &random,
        latents,
        Some("report"),
    )?);
    evaluation.push(evaluate_pca(
        ctx.experiment.sae.k,
        latents,
        [Some("train"), Some("report")],
    )?);
    let summary = Summary {
        config: sae.config.clone(),
        epochs: ctx.experiment.sae.epochs,
        steps,
        rows,
        evaluation,
    };
    json::write(&ctx.path("sae.summary.json"), &summary)
}

fn print(summary: &serde_json::Value) -> anyhow::Result<()> {
    println!("{:<24} {:>8} {:>8} {:>8}", "on report", "FVU", "L0", "dead");
    for row in summary["evaluation"]
        .as_array()
        .context("`sae.summary.json` has no `evaluation`")?
    {
        println!(
            "{:<24} {:>8.4} {:>8.2} {:>8.3}",
            row["what"].as_str().unwrap_or_default(),
            row["fvu"].as_f64().unwrap_or(f64::NAN),
            row["l0"].as_f64().unwrap_or(f64::NAN),
            row["dead_fraction"].as_f64().unwrap_or(f64::NAN),
        );
    }
    Ok(())
}
