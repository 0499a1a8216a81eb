//! `dropsonde coarsen`: a long record on a coarser grid, rounded, in one compact store.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use dropsonde_fields::{PackConfig, PackPlan, verify_checksums};
use serde_json::json;

use crate::args::{CoarsenArgs, open_record};
use crate::{json as json_out, progress};

pub(crate) fn run(args: &CoarsenArgs) -> anyhow::Result<()> {
    if let Some(store) = &args.verify {
        return verify(store, args.json);
    }
    let Some(out) = &args.out else {
        bail!("expected `--out`");
    };
    let selection = args.times.selection()?;
    let plan = PackPlan::new(open_record(&args.sources)?, config(args)?, selection)?;
    if args.dry_run {
        return describe(&plan, args.json);
    }
    let started = Instant::now();
    let bar = progress::bar("packing", plan.n_reads() as u64);
    let mut first = None;
    let summary = plan.write(out, args.resume, |done, _| {
        // What was taken over is no measure of the speed.
        if first.is_none() {
            first = Some(done);
            bar.reset_eta();
        }
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let bytes = size(out)?;
    if args.json {
        return json_out::print(&json!({
            "out": out,
            "bytes": bytes,
            "seconds": seconds,
            "blocks_taken_over": summary.blocks_taken_over,
            "plan": summary.description,
        }));
    }
    println!(
        "{}: {} states, {:.1} MB ({:.1} kB a state), {seconds:.1} s",
        out.display(),
        summary.times,
        bytes as f64 / 1e6,
        bytes as f64 / 1e3 / summary.times as f64,
    );
    Ok(())
}

fn verify(store: &Path, as_json: bool) -> anyhow::Result<()> {
    let files = verify_checksums(store)?;
    if as_json {
        return json_out::print(&json!({ "store": store, "files": files, "sound": true }));
    }
    println!("{}: {files} files are what was written", store.display());
    Ok(())
}

/// The file's configuration with what the flags say.
fn config(args: &CoarsenArgs) -> anyhow::Result<PackConfig> {
    let mut config = match &args.config {
        None => PackConfig::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            toml::from_str(&text)
                .with_context(|| format!("`{}` is not a valid packing", path.display()))?
        }
    };
    config.grid = args.grid.or(config.grid);
    config.shard_states = args.shard_states.or(config.shard_states);
    if !args.levels.is_empty() {
        config.levels = Some(args.levels.clone());
    }
    if !args.variables.is_empty() {
        config
            .daily
            .retain(|variable| args.variables.contains(variable));
        config.variables = Some(args.variables.clone());
    }
    for (variable, bits) in &args.keep_bits {
        match variable {
            Some(variable) => drop(config.keep_bits.insert(variable.clone(), *bits)),
            None => config.default_keep_bits = *bits,
        }
    }
    Ok(config)
}

fn describe(plan: &PackPlan, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return json_out::print(&plan.description());
    }
    let (grid, times) = (plan.grid(), plan.times());
    println!("grid        {} x {}", grid.n_lon(), grid.n_lat());
    if let [first, .., last] = times[..] {
        println!("times       {} from {first} to {last}", times.len());
    }
    println!("reads       {} states and days", plan.n_reads());
    println!(
        "numbers     {:.1} MB before compression, {:.1} MB in memory at once",
        plan.uncompressed_bytes() as f64 / 1e6,
        plan.block_bytes() as f64 / 1e6
    );
    println!(
        "{}",
        serde_json::to_string_pretty(&plan.description()["axes"])?
    );
    Ok(())
}

/// Bytes of all files below a directory.
fn size(directory: &Path) -> anyhow::Result<u64> {
    let unreadable = || format!("cannot read `{}`", directory.display());
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let metadata = entry.metadata().with_context(unreadable)?;
        bytes += match metadata.is_dir() {
            true => size(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
