//! Arguments of commands that read weather: forecast, inputs, score, stats.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use dropsonde_fields::{FillPolicy, ForecastLayout, MissingChunks, SourceOptions, Time, Variable};
use dropsonde_forecaster::Precision;
use tch::Device;

use super::parse_device;

/// Where weather is read from, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// Weather states: a NetCDF file, a Zarr store (v2 or v3; a directory or an `http(s)://`, `gs://` or `s3://` URL),
    /// a GRIB2 file or a directory of GRIB2 files
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) input: PathBuf,
    /// Forcings at the target times, in the same forms; what it lacks is taken from the input or derived
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) forcings: Option<PathBuf>,
    /// Time of the newer input frame, such as 2022-11-08T00; default: the second time of the input.
    /// Dates a file that has no dates
    #[arg(long, value_name = "TIME")]
    pub(crate) init: Option<Time>,
    /// What is put into gaps (NaN) of a variable, such as sea_surface_temperature=271.35 over land; can be repeated.
    /// Sea surface temperature and sea ice have a rule already
    #[arg(long, value_name = "VARIABLE=VALUE", value_parser = parse_fill)]
    pub(crate) fill: Vec<(Variable, f32)>,
    /// Take chunks that a Zarr store does not have as full of its fill value instead of as an error
    #[arg(long)]
    pub(crate) allow_missing_chunks: bool,
}

impl InputArgs {
    /// How the sources are read.
    pub(crate) fn options(&self) -> SourceOptions {
        let fill = self
            .fill
            .iter()
            .fold(FillPolicy::default(), |policy, (variable, value)| {
                policy.with(variable.clone(), *value)
            });
        let missing_chunks = match self.allow_missing_chunks {
            true => MissingChunks::Fill,
            false => MissingChunks::default(),
        };
        SourceOptions {
            fill,
            missing_chunks,
            ..SourceOptions::default()
        }
    }
}

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
        --init 1982-07-08T00 --steps 20 --out forecast.zarr")]
pub(crate) struct ForecastArgs {
    /// Weights in the public GraphCast layout (.npz)
    #[arg(long, value_name = "NPZ")]
    pub(crate) checkpoint: PathBuf,
    /// Statistics: a JSON file, or a directory with GraphCast's three NetCDF files
    #[arg(long, value_name = "PATH")]
    pub(crate) stats: PathBuf,
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
    /// Where to compute: `cpu` or `cuda:0`
    #[arg(long, default_value = "cpu", value_parser = parse_device, value_name = "DEVICE")]
    pub(crate) device: Device,
    /// Numbers to compute in: `f32`, `bf16` (matrix products only) or `f64`
    #[arg(long, default_value = "f32")]
    pub(crate) dtype: Precision,
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

/// Work on inputs.
#[derive(Debug, Subcommand)]
pub(crate) enum InputsCommand {
    /// Check that inputs are what a model expects: names, units, levels, values, accumulation, orientation
    Check(CheckArgs),
}

/// What to check.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit status: 0 if nothing speaks against a forecast, 1 otherwise.

Examples:
  dropsonde inputs check --checkpoint graphcast_small.npz --stats stats --input era5.nc
  dropsonde inputs check --task GraphCast_small --stats stats --input gfs/ --json"
)]
pub(crate) struct CheckArgs {
    /// Weights whose task the inputs are for (.npz)
    #[arg(
        long,
        value_name = "NPZ",
        required_unless_present = "task",
        conflicts_with = "task"
    )]
    pub(crate) checkpoint: Option<PathBuf>,
    /// A published model instead of a file: `GraphCast`, `GraphCast_small` or `GraphCast_operational`
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Statistics: a JSON file, or a directory with GraphCast's three NetCDF files
    #[arg(long, value_name = "PATH")]
    pub(crate) stats: PathBuf,
    #[command(flatten)]
    pub(crate) weather: InputArgs,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Scores of a forecast.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  dropsonde score --forecast forecast.zarr --truth era5.zarr
  dropsonde score --forecast forecast.nc --truth gs://BUCKET/era5.zarr \\
      --climatology climatology.zarr --targets z500,t850,temperature@200 --baseline \\
      --out scores.json")]
pub(crate) struct ScoreArgs {
    /// Forecast, in either layout of `dropsonde forecast` or as WeatherBench 2 has it
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) forecast: PathBuf,
    /// True states on the same grid
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) truth: PathBuf,
    /// Climatology by hour and day of year, for the anomaly correlation
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) climatology: Option<PathBuf>,
    /// What to score, such as z500,wind850,temperature@200; default: the headline variables that both have
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) targets: Vec<String>,
    /// Score persistence of the true initial state as well
    #[arg(long)]
    pub(crate) baseline: bool,
    /// Initial time, for a forecast file that does not say it
    #[arg(long, value_name = "TIME")]
    pub(crate) init: Option<Time>,
    /// Write the scores as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Statistics of a store.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  dropsonde stats --input era5.zarr --task GraphCast_small --from 2018-01-01 --to 2018-12-31T18 \\
      --every 30 --out stats.json
  Only what published statistics lack:
  dropsonde stats --input gfs.nc --task GraphCast_small --base stats --out stats.json")]
pub(crate) struct StatsArgs {
    /// Weights whose task says which variables and levels (.npz)
    #[arg(
        long,
        value_name = "NPZ",
        required_unless_present = "task",
        conflicts_with = "task"
    )]
    pub(crate) checkpoint: Option<PathBuf>,
    /// A published model instead of a file: `GraphCast`, `GraphCast_small` or `GraphCast_operational`
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Weather states
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) input: PathBuf,
    /// Statistics that are kept; only what they lack is computed
    #[arg(long, value_name = "PATH")]
    pub(crate) base: Option<PathBuf>,
    /// First time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// Last time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    /// Take every n-th time
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) every: usize,
    /// JSON file to write
    #[arg(long, value_name = "JSON")]
    pub(crate) out: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_fill(text: &str) -> anyhow::Result<(Variable, f32)> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("expected VARIABLE=VALUE, found `{text}`"))?;
    let value: f32 = value
        .parse()
        .with_context(|| format!("expected a number after `=`, found `{value}`"))?;
    anyhow::ensure!(
        value.is_finite(),
        "expected a finite number, found `{value}`"
    );
    Ok((Variable::new(name), value))
}
