use std::path::Path;

use anyhow::{Context, bail};
use dropsonde_activations::{ActivationReader, CodeStore};
use dropsonde_fields::Source;
use dropsonde_forecaster::Checkpoint;
use dropsonde_sae::Sae;
use serde_json::{Value, json};

use crate::args::InspectArgs;

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let path = args.path.as_path();
    std::fs::metadata(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let description = describe(path)?;
    if args.json {
        return crate::json::print(&description);
    }
    print(&description, 0);
    Ok(())
}

/// Looks at what is there, most specific form first.
fn describe(path: &Path) -> anyhow::Result<Value> {
    if path.is_dir() && path.join("sae.safetensors").is_file() {
        return sae(path);
    }
    if path.is_dir() && path.join("zarr.json").is_file() {
        return zarr(path);
    }
    if path.is_dir() {
        return run_directory(path);
    }
    match path.extension().and_then(|e| e.to_str()) {
        Some("npz") => checkpoint(path),
        Some("nc") => weather(path),
        _ => bail!(
            "`{}` is of no known kind\nhint: known are GraphCast checkpoints (.npz), NetCDF (.nc), Zarr v3 stores, autoencoder and run directories",
            path.display()
        ),
    }
}

fn checkpoint(path: &Path) -> anyhow::Result<Value> {
    let checkpoint = Checkpoint::read(path)?;
    let names = |variables: &[dropsonde_fields::Variable]| {
        variables
            .iter()
            .map(|v| v.name().to_owned())
            .collect::<Vec<_>>()
    };
    Ok(json!({
        "kind": "GraphCast checkpoint",
        "description": checkpoint.description,
        "license": checkpoint.license,
        "parameters": checkpoint.parameters.count(),
        "weights_sha256": checkpoint.parameters.sha256(),
        "model": checkpoint.model,
        "inputs": names(&checkpoint.task.input_variables),
        "targets": names(&checkpoint.task.target_variables),
        "forcings": names(&checkpoint.task.forcing_variables),
        "levels_hpa": checkpoint.task.pressure_levels,
    }))
}

fn zarr(path: &Path) -> anyhow::Result<Value> {
    if let Ok(reader) = ActivationReader::open(path) {
        return Ok(json!({
            "kind": "latents",
            "meta": reader.meta(),
            "records": reader.records().len(),
            "splits": splits(reader.records()),
        }));
    }
    if let Ok(store) = CodeStore::open(path) {
        return Ok(json!({
            "kind": "codes",
            "meta": store.meta(),
            "records": store.records().len(),
            "splits": splits(store.records()),
        }));
    }
    weather(path)
}

fn splits(records: &[dropsonde_activations::Record]) -> Value {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for record in records {
        *counts
            .entry(record.split.clone().unwrap_or_else(|| "none".into()))
            .or_default() += 1;
    }
    json!(counts)
}

fn weather(path: &Path) -> anyhow::Result<Value> {
    let source = Source::open(path)?;
    let grid = source.grid();
    let times = source.times();
    let span = times
        .first()
        .zip(times.last())
        .map(|(a, b)| format!("{a} to {b}"));
    Ok(json!({
        "kind": "weather states",
        "title": source.attributes().get("title"),
        "grid": format!("{} x {} ({:?}), latitude {} to {}", grid.n_lat(), grid.n_lon(), grid.kind(),
            grid.lat()[0], grid.lat()[grid.n_lat() - 1]),
        "times": times.len(),
        "span": span,
        "levels_hpa": source.levels(),
        "variables": source.variables().iter().map(|v| v.name().to_owned()).collect::<Vec<_>>(),
    }))
}

fn sae(path: &Path) -> anyhow::Result<Value> {
    let sae = Sae::load(path)?;
    Ok(
        json!({ "kind": "sparse autoencoder", "config": sae.config, "meta": sae.meta, "sha256": sae.sha256()? }),
    )
}

fn run_directory(path: &Path) -> anyhow::Result<Value> {
    let mut steps = Vec::new();
    for entry in
        std::fs::read_dir(path).with_context(|| format!("cannot list `{}`", path.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(step) = name.strip_suffix(".stamp.json") {
            steps.push(step.to_owned());
        }
    }
    steps.sort();
    if steps.is_empty() {
        bail!(
            "`{}` is a directory without any artefact of this program",
            path.display()
        );
    }
    Ok(json!({ "kind": "run directory", "finished_steps": steps }))
}

/// Indented `key: value` lines.
fn print(value: &Value, depth: usize) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        let pad = "  ".repeat(depth);
        match value {
            Value::Object(_) => {
                println!("{pad}{key}:");
                print(value, depth + 1);
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                println!("{pad}{key}: {}", items.join(", "));
            }
            Value::Null => {}
            other => println!("{pad}{key}: {}", plain(other)),
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
