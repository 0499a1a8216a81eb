//! Arguments of commands that read weather: inputs, score, stats; and what forecast shares with them.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use dropsonde_fields::{
    FillPolicy, MissingChunks, SourceOptions, Statistics, Task, Time, Variable,
};
use dropsonde_forecaster::{Checkpoint, ModelConfig, Preset};

use super::TimesArgs;

/// Where weather is read from, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// Weather states: a NetCDF file, a Zarr store (v2 or v3; a directory or an `http(s)://`, `gs://` or `s3://` URL),
    /// a GRIB2 file or a directory of GRIB2 files
    #[arg(
        long,
        value_name = "PATH|URL",
        required_unless_present = "synthetic_input"
    )]
    pub(crate) input: Option<PathBuf>,
    /// Smooth, plausible weather made of formulas on the grid and levels of the model, instead of a file
    #[arg(long, conflicts_with_all = ["input", "forcings", "fill", "allow_missing_chunks"])]
    pub(crate) synthetic_input: bool,
    /// Statistics: a JSON file, or a directory with GraphCast's three NetCDF files; those of the formulas are known
    #[arg(long, value_name = "PATH", required_unless_present = "synthetic_input")]
    pub(crate) stats: Option<PathBuf>,
    /// Forcings at the target times, in the same forms; what it lacks is taken from the input or derived
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) forcings: Option<PathBuf>,
    /// Time of the newer input frame, such as 2022-11-08T00; default: the second time of the input
    /// (2022-01-01T06 of synthetic input). Dates a file that has no dates
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
    /// The statistics asked for, or those of synthetic input.
    pub(crate) fn statistics(&self, task: &Task) -> anyhow::Result<Statistics> {
        Ok(match &self.stats {
            Some(path) => Statistics::open(path)?,
            None => Statistics::synthetic(task)?,
        })
    }

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

/// The model that weather is read for.
#[derive(Debug, Clone, Args)]
pub(crate) struct TaskArgs {
    /// Weights whose task says which variables and levels are meant (.npz)
    #[arg(
        long,
        value_name = "NPZ",
        required_unless_present_any = ["task", "config"],
        conflicts_with = "task"
    )]
    checkpoint: Option<PathBuf>,
    /// A published model instead of a file: `GraphCast`, `GraphCast_small` or `GraphCast_operational`
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// A file with tables `[model]` and `[task]` (TOML) instead, such as that of `dropsonde train`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["checkpoint", "task"])]
    config: Option<PathBuf>,
}

/// The part of a training file that says what is read and predicted.
#[derive(serde::Deserialize)]
struct TaskFile {
    model: ModelConfig,
    task: Task,
}

impl TaskArgs {
    /// Shape and task of the checkpoint or of the published model.
    pub(crate) fn model(&self) -> anyhow::Result<(ModelConfig, Task)> {
        if let Some(path) = &self.config {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            let file: TaskFile = toml::from_str(&text).with_context(|| {
                format!("`{}` has no valid `[model]` and `[task]`", path.display())
            })?;
            return Ok((file.model, file.task));
        }
        match (&self.checkpoint, &self.task) {
            (Some(path), _) => {
                let checkpoint = Checkpoint::read(path)?;
                Ok((checkpoint.model, checkpoint.task))
            }
            (None, Some(name)) => {
                let preset: Preset = name.parse()?;
                Ok((preset.model(), preset.task()))
            }
            (None, None) => bail!("expected `--checkpoint`, `--task` or `--config`"),
        }
    }
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
  dropsonde inputs check --task GraphCast_small --stats stats --input gfs/ --json
  dropsonde inputs check --task GraphCast_small --synthetic-input"
)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) model: TaskArgs,
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
  Of the days that are in no window:
  dropsonde stats --input earth.zarr --config earth-s.toml --exclude windows.json --out statistics.json
  Only what published statistics lack:
  dropsonde stats --input gfs.nc --task GraphCast_small --base stats --out stats.json")]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) model: TaskArgs,
    /// Weather states
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) input: PathBuf,
    /// Statistics that are kept; only what they lack is computed
    #[arg(long, value_name = "PATH")]
    pub(crate) base: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) times: TimesArgs,
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
