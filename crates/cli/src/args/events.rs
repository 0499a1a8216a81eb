//! Arguments of `dropsonde events`.

use std::path::PathBuf;

use clap::Args;

/// A census of a record of states.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  dropsonde events --source earth.zarr --out census
  dropsonde events --source earth.zarr --out census --page docs/census.md --images docs/images")]
pub(crate) struct EventsArgs {
    /// Weather states, six-hourly, with or without gaps
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) source: PathBuf,
    /// Directory for `tracks.csv`, `daily.csv` and `census.json`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write a page with tables and maps to this file (Markdown)
    #[arg(long, value_name = "FILE", requires = "images")]
    pub(crate) page: Option<PathBuf>,
    /// Directory for the page's maps (SVG)
    #[arg(long, value_name = "DIR", requires = "page")]
    pub(crate) images: Option<PathBuf>,
    /// Precipitation in mm in six hours that counts as heavy
    #[arg(long, default_value_t = 8.0, value_name = "MM")]
    pub(crate) heavy: f32,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    pub(crate) json: bool,
}
