use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use dropsonde_activations::NpyDtype;
use dropsonde_sae::interchange::Format;

use super::{StepArgs, parse_device};

#[derive(Debug, Subcommand)]
pub(crate) enum SaeCommand {
    /// Train on the captured latents of the split `train`
    Train(StepArgs),
    /// Reconstruction error, sparsity and dead latents on a split
    Eval(EvalArgs),
    /// How much of a forecast survives when latents are replaced by their reconstruction
    Recovered(RecoveredArgs),
    /// Codes of latents, to a store or a `.npz` file
    Encode(EncodeArgs),
    /// Read a checkpoint of another tool
    Import(ImportArgs),
    /// Write a checkpoint for another tool
    Export(ExportArgs),
    /// Train many autoencoders in one pass over the latents, and compare them
    Sweep(SweepArgs),
}

/// Evaluation of an autoencoder.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  dropsonde sae eval --sae runs/earth/sae --latents runs/earth/latents.zarr --split report --json")]
pub(crate) struct EvalArgs {
    /// Directory with `sae.safetensors` and `config.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) sae: PathBuf,
    /// Store of latents, a `.npy` file or a directory of them
    #[arg(long, visible_alias = "activations", value_name = "PATH")]
    pub(crate) latents: PathBuf,
    /// What `.npy` elements of `|V2` mean: `bf16` or `f16-view`
    #[arg(long, value_parser = parse_dtype, value_name = "DTYPE")]
    pub(crate) dtype: Option<NpyDtype>,
    /// Only records of this split
    #[arg(long)]
    pub(crate) split: Option<String>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Forecast loss recovered.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Of every step there are three forecasts: the forecaster's own (base), one with the latents at the site replaced
(spliced), one with them set to zero. Per output channel, recovered = 1 - MSE(spliced, base) / MSE(zero, base).

Examples:
  dropsonde sae recovered --experiment xtask/experiments/earth.toml --sae runs/earth/sae
  dropsonde sae recovered --experiment xtask/experiments/earth.toml --sae runs/sweep/topk-1024-k16-s0/sae \\
      --sae runs/sweep/relu-1024-k16-s0/sae --latents runs/earth/latents.zarr --json"
)]
pub(crate) struct RecoveredArgs {
    /// The experiment (TOML): its model and its source, whose windows have splits
    #[arg(long, value_name = "FILE")]
    pub(crate) experiment: PathBuf,
    /// Directory with `sae.safetensors` and `config.json`; several are compared on the same steps
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) sae: Vec<PathBuf>,
    /// Steps that start in windows of this split
    #[arg(long, default_value = "report", value_name = "NAME")]
    pub(crate) split: String,
    /// Take every so many steps of a window
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) every: usize,
    /// Latents whose split `train` gives principal components as a baseline
    #[arg(long, value_name = "ZARR")]
    pub(crate) latents: Option<PathBuf>,
    /// Where to compute: `cpu` or `cuda:0`
    #[arg(long, default_value = "cpu", value_parser = parse_device, value_name = "DEVICE")]
    pub(crate) device: tch::Device,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Codes of latents.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "A `.npz` file has `indices` and `values` `[rows, k]`, `mean` and `norm` `[rows]`; unused slots have value 0.

