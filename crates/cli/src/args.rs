mod events;
mod forecast;
mod pack;
mod sae;
mod skill;
mod weather;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tch::Device;

pub(crate) use events::EventsArgs;
pub(crate) use forecast::ForecastArgs;
pub(crate) use pack::{ClimatologyArgs, CoarsenArgs, TimesArgs, WindowsArgs, open_record};
pub(crate) use sae::{
    EncodeArgs, EvalArgs, ExportArgs, ImportArgs, RecoveredArgs, SaeCommand, SweepArgs,
};
pub(crate) use skill::SkillArgs;
pub(crate) use weather::{CheckArgs, InputArgs, InputsCommand, ScoreArgs, StatsArgs};

/// Look inside neural weather models: run a graph-network forecaster, capture its activations, train sparse
/// autoencoders on them, find out what each feature means, and change features inside a forecast.
#[derive(Debug, Parser)]
#[command(name = "dropsonde", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a forecast and write it to NetCDF or Zarr
    Forecast(ForecastArgs),
    /// Check inputs of a forecast
    #[command(subcommand)]
    Inputs(InputsCommand),
    /// Score a forecast against the truth (RMSE, bias, anomaly correlation)
    Score(ScoreArgs),
    /// Say how good a forecaster is: errors against baselines, spectra, storms, stability
    Skill(SkillArgs),
    /// Compute the statistics that normalisation needs from a store
    Stats(StatsArgs),
    /// Find storms, moisture plumes, heavy precipitation and sea ice in a record of states
    Events(EventsArgs),
    /// Average a long record to a coarser grid, round it, and write one compact store
    Coarsen(CoarsenArgs),
    /// Compute mean weather by hour and day of the year from a store
    Climatology(ClimatologyArgs),
    /// Choose windows of a long record around its storms
    Windows(WindowsArgs),
    /// Train a forecaster
    Train(TrainArgs),
    /// Write the latents of one site to a Zarr store
    Capture(StepArgs),
    /// Train and evaluate sparse autoencoders
    #[command(subcommand)]
    Sae(SaeCommand),
    /// Describe every feature and score it against physical phenomena
    Features(StepArgs),
    /// Change a feature around a storm inside a forecast
    Intervene(StepArgs),
    /// Look at a real day through the same forecaster and autoencoder
    RealDay(StepArgs),
    /// Write the report of a run as one HTML page
    Report(StepArgs),
    /// Say what a file or directory is
    Inspect(InspectArgs),
}

/// One step of an experiment.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  dropsonde capture --experiment xtask/experiments/earth.toml --run runs/earth
  dropsonde sae train --experiment xtask/experiments/earth.toml --run runs/earth --resume
  dropsonde features --experiment xtask/experiments/earth.toml --run runs/earth --json")]
pub(crate) struct StepArgs {
    /// Experiment description (TOML); paths in it are relative to the file
    #[arg(long, value_name = "FILE")]
    pub(crate) experiment: PathBuf,
    /// Directory of the run: earlier steps are read from it, results are written to it
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// Use the small sizes of the experiment's `[smoke]` table
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed in place of the experiment's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where to compute: `cpu` or `cuda:0`
    #[arg(long, default_value = "cpu", value_parser = parse_device, value_name = "DEVICE")]
    pub(crate) device: Device,
    /// Go on where an interrupted run of this step stopped
    #[arg(long)]
    pub(crate) resume: bool,
}

/// Training of a forecaster.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  dropsonde train --config xtask/earth/earth-s.toml --data earth_t63c.zarr --out weights --resume")]
pub(crate) struct TrainArgs {
    /// Model, task, training schedule (TOML); paths in it are relative to the file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Store with the training states
    #[arg(long, value_name = "PATH")]
    pub(crate) data: PathBuf,
    /// Directory for weights, log and resumable state
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Go on from the state in the output directory
    #[arg(long)]
    pub(crate) resume: bool,
    /// Stop after this step of the schedule with the resumable state saved, without weights and skill
    #[arg(long, value_name = "STEP", conflicts_with = "finish")]
    pub(crate) until: Option<u64>,
    /// Minutes between two savings of the resumable state
    #[arg(long, default_value_t = 5.0, value_name = "MINUTES")]
    pub(crate) save_every: f64,
    /// Only write the weights of the state so far and score them
    #[arg(long)]
    pub(crate) finish: bool,
    /// Where to compute: `cpu` or `cuda:0`
    #[arg(long, default_value = "cpu", value_parser = parse_device, value_name = "DEVICE")]
    pub(crate) device: Device,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to inspect.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  dropsonde inspect runs/earth/latents.zarr
  dropsonde inspect xtask/earth/weights/earth-s.npz --json")]
pub(crate) struct InspectArgs {
    /// A checkpoint, store, autoencoder, run directory or weather file
    pub(crate) path: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads `cpu`, `cuda` or `cuda:N`, and refuses a GPU that is not there.
fn parse_device(text: &str) -> anyhow::Result<Device> {
    let device = match text {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => Device::Cuda(0),
        _ => Device::Cuda(
            text.strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .with_context(|| format!("unknown device `{text}`, expected `cpu` or `cuda:N`"))?,
        ),
    };
    let found = tch::Cuda::device_count();
    match device {
        Device::Cuda(n) if (n as i64) < found => Ok(device),
        _ => anyhow::bail!("device `{text}` is not there: this libtorch sees {found} CUDA devices"),
    }
}
