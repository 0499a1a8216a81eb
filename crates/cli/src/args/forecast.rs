//! Arguments of `dropsonde forecast`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use dropsonde_fields::ForecastLayout;
use dropsonde_forecaster::{Checkpoint, ForecasterOptions, Kernel, ModelConfig, Precision, Preset};
use serde_json::Value;
use tch::Device;

use super::{InputArgs, parse_device};

/// A forecast.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  GraphCast's own files, as published:
    dropsonde forecast --checkpoint graphcast_small.npz --stats stats \\
        --input source-era5_date-2022-01-01_res-1.0_levels-13_steps-04.nc --out forecast.nc
  ERA5 from a public bucket, ten days, in the layout of WeatherBench 2:
    dropsonde forecast --checkpoint graphcast_small.npz --stats stats \\
        --input gs://BUCKET/era5.zarr --init 2020-01-01T00 --steps 40 \\
        --layout weatherbench2 --out forecast.zarr
  What it would need, without computing anything:
    dropsonde forecast --checkpoint graphcast.npz --stats stats --input era5.nc \\
        --steps 40 --out forecast.zarr --dry-run
  The forecaster that is shipped:
    dropsonde forecast --checkpoint xtask/earth/weights/earth-s.npz \\
        --stats xtask/earth/data/statistics.json --input xtask/earth/data/earth-mini.zarr \\
        --init 1982-07-08T00 --steps 20 --out forecast.zarr
  No files at all, to see how long the full model takes here and how much memory (add --dry-run to ask first):
    dropsonde forecast --preset GraphCast --random-weights --synthetic-input \\
        --steps 1 --out forecast.zarr
  The same in small:
    dropsonde forecast --preset GraphCast_small --random-weights --seed 1 --set latent_size=64 \\
        --set mesh_size=3 --set resolution=5 --synthetic-input --steps 4 --out forecast.nc")]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Let variables without statistics enter the network unnormalised, as the reference does
    #[arg(long)]
    pub(crate) allow_missing_stats: bool,
    #[command(flatten)]
    pub(crate) weather: InputArgs,
    /// Steps of 6 h
    #[arg(long, default_value_t = 4)]
    pub(crate) steps: usize,
    /// File to write: `.nc` is NetCDF, `.zarr` is Zarr v3
    #[arg(long, value_name = "NC|ZARR")]
    pub(crate) out: PathBuf,
    /// Names and dimensions of the output: `graphcast` or `weatherbench2`
    #[arg(long, default_value = "graphcast")]
    pub(crate) layout: ForecastLayout,
    /// Replace an output that exists
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Set negative precipitation of the output to zero (the forecast itself goes on unclipped, as the reference's)
    #[arg(long)]
    pub(crate) clip_precip: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    /// Print memory and disk needed and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print size and finiteness of features, latents at every site and output of the first step
    #[arg(long)]
    pub(crate) trace: bool,
    /// Stop if `dropsonde inputs check` would refuse the inputs, instead of warning
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Weights from a file, or random ones in a published shape.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
    /// Weights in the public GraphCast layout (.npz)
    #[arg(long, value_name = "NPZ", required_unless_present_any = ["random_weights", "preset"])]
    checkpoint: Option<PathBuf>,
    /// Random weights in the shape of `--preset`: they forecast nothing, but take the same time and memory
    #[arg(long, requires = "preset", conflicts_with = "checkpoint")]
    random_weights: bool,
    /// A published model: `GraphCast`, `GraphCast_small` or `GraphCast_operational`
    #[arg(
        long,
        value_name = "NAME",
        requires = "random_weights",
        conflicts_with = "checkpoint"
    )]
    preset: Option<Preset>,
    /// Seed of the random weights
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "random_weights",
        conflicts_with = "checkpoint"
    )]
    seed: u64,
    /// Another number in the preset's shape, such as mesh_size=4, latent_size=64, gnn_msg_steps=4 or resolution=5;
    /// can be repeated
    #[arg(long, value_name = "KEY=NUMBER", value_parser = parse_setting, requires = "random_weights", conflicts_with = "checkpoint")]
    set: Vec<(String, Value)>,
}

impl ModelArgs {
    /// Reads the weights, or makes them.
    pub(crate) fn load(&self) -> anyhow::Result<Checkpoint> {
        match (&self.checkpoint, self.preset) {
            (Some(path), _) => Ok(Checkpoint::read(path)?),
            (None, Some(preset)) => {
                let model = with_settings(&preset.model(), &self.set)?;
                Ok(Checkpoint::random(model, preset.task(), self.seed)?)
            }
            (None, None) => {
                anyhow::bail!("expected `--checkpoint`, or `--preset` with `--random-weights`")
            }
        }
    }
}

/// Where and how the network runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct ComputeArgs {
    /// Where to compute: `cpu` or `cuda:0`
    #[arg(long, default_value = "cpu", value_parser = parse_device, value_name = "DEVICE")]
    device: Device,
    /// Numbers to compute in: `f32`, `bf16` (matrix products only) or `f64`
    #[arg(long, default_value = "f32")]
    dtype: Precision,
    /// Implementation of the network: `plain` or `fused` (CPU, `f32` or `bf16`)
    /// [default: `fused` where it can be had]
    #[arg(long, value_name = "NAME")]
    kernel: Option<Kernel>,
}

impl ComputeArgs {
    /// Options of a forecaster.
    pub(crate) fn options(&self) -> ForecasterOptions {
        ForecasterOptions {
            device: self.device,
            precision: self.dtype,
            kernel: self
                .kernel
                .unwrap_or_else(|| Kernel::best(self.device, self.dtype)),
        }
    }
}

fn parse_setting(text: &str) -> anyhow::Result<(String, Value)> {
    let (key, value) = text
        .split_once('=')
        .with_context(|| format!("expected KEY=NUMBER, found `{text}`"))?;
    let number: serde_json::Number = serde_json::from_str(value)
        .with_context(|| format!("expected a number after `=`, found `{value}`"))?;
    Ok((key.to_owned(), number.into()))
}

/// A shape with some of its fields replaced.
fn with_settings(model: &ModelConfig, settings: &[(String, Value)]) -> anyhow::Result<ModelConfig> {
    let mut fields = serde_json::to_value(model)?;
    for (key, value) in settings {
        fields[key] = value.clone();
    }
    serde_json::from_value(fields).context("`--set` does not fit the shape of a model")
}
