use anyhow::ensure;
use dropsonde_sae::{Covariance, Metrics, Pca, Sae, SaeConfig};
use serde::{Deserialize, Serialize};

use super::latents::Latents;
use crate::args::EvalArgs;
use crate::json;

/// A latent that is active in a smaller share of rows than this is rare.
const RARE: f64 = 1e-4;

/// How well an autoencoder reconstructs a split; definitions in docs/notation.md.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) what: String,
    pub(crate) split: String,
    pub(crate) rows: u64,
    pub(crate) fvu: f64,
    pub(crate) l0: f64,
    pub(crate) dead_fraction: f64,
    /// Of the dictionary; none for principal components.
    pub(crate) dictionary: Option<Dictionary>,
}

/// What can be said of a dictionary and how often its latents are active.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Dictionary {
    /// Share of latents that are active in fewer than one row in 10,000, but in some.
    pub(crate) rare_fraction: f64,
    /// Mean cosine of encoder and decoder rows.
    pub(crate) encoder_decoder_cosine: f64,
    /// Mean over live latents of the largest cosine with another live one.
    pub(crate) redundancy: f64,
    /// Latents by the share of rows in which they are active, in half decades from 10^-6 to 1.
    pub(crate) density_histogram: Vec<u64>,
}

impl Dictionary {
    fn new(sae: &Sae, metrics: &Metrics) -> anyhow::Result<Self> {
        let live = metrics.live();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let enough = live.iter().filter(|live| **live).count() > 1;
        Ok(Self {
            rare_fraction: metrics.rare_fraction(RARE),
            encoder_decoder_cosine: mean(sae.encoder_decoder_cosine()?),
            redundancy: match enough {
                true => mean(sae.redundancy(Some(&live))?),
                false => 0.0,
            },
            density_histogram: metrics.density_histogram().to_vec(),
        })
    }
}

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let sae = Sae::load(&args.sae)?;
    let latents = Latents::open(&args.latents, args.dtype)?;
    ensure!(
        sae.config.d_in == latents.meta().width,
        "`{}` takes {} channels, `{}` has {}\nhint: use the latents that it was trained on",
        args.sae.display(),
        sae.config.d_in,
        args.latents.display(),
        latents.meta().width
    );
    let evaluation = evaluate("autoencoder", &sae, &latents, args.split.as_deref())?;
    if args.json {
        return json::print(&evaluation);
    }
    println!(
        "{} rows of {}: FVU {:.4}, L0 {:.2}, dead {:.3}",
        evaluation.rows, evaluation.split, evaluation.fvu, evaluation.l0, evaluation.dead_fraction
    );
    Ok(())
}

/// What [`measure`] finds, as numbers.
pub(super) fn evaluate(
    what: &str,
    sae: &Sae,
    latents: &Latents<'_>,
    split: Option<&str>,
) -> anyhow::Result<Evaluation> {
    let metrics = measure(sae, latents, split)?;
    Ok(Evaluation {
        dictionary: Some(Dictionary::new(sae, &metrics)?),
        what: what.to_owned(),
        split: split.unwrap_or("all").to_owned(),
        rows: metrics.n_rows(),
        fvu: metrics.fvu(),
        l0: metrics.l0(),
        dead_fraction: metrics.dead_fraction(),
    })
}

/// Streams the records of a split through an autoencoder.
pub(super) fn measure(
    sae: &Sae,
    latents: &Latents<'_>,
    split: Option<&str>,
) -> anyhow::Result<Metrics> {
    let mut metrics = Metrics::new(sae.config.d_in, sae.config.n_latents);
    for index in latents.records_of(split)? {
        metrics.update(sae, &latents.rows(index)?)?;
    }
    Ok(metrics)
}

/// Principal components of one split with `k` coefficients per row, on another, in the autoencoder's input space.
pub(super) fn evaluate_pca(
    k: usize,
    latents: &Latents<'_>,
    [train, score]: [Option<&str>; 2],
) -> anyhow::Result<Evaluation> {
    let d = latents.meta().width;
    let (frame, pca) = components(latents, train)?;
    let k = k.min(d);
    let mut metrics = Metrics::new(d, 1);
    for index in latents.records_of(score)? {
        let x = frame.preprocess(&latents.rows(index)?)?.0;
        metrics.add_rows(&x, &pca.reconstruct(&x, k)?)?;
    }
    Ok(Evaluation {
        what: format!("{k} principal components"),
        split: score.unwrap_or("all").to_owned(),
        rows: metrics.n_rows(),
        fvu: metrics.fvu(),
        l0: k as f64,
        dead_fraction: 0.0,
        dictionary: None,
    })
}

/// Principal components of a split in the autoencoder's input space, and what takes rows there.
pub(super) fn components(latents: &Latents<'_>, split: Option<&str>) -> anyhow::Result<(Sae, Pca)> {
    let d = latents.meta().width;
    // An autoencoder of any size serves to preprocess rows the same way.
    let frame = Sae::random(SaeConfig::new(d, d, 1), 0)?;
    let mut covariance = Covariance::new(d);
    for index in latents.records_of(split)? {
        covariance.add(&frame.preprocess(&latents.rows(index)?)?.0)?;
    }
    Ok((frame, covariance.pca()?))
}
