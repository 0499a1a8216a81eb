use anyhow::ensure;
use dropsonde_activations::ActivationReader;
use dropsonde_sae::{Covariance, Metrics, Sae};
use serde::Serialize;
use tch::Tensor;

use crate::args::EvalArgs;
use crate::json;

/// How well an autoencoder reconstructs a split; definitions in docs/notation.md.
#[derive(Debug, Serialize)]
pub(crate) struct Evaluation {
    what: String,
    split: String,
    rows: u64,
    fvu: f64,
    l0: f64,
    dead_fraction: f64,
}

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let sae = Sae::load(&args.sae)?;
    let reader = ActivationReader::open(&args.latents)?;
    ensure!(
        sae.config.d_in == reader.meta().width,
        "`{}` takes {} channels, `{}` has {}\nhint: use the latents that it was trained on",
        args.sae.display(),
        sae.config.d_in,
        args.latents.display(),
        reader.meta().width
    );
    let evaluation = evaluate("autoencoder", &sae, &reader, args.split.as_deref())?;
    if args.json {
        return json::print(&evaluation);
    }
    println!(
        "{} rows of {}: FVU {:.4}, L0 {:.2}, dead {:.3}",
        evaluation.rows, evaluation.split, evaluation.fvu, evaluation.l0, evaluation.dead_fraction
    );
    Ok(())
}

/// Indices of the records of a split (of all, without one).
pub(crate) fn records_of(
    reader: &ActivationReader,
    split: Option<&str>,
) -> anyhow::Result<Vec<usize>> {
    let chosen = |i: &usize| split.is_none() || reader.records()[*i].split.as_deref() == split;
    let records: Vec<usize> = (0..reader.records().len()).filter(chosen).collect();
    let name = split.unwrap_or("any");
    ensure!(
        !records.is_empty(),
        "no record of split `{name}` in the store\nhint: `dropsonde inspect` lists the splits"
    );
    Ok(records)
}

/// Streams the records of a split through an autoencoder.
pub(crate) fn evaluate(
    what: &str,
    sae: &Sae,
    reader: &ActivationReader,
    split: Option<&str>,
) -> anyhow::Result<Evaluation> {
    let mut metrics = Metrics::new(sae.config.d_in, sae.config.n_latents);
    for index in records_of(reader, split)? {
        metrics.update(sae, &rows(reader, index)?)?;
    }
    Ok(Evaluation {
        what: what.to_owned(),
        split: split.unwrap_or("all").to_owned(),
        rows: metrics.n_rows(),
        fvu: metrics.fvu(),
        l0: metrics.l0(),
        dead_fraction: metrics.dead_fraction(),
    })
}

/// Principal components of *train* with `k` coefficients per row, on *report*, in the autoencoder's input space.
pub(crate) fn evaluate_pca(k: usize, reader: &ActivationReader) -> anyhow::Result<Evaluation> {
    let d = reader.meta().width;
    // An autoencoder of any size serves to preprocess rows the same way.
    let frame = Sae::random(dropsonde_sae::SaeConfig::new(d, d, 1), 0)?;
    let mut covariance = Covariance::new(d);
    for index in records_of(reader, Some("train"))? {
        covariance.add(&frame.preprocess(&rows(reader, index)?)?.0)?;
    }
    let pca = covariance.pca()?;
    let k = k.min(d);
    let mut metrics = Metrics::new(d, 1);
    for index in records_of(reader, Some("report"))? {
        let x = frame.preprocess(&rows(reader, index)?)?.0;
        metrics.add_rows(&x, &pca.reconstruct(&x, k)?)?;
    }
    Ok(Evaluation {
        what: format!("{k} principal components"),
        split: "report".to_owned(),
        rows: metrics.n_rows(),
        fvu: metrics.fvu(),
        l0: k as f64,
        dead_fraction: 0.0,
    })
}

/// One record as rows `[M, D]`.
fn rows(reader: &ActivationReader, index: usize) -> anyhow::Result<Tensor> {
    Ok(Tensor::from_slice(&reader.read(index)?).reshape([-1, reader.meta().width as i64]))
}
