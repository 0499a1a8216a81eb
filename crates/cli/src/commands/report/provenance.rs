use dropsonde_atlas::Section;
use serde_json::{Value, json};

use super::Run;

/// What the numbers depend on.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let versions = versions(run)?;
    let facts = versions
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(key, value)| match value {
            Value::Object(inner) => inner
                .iter()
                .map(|(k, v)| (format!("{key}: {k}"), plain(v)))
                .collect::<Vec<_>>(),
            other => vec![(key.clone(), plain(other))],
        });
    Ok(Section::new("How it was made")
        .paragraph("`metrics.json`, `experiment.toml` and `versions.json` lie beside this page.")
        .facts(facts))
}

/// Versions, seeds and hashes of the inputs.
pub(super) fn versions(run: &Run) -> anyhow::Result<Value> {
    Ok(json!({
        "dropsonde": env!("CARGO_PKG_VERSION"),
        "tch": "0.26",
        "threads": tch::get_num_threads(),
        "seed": run.ctx.experiment.seed,
        "site": run.sae.meta.site,
        "kernel": run.sae.meta.kernel,
        "weights sha256": run.latents.meta().weights_sha256,
        "autoencoder sha256": run.sae.sha256()?,
        "input sha256": run.ctx.input_hashes()?,
    }))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
