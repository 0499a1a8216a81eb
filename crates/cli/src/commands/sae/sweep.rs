//! `dropsonde sae sweep`: many autoencoders in one pass over the rows, compared.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use dropsonde_sae::{Sae, Trainer};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::eval::{Evaluation, evaluate, evaluate_pca, measure};
use super::fit::{self, Fit, Place};
use super::latents::{Latents, Mix};
use super::live::Opened;
use super::train::{START_AT, meta_of};
use crate::args::SweepArgs;
use crate::recipe::{Recipe, Variant};
use crate::{json, progress};

/// Two features of different seeds are the same if each is the other's nearest with at least this cosine.
const SAME: f64 = 0.7;

/// A grid of autoencoders.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grid {
    variants: Vec<Variant>,
    n_latents: Vec<usize>,
    k: Vec<usize>,
    seeds: Vec<u64>,
    k_aux: usize,
    epochs: u64,
    batch_size: usize,
    learning_rate: f64,
    /// Seed of the order of the rows, the same for all.
    #[serde(default)]
    shuffle_seed: u64,
}

/// One autoencoder of a grid.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
struct Member {
    name: String,
    seed: u64,
    recipe: Recipe,
}

impl Grid {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let grid: Self = toml::from_str(&text)
            .with_context(|| format!("`{}` is not a valid sweep", path.display()))?;
        let members = grid.members();
        ensure!(
            !members.is_empty(),
            "`{}`: `variants`, `n_latents`, `k` and `seeds` must each have a value",
            path.display()
        );
        for member in members {
            let recipe = member.recipe.check();
            recipe.with_context(|| format!("`{}` is not a valid sweep", path.display()))?;
        }
        Ok(grid)
    }

    /// Every combination, seeds fastest.
    fn members(&self) -> Vec<Member> {
        let mut members = Vec::new();
        for &variant in &self.variants {
            for &n_latents in &self.n_latents {
                for &k in &self.k {
                    for &seed in &self.seeds {
                        members.push(Member {
                            name: format!("{}-{n_latents}-k{k}-s{seed}", variant.name()),
                            seed,
                            recipe: Recipe {
                                variant,
                                n_latents,
                                k,
                                k_aux: self.k_aux,
                                epochs: self.epochs,
                                batch_size: self.batch_size,
                                learning_rate: self.learning_rate,
                                precision: dropsonde_sae::Precision::F32,
                            },
                        });
                    }
                }
            }
        }
        members
    }
}

/// What is known about one autoencoder.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    member: Member,
    evaluation: Evaluation,
    /// Against the same recipe with the next seed; none with one seed.
    stability: Option<Stability>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stability {
    /// Mean over live features of the largest cosine with a live feature of the other seed.
    mean_max_cosine: f64,
    /// Share of live features that are the nearest of their nearest, with a cosine of at least 0.7.
    stable_fraction: f64,
}

/// `sweep.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Summary {
    grid: Grid,
    rows: usize,
    steps: u64,
    saes: Vec<Outcome>,
    /// Random dictionaries and principal components with as many active coefficients.
    baselines: Vec<Evaluation>,
}

pub(crate) fn run(args: &SweepArgs) -> anyhow::Result<()> {
    let grid = Grid::read(&args.config)?;
    let opened = args
        .experiment
        .as_deref()
        .map(|path| Opened::new(path, args.device));
    let opened = opened.transpose()?;
    let latents = match (&opened, &args.latents) {
        (Some(opened), _) => opened.latents()?,
        (None, Some(path)) => Latents::open(path, args.dtype)?,
        (None, None) => bail!("one of `--latents` and `--experiment` is needed"),
    };
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create `{}`", args.out.display()))?;
    let path = args.out.join("sweep.json");
    if !(args.resume && path.is_file()) {
        let summary = train(&grid, &latents, args)?;
        json::write(&path, &summary)?;
    }
    let summary: Summary = json::read(&path, "sae sweep")?;
    ensure!(
        serde_json::to_value(&summary.grid)? == serde_json::to_value(&grid)?,
        "`{}` is of another sweep\nhint: name another `--out`, or leave out `--resume`",
        path.display()
    );
    match args.json {
        true => json::print(&summary),
        false => {
            print(&summary);
            Ok(())
        }
    }
}

fn train(grid: &Grid, latents: &Latents<'_>, args: &SweepArgs) -> anyhow::Result<Summary> {
    let members = grid.members();
    let records = latents.records_of(args.train_split.as_deref())?;
    let mix = Mix {
        seed: grid.shuffle_seed,
        batch_rows: grid.batch_size,
        memory_bytes: args.memory << 20,
    };
    let mut batches = latents.batches(&records, &mix)?;
    let total = grid.epochs * batches.n_batches() as u64;
    let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
    let of = |suffix: &str| {
        names
            .iter()
            .map(|name| args.out.join(name).join(suffix))
            .collect()
    };
    let place = Place {
        state: args.out.join("state"),
        logs: of("log.jsonl"),
        events: of("events"),
        save_every: args.save_every,
        device: args.device,
    };
    for name in &names {
        let directory = args.out.join(name);
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create `{}`", directory.display()))?;
    }
    let n_rows = batches.n_rows();
    let first = latents.rows(records[0])?;
    let new = || -> anyhow::Result<Vec<Trainer>> {
        let begin = |member: &Member| begin(member, latents, &first, (total, n_rows as u64));
        members.iter().map(begin).collect()
    };
    let fit = Fit::start(names, place.clone(), args.resume, &mut batches, new)?;
    let saes = fit.run("sae sweep", total, &mut batches)?;
    for (sae, member) in saes.iter().zip(&members) {
        sae.save(args.out.join(&member.name).join("sae"))?;
    }
    let summary = compare(grid, &members, &saes, latents, args)?;
    fit::clear(&place)?;
    Ok(Summary {
        rows: n_rows,
        steps: total,
        ..summary
    })
}

