//! `dropsonde sae import` and `dropsonde sae export`.

use std::path::Path;

use dropsonde_sae::Sae;
use dropsonde_sae::interchange::{self, FeatureRange, Options, Report};
use serde_json::json;

use crate::args::{ExportArgs, ImportArgs};
use crate::{json, npy};

pub(crate) fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let options = Options {
        format: args.format,
        k: args.k,
        batch_top_k_per_row: args.batch_topk_per_row,
        feature_range: args.feature_range.as_deref().map(range).transpose()?,
    };
    let (mut sae, report) = interchange::import_with(&args.path, &options)?;
    if !args.site.is_empty() {
        sae.meta.site.clone_from(&args.site);
    }
    sae.save(&args.out)?;
    say(&sae, &report, &args.out, args.json)
}

/// Smallest and largest value of each channel, from climate_xai's files.
fn range(directory: &Path) -> anyhow::Result<FeatureRange> {
    Ok(FeatureRange {
        min: npy::read(&directory.join("feature_min.npy"))?,
        max: npy::read(&directory.join("feature_max.npy"))?,
    })
}

pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let sae = Sae::load(&args.sae)?;
    let report = interchange::export(&sae, args.to, &args.out)?;
    say(&sae, &report, &args.out, args.json)
}

/// What was converted, and what was not.
fn say(sae: &Sae, report: &Report, out: &Path, as_json: bool) -> anyhow::Result<()> {
    let dead = report.dead_mask.as_ref();
    let dead = dead.map(|mask| mask.iter().filter(|dead| **dead).count());
    if as_json {
        return json::print(&json!({
            "out": out, "format": report.format.name(), "config": sae.config, "sha256": sae.sha256()?,
            "dead": dead, "not_carried": report.not_carried, "notes": report.notes,
        }));
    }
    println!(
        "{}: {} channels to {} latents, {}; format `{}`",
        out.display(),
        sae.config.d_in,
        sae.config.n_latents,
        sae.config.activation,
        report.format
    );
    if let Some(dead) = dead {
        println!("{dead} latents counted as dead");
    }
    for note in &report.notes {
        println!("note: {note}");
    }
    for what in &report.not_carried {
        println!("left behind: {what}");
    }
    Ok(())
}