Examples:
  dropsonde sae encode --sae runs/earth/sae --latents runs/earth/latents.zarr --out codes.zarr
  dropsonde sae encode --sae imported --latents layer0008.npy --dtype bf16 --out codes.npz"
)]
pub(crate) struct EncodeArgs {
    /// Directory with `sae.safetensors` and `config.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) sae: PathBuf,
    /// Store of latents, a `.npy` file or a directory of them
    #[arg(long, visible_alias = "activations", value_name = "PATH")]
    pub(crate) latents: PathBuf,
    /// What `.npy` elements of `|V2` mean: `bf16` or `f16-view`
    #[arg(long, value_parser = parse_dtype, value_name = "DTYPE")]
    pub(crate) dtype: Option<NpyDtype>,
    /// What is written: a Zarr store (`.zarr`) or one file (`.npz`)
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Slots per row, where the activation has no fixed number; default: twice what the fullest row of the first record needs
    #[arg(long, value_name = "K")]
    pub(crate) slots: Option<usize>,
    /// Go on where an interrupted run stopped (stores only)
    #[arg(long)]
    pub(crate) resume: bool,
    /// Print one JSON object instead of a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// A checkpoint of another tool.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The format is found from the files; `.pt` files are read without running what is pickled in them.

Examples:
  dropsonde sae import sae_step0334221_t2300M.pt --out published --site processor/08
  dropsonde sae import saelens_directory --out imported --json"
)]
pub(crate) struct ImportArgs {
    /// A file or directory
    pub(crate) path: PathBuf,
    /// Directory for `sae.safetensors` and `config.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The format: `paper`, `climate-xai`, `saelens`, `sparsify` or `dictionary-learning`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Active latents per row, where no file says so
    #[arg(long, value_name = "K")]
    pub(crate) k: Option<usize>,
    /// Read climate_xai's Matryoshka, trained with top-k over batches, with top-k per row
    #[arg(long)]
    pub(crate) batch_topk_per_row: bool,
    /// Directory with climate_xai's `feature_min.npy` and `feature_max.npy`, for a Matryoshka trained on rows scaled with them
    #[arg(long, value_name = "DIR")]
    pub(crate) feature_range: Option<PathBuf>,
    /// The place in the network that it is for, such as `processor/08`
    #[arg(long, default_value = "", value_name = "SITE")]
    pub(crate) site: String,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// A checkpoint for another tool.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  dropsonde sae export --sae runs/earth/sae --to saelens --out for_saelens
  dropsonde sae export --sae runs/earth/sae --to paper --out for_the_notebook")]
pub(crate) struct ExportArgs {
    /// Directory with `sae.safetensors` and `config.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) sae: PathBuf,
    /// The format: `saelens`, `sparsify`, `dictionary-learning` or `paper`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Format,
    /// Directory for the files
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Many autoencoders at once.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  dropsonde sae sweep --config sweep.toml --latents runs/earth/latents.zarr --out runs/sweep --resume
with `sweep.toml` like
  variants = [\"topk\", \"batch_topk\", \"jump_relu\", \"gated\", \"relu\", \"matryoshka\", \"batch_matryoshka\"]
  n_latents = [1024]
  k = [8, 16, 32]
  seeds = [0, 1]
  k_aux = 64
  epochs = 8
  batch_size = 2048
  learning_rate = 1e-3")]
pub(crate) struct SweepArgs {
    /// Which autoencoders (TOML): every combination is trained
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Store of latents, a `.npy` file or a directory of them
    #[arg(long, visible_alias = "activations", value_name = "PATH")]
    pub(crate) latents: Option<PathBuf>,
    /// What `.npy` elements of `|V2` mean: `bf16` or `f16-view`
    #[arg(long, value_parser = parse_dtype, value_name = "DTYPE")]
    pub(crate) dtype: Option<NpyDtype>,
    /// In place of stored latents those of this experiment's forecaster (TOML), computed when they are needed
    #[arg(long, value_name = "FILE", conflicts_with = "latents")]
    pub(crate) experiment: Option<PathBuf>,
    /// Where to train, and to run the forecaster: `cpu` or `cuda:0`
    #[arg(long, default_value = "cpu", value_parser = parse_device, value_name = "DEVICE")]
    pub(crate) device: tch::Device,
    /// Megabytes for rows in memory; what does not fit is mixed on disk, or run again
    #[arg(long, default_value_t = 4096, value_name = "MB")]
    pub(crate) memory: usize,
    /// Directory for a directory of each autoencoder and for `sweep.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Train on records of this split only
    #[arg(long, value_name = "NAME")]
    pub(crate) train_split: Option<String>,
    /// Score on records of this split only
    #[arg(long, value_name = "NAME")]
    pub(crate) score_split: Option<String>,
    /// Go on where an interrupted run stopped
    #[arg(long)]
    pub(crate) resume: bool,
    /// Seconds between two savings of the resumable state
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    pub(crate) save_every: f64,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads `bf16` or `f16-view`.
fn parse_dtype(text: &str) -> anyhow::Result<NpyDtype> {
    match text {
        "bf16" => Ok(NpyDtype::Bf16),
        "f16-view" => Ok(NpyDtype::F16View),
        _ => bail!("unknown `{text}`, expected `bf16` or `f16-view`"),
    }
}
