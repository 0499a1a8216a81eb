use anyhow::Context;
use dropsonde_activations::{ActivationReader, LatentsMeta, Shuffle, ShuffleConfig};
use dropsonde_sae::{Sae, SaeConfig, SaeMeta, Trainer};
use serde::Serialize;
use tch::Tensor;

use super::eval::{Evaluation, evaluate, evaluate_pca, records_of};
use super::fit::{self, Fit, Place, SAVE_EVERY};
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
    let reader = ctx.latents()?;
    let seed = ctx.experiment.seed;
    let inputs = serde_json::json!({
        "sae": ctx.experiment.sae, "seed": seed,
        "latents": reader.meta(), "records": reader.records().len(),
    });
    let stamp = Stamp::new(ctx.run(), "sae train", &inputs)?;
    if !stamp.is_current() || !ctx.path("sae/config.json").is_file() {
        stamp.clear();
        train(&ctx, &reader, args.resume)?;
        stamp.finish()?;
    }
    let summary: serde_json::Value = json::read(&ctx.path("sae.summary.json"), "sae train")?;
    if args.json {
        json::print(&summary)
    } else {
        print(&summary)
    }
}

fn train(ctx: &RunContext, reader: &ActivationReader, resume: bool) -> anyhow::Result<()> {
    let recipe = &ctx.experiment.sae;
    let records = records_of(reader, Some("train"))?;
    let shuffle_config = ShuffleConfig {
        seed: ctx.experiment.seed,
        batch_rows: recipe.batch_size,
        ..ShuffleConfig::default()
    };
    let mut shuffle = Shuffle::new(reader, &records, shuffle_config)?;
    let total = recipe.epochs * shuffle.n_batches() as u64;
    let place = Place {
        state: ctx.path("sae.state"),
        logs: vec![ctx.path("sae.log.jsonl")],
        events: vec![ctx.path("sae.events")],
        save_every: SAVE_EVERY,
    };
    let rows = shuffle.n_rows() as u64;
    let new = || Ok(vec![begin(ctx, reader, total, rows)?]);
    let fit = Fit::start(
        vec!["sae".to_owned()],
        place.clone(),
        resume,
        &mut shuffle,
        new,
    )?;
    let saes = fit.run("sae train", total, &mut shuffle)?;
    let sae = saes.first().context("one autoencoder was trained")?;
    sae.save(ctx.path("sae"))?;
    summarize(ctx, reader, sae, total, shuffle.n_rows())?;
    fit::clear(&place)
}

/// A trainer at step 0.
fn begin(
    ctx: &RunContext,
    reader: &ActivationReader,
    total: u64,
    rows: u64,
) -> anyhow::Result<Trainer> {
    let (recipe, meta) = (&ctx.experiment.sae, reader.meta());
    let mut sae = Sae::random(recipe.config(meta.width), ctx.experiment.seed)?;
    let first = reader.read(*records_of(reader, Some("train"))?.first().unwrap_or(&0))?;
    let first = Tensor::from_slice(&first).reshape([-1, meta.width as i64]);
    sae.start_at(&first, START_AT * recipe.k as f64)?;
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
    reader: &ActivationReader,
    sae: &Sae,
    steps: u64,
    rows: usize,
) -> anyhow::Result<()> {
    let mut evaluation = vec![evaluate("trained", sae, reader, Some("report"))?];
    let random = Sae::random(sae.config.clone(), ctx.experiment.seed)?;
    evaluation.push(evaluate(
        "random dictionary",
        &random,
        reader,
        Some("report"),
    )?);
    evaluation.push(evaluate_pca(
        ctx.experiment.sae.k,
        reader,
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
