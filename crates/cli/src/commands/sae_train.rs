use std::io::Write;
use std::time::Instant;

use anyhow::{Context, ensure};
use dropsonde_activations::{ActivationReader, Shuffle, ShuffleConfig, ShufflePosition};
use dropsonde_sae::{Decay, Losses, Preprocessing, Sae, SaeConfig, SaeMeta, TrainConfig, Trainer};
use serde::Serialize;
use tch::Tensor;

use super::sae_eval::{Evaluation, evaluate, records_of};
use crate::args::StepArgs;
use crate::run_context::RunContext;
use crate::stamp::Stamp;
use crate::{json, log, progress};

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 20;
/// Seconds between two savings of the resumable state.
const SAVE_EVERY: f64 = 30.0;

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
    let section = &ctx.experiment.sae;
    let records = records_of(reader, Some("train"))?;
    let shuffle_config = ShuffleConfig {
        seed: ctx.experiment.seed,
        batch_rows: section.batch_size,
        ..ShuffleConfig::default()
    };
    let mut shuffle = Shuffle::new(reader, &records, shuffle_config)?;
    let total = section.epochs * shuffle.n_batches() as u64;
    let state = ctx.path("sae.state");
    let mut trainer = start(
        ctx,
        reader,
        &mut shuffle,
        total,
        resume.then_some(state.as_path()),
    )?;
    let mut lines = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(ctx.path("sae.log.jsonl"))
        .context("cannot open the training log")?;
    let bar = progress::bar("sae train", total);
    let mut saved = Instant::now();
    let d_in = reader.meta().width as i64;
    while trainer.step_count() < total {
        let Some(rows) = shuffle.next_batch()? else {
            let position = ShufflePosition {
                epoch: shuffle.position().epoch + 1,
                batch: 0,
            };
            shuffle.seek(position)?;
            continue;
        };
        let losses = trainer.step(&Tensor::from_slice(rows).reshape([-1, d_in]))?;
        bar.set_position(trainer.step_count());
        if trainer.step_count() % LOG_EVERY == 0 {
            bar.set_message(format!("loss {:.4} dead {}", losses.main, losses.n_dead));
            writeln!(lines, "{}", log_line(trainer.step_count(), &losses))?;
        }
        if saved.elapsed().as_secs_f64() > SAVE_EVERY {
            trainer.save(&state, shuffle.position())?;
            saved = Instant::now();
        }
    }
    bar.finish();
    trainer.sae().save(ctx.path("sae"))?;
    summarize(ctx, reader, trainer.sae(), total, shuffle.n_rows())?;
    let _ = std::fs::remove_dir_all(&state);
    Ok(())
}

/// A new trainer, or the one that was interrupted.
fn start(
    ctx: &RunContext,
    reader: &ActivationReader,
    shuffle: &mut Shuffle<'_>,
    total: u64,
    state: Option<&std::path::Path>,
) -> anyhow::Result<Trainer> {
    if let Some(state) = state.filter(|path| path.is_dir()) {
        let (trainer, position) = Trainer::load(state)?;
        shuffle.seek(position)?;
        log::keep_up_to(&ctx.path("sae.log.jsonl"), trainer.step_count())?;
        return Ok(trainer);
    }
    let _ = std::fs::remove_file(ctx.path("sae.log.jsonl"));
    let section = &ctx.experiment.sae;
    let meta = reader.meta();
    let config = SaeConfig {
        d_in: meta.width,
        n_latents: section.n_latents,
        k: section.k,
        k_aux: section.k_aux,
        preprocessing: Preprocessing::CentreUnitNorm,
    };
    ensure!(
        section.k <= section.n_latents,
        "`sae.k` is {}, more than `sae.n_latents` = {}",
        section.k,
        section.n_latents
    );
    let mut sae = Sae::random(config, ctx.experiment.seed)?;
    sae.meta = SaeMeta {
        site: meta.site.clone(),
        dtype: format!("{:?}", meta.dtype).to_lowercase(),
        kernel: meta.kernel.clone(),
        weights_sha256: meta.weights_sha256.clone(),
        source: meta.source.clone(),
        seed: ctx.experiment.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extra: serde_json::to_value(section)?,
    };
    let train = TrainConfig {
        learning_rate: section.learning_rate,
        decay: Some(Decay {
            from_step: total * 4 / 5,
            to_step: total + 1,
        }),
        warmup_steps: (total / 20).min(50),
        ..TrainConfig::new(shuffle.n_rows() as u64)
    };
    Ok(Trainer::new(sae, train)?)
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
    evaluation.push(super::sae_eval::evaluate_pca(sae.config.k, reader)?);
    let summary = Summary {
        config: sae.config.clone(),
        epochs: ctx.experiment.sae.epochs,
        steps,
        rows,
        evaluation,
    };
    json::write(&ctx.path("sae.summary.json"), &summary)
}

fn log_line(step: u64, losses: &Losses) -> serde_json::Value {
    serde_json::json!({
        "step": step, "loss": losses.total, "main": losses.main, "aux": losses.aux,
        "l0": losses.l0, "dead": losses.n_dead,
    })
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
