//! Arguments of commands that pack long records: coarsen, climatology, windows; and what stats shares with them.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use dropsonde_fields::{Source, TargetGrid, Time, TimeSelection, Variable, Window};

/// Which times are meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct TimesArgs {
    /// First time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// Last time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    /// Only times in the windows of this JSON list, or of the attribute `windows` of this store
    #[arg(long, value_name = "FILE|STORE")]
    pub(crate) windows: Option<PathBuf>,
    /// No times in the windows of this JSON list, or of the attribute `windows` of this store
    #[arg(long, value_name = "FILE|STORE")]
    pub(crate) exclude: Option<PathBuf>,
}

impl TimesArgs {
    /// The selection, its windows read from their files.
    pub(crate) fn selection(&self) -> anyhow::Result<TimeSelection> {
        let read = |path: &Option<PathBuf>| path.as_ref().map(Window::read).transpose();
        Ok(TimeSelection {
            from: self.from,
            to: self.to,
            within: read(&self.windows)?,
            without: read(&self.exclude)?.unwrap_or_default(),
        })
    }
}

/// Opens sources under their names: that of a `data.zarr` is its directory's.
pub(crate) fn open_record(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Source)>> {
    let stem = |path: &Path| Some(path.file_stem()?.to_string_lossy().into_owned());
    let open = |path: &PathBuf| {
        let own = stem(path).unwrap_or_default();
        let name = match own.as_str() {
            "data" => path.parent().and_then(stem).unwrap_or(own),
            _ => own,
        };
        Ok((name, Source::open(path)?))
    };
    paths.iter().map(open).collect()
}

/// Averages to a coarser grid, rounding, and a compact store.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  From 0.25 to 1 degree, the grid of GraphCast_small:
  dropsonde coarsen --source era5.zarr --grid 1.0 --from 2018-01-01 --to 2018-12-31T18 --out era5_1deg.zarr
  Two members of a simulation, as a file says:
  dropsonde coarsen --source m1982/data.zarr --source m1988/data.zarr --config pack.toml --out earth.zarr --resume
  dropsonde coarsen --verify earth.zarr")]
pub(crate) struct CoarsenArgs {
    /// Weather states; several sources on one grid that follow each other in time are members of one record. Of a source
    /// that is still being written (attribute `days_done`) only complete days are read
    #[arg(
        long = "source",
        value_name = "PATH|URL",
        required_unless_present = "verify"
    )]
    pub(crate) sources: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// What is kept and how (TOML): grid, levels, variables, daily, keep_bits, default_keep_bits, shard_states, attributes
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Grid to average to: `96x48` (longitudes x latitudes; whole blocks of cells where they divide the source's, else
    /// equal-angle) or `1.0` (degrees, with poles); default: the source's
    #[arg(long, value_name = "GRID")]
    pub(crate) grid: Option<TargetGrid>,
    /// Pressure levels in hPa, such as 850,700,500
    #[arg(long, value_delimiter = ',', value_name = "HPA")]
    pub(crate) levels: Vec<u32>,
    /// Variables, such as temperature,2m_temperature
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) variables: Vec<Variable>,
    /// Mantissa bits that are kept: a number for all, or VARIABLE=BITS; can be repeated
    #[arg(long, value_delimiter = ',', value_name = "BITS", value_parser = parse_bits)]
    pub(crate) keep_bits: Vec<(Option<Variable>, u32)>,
    /// States in one shard; default: as many as half a GiB holds
    #[arg(long, value_name = "N")]
    pub(crate) shard_states: Option<usize>,
    /// Store to write (Zarr v3); its checksums are written beside it as STORE.sha256
    #[arg(long, value_name = "ZARR", required_unless_present = "verify")]
    pub(crate) out: Option<PathBuf>,
    /// Go on where an interrupted run stopped
    #[arg(long)]
    pub(crate) resume: bool,
    /// Only say what would be made
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Check a store against its checksums instead
    #[arg(long, value_name = "ZARR", conflicts_with_all = ["sources", "out"])]
    pub(crate) verify: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Mean weather by hour and day of the year.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "For each hour of the day a mean and some harmonics of the year are fitted by least squares.

Example:
  dropsonde climatology --source earth.zarr --exclude windows.json --out climatology.zarr"
)]
pub(crate) struct ClimatologyArgs {
    /// Weather states; several sources that follow each other in time are one record
    #[arg(long = "source", value_name = "PATH|URL", required = true)]
    pub(crate) sources: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// Pressure levels in hPa; default: all
    #[arg(long, value_delimiter = ',', value_name = "HPA")]
    pub(crate) levels: Vec<u32>,
    /// Variables; default: all that change with time
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) variables: Vec<Variable>,
    /// Harmonics of the year beside the mean
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) harmonics: usize,
    /// Mantissa bits that are kept
    #[arg(long, default_value_t = 14, value_name = "BITS")]
    pub(crate) keep_bits: u32,
    /// Store to write (Zarr v3, WeatherBench 2's layout); its checksums are written beside it as STORE.sha256
    #[arg(long, value_name = "ZARR")]
    pub(crate) out: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Windows of a long record around its storms.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Splits are served in their order: the first has the best of the record. Each takes the windows that \
fulfil most of: their number, all four seasons, storms on both hemispheres, the number of storm tracks; and among those \
the ones with the most storm. What the record cannot give is said.

Example:
  dropsonde windows --source earth.zarr --splits report=4,select=4,train=5 --out windows.json"
)]
pub(crate) struct WindowsArgs {
    /// Weather states, 6-hourly, with the variables of the storm and plume detectors
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) source: PathBuf,
    /// First time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// Last time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    /// Number of windows of each split
    #[arg(long, value_delimiter = ',', default_values = ["report=4", "select=4", "train=5"], value_name = "SPLIT=N", value_parser = parse_split)]
    pub(crate) splits: Vec<(String, usize)>,
    /// Storm tracks that the first split should have
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) tracks: usize,
    /// States in a window
    #[arg(long, default_value_t = 29, value_name = "N")]
    pub(crate) states: usize,
    /// Days between two windows, at least
    #[arg(long, default_value_t = 10, value_name = "DAYS")]
    pub(crate) gap_days: u32,
    /// JSON list to write
    #[arg(long, value_name = "JSON")]
    pub(crate) out: PathBuf,
    /// Also write all storm tracks of the record
    #[arg(long, value_name = "CSV")]
    pub(crate) tracks_out: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_bits(text: &str) -> anyhow::Result<(Option<Variable>, u32)> {
    let (variable, bits) = match text.split_once('=') {
        Some((name, bits)) => (Some(Variable::new(name)), bits),
        None => (None, text),
    };
    let bits = bits
        .parse()
        .with_context(|| format!("expected a number of bits or VARIABLE=BITS, found `{text}`"))?;
    Ok((variable, bits))
}

fn parse_split(text: &str) -> anyhow::Result<(String, usize)> {
    let expected = || format!("expected SPLIT=NUMBER such as report=4, found `{text}`");
    let (split, n) = text.split_once('=').with_context(expected)?;
    ensure!(!split.is_empty(), expected());
    Ok((split.to_owned(), n.parse().with_context(expected)?))
}