fn begin(
    member: &Member,
    latents: &Latents<'_>,
    first: &Tensor,
    (total, rows): (u64, u64),
) -> anyhow::Result<Trainer> {
    let (meta, recipe) = (latents.meta(), &member.recipe);
    let mut sae = Sae::random(recipe.config(meta.width), member.seed)?;
    sae.start_at(first, START_AT * recipe.k as f64)?;
    sae.meta = meta_of(meta, member.seed, recipe)?;
    Ok(Trainer::new(sae, recipe.training(total, rows))?)
}

/// Scores every autoencoder and the baselines on the split for that.
fn compare(
    grid: &Grid,
    members: &[Member],
    saes: &[Sae],
    latents: &Latents<'_>,
    args: &SweepArgs,
) -> anyhow::Result<Summary> {
    let split = args.score_split.as_deref();
    let bar = progress::bar("sae sweep: score", saes.len() as u64);
    let mut outcomes = Vec::new();
    let mut live = Vec::new();
    for (sae, member) in saes.iter().zip(members) {
        live.push(measure(sae, latents, split)?.live());
        outcomes.push(Outcome {
            member: member.clone(),
            evaluation: evaluate(&member.name, sae, latents, split)?,
            stability: None,
        });
        bar.inc(1);
    }
    bar.finish();
    for (i, outcome) in outcomes.iter_mut().enumerate() {
        let same = |j: usize| members[j].recipe == members[i].recipe && j != i;
        let others = (i + 1..members.len()).chain(0..i);
        if let Some(j) = others.into_iter().find(|&j| same(j)) {
            let matches = saes[i].matches(&saes[j], [Some(&live[i]), Some(&live[j])])?;
            outcome.stability = Some(Stability {
                mean_max_cosine: matches.mean_cosine(),
                stable_fraction: matches.stable_fraction(SAME),
            });
        }
    }
    let mut baselines = Vec::new();
    for &k in &grid.k {
        let n_latents = grid.n_latents.first().copied().unwrap_or(1);
        let top_k = Recipe {
            variant: Variant::TopK,
            k,
            n_latents,
            ..members[0].recipe.clone()
        };
        let random = Sae::random(top_k.config(latents.meta().width), grid.shuffle_seed)?;
        let what = format!("random dictionary of {n_latents}, k {k}");
        baselines.push(evaluate(&what, &random, latents, split)?);
        let split = [args.train_split.as_deref(), split];
        baselines.push(evaluate_pca(k, latents, split)?);
    }
    Ok(Summary {
        grid: grid.clone(),
        rows: 0,
        steps: 0,
        saes: outcomes,
        baselines,
    })
}

fn print(summary: &Summary) {
    println!(
        "{:<28} {:>7} {:>7} {:>6} {:>6} {:>7} {:>7} {:>7}",
        "", "FVU", "L0", "dead", "rare", "enc.dec", "redund.", "stable"
    );
    let line = |name: &str, evaluation: &Evaluation, stability: Option<f64>| {
        let dictionary = evaluation.dictionary.as_ref();
        let rest = dictionary.map_or_else(String::new, |d| {
            format!(
                "{:>6.3} {:>7.3} {:>7.3}",
                d.rare_fraction, d.encoder_decoder_cosine, d.redundancy
            )
        });
        let stable = stability.map_or_else(String::new, |s| format!("{s:>7.3}"));
        println!(
            "{name:<28} {:>7.4} {:>7.2} {:>6.3} {rest:>22} {stable}",
            evaluation.fvu, evaluation.l0, evaluation.dead_fraction
        );
    };
    for outcome in &summary.saes {
        let stability = outcome.stability.as_ref().map(|s| s.stable_fraction);
        line(&outcome.member.name, &outcome.evaluation, stability);
    }
    for baseline in &summary.baselines {
        line(&baseline.what, baseline, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_has_a_name_of_its_own() {
        let grid = Grid {
            variants: vec![Variant::TopK, Variant::Matryoshka],
            n_latents: vec![64],
            k: vec![4, 8],
            seeds: vec![0, 1],
            k_aux: 8,
            epochs: 1,
            batch_size: 32,
            learning_rate: 1e-3,
            shuffle_seed: 0,
        };
        let mut names: Vec<String> = grid.members().into_iter().map(|m| m.name).collect();
        assert_eq!(names.len(), 8);
        assert_eq!(names[1], "topk-64-k4-s1");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 8);
    }
}
