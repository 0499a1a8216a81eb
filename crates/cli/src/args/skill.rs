//! Arguments of `dropsonde skill`.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use dropsonde_fields::{STEP_HOURS, ScoreTarget, Time};
use dropsonde_forecaster::{Checkpoint, Parameters, Preset};

use super::forecast::ComputeArgs;

/// The skill of a forecaster.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Every initial time whose state 6 h earlier is there too is forecast up to the largest lead. A lead is scored
where the truth has all times up to it: inside the same window, or with `--truth` also beyond it. Where there is no
truth, only stability and the change from the initial state are reported.

Examples:
  The weights that are shipped, on windows that neither the forecaster nor any choice has seen:
    dropsonde skill --checkpoint xtask/earth/weights/earth-s.npz \\
        --statistics xtask/earth/data/statistics.json --source xtask/earth/data/earth-mini.zarr \\
        --windows xtask/earth/data/windows.json --split report --out runs/skill
  Its untrained twin:
    dropsonde skill --checkpoint xtask/earth/weights/earth-s.npz --random-weights --seed 1 \\
        --statistics xtask/earth/data/statistics.json --source xtask/earth/data/earth-mini.zarr \\
        --windows xtask/earth/data/windows.json --split report --every 24h --json
  A year of a long record against its climatology, with a page of tables and curves:
    dropsonde skill --checkpoint earth-s.npz --statistics statistics.json --source earth.zarr \\
        --from 1985-01-01 --to 1985-12-31T18 --every 12h --climatology climatology.zarr \\
        --out runs/skill --resume --page docs/earth.md --images docs/images
  Two real states 6 h apart:
    dropsonde skill --checkpoint xtask/earth/weights/earth-s.npz \\
        --statistics xtask/earth/data/statistics.json --source xtask/earth/data/gfs-day.nc --leads 6"
)]
pub(crate) struct SkillArgs {
    #[command(flatten)]
    pub(crate) model: SkillModelArgs,
    /// Statistics: a JSON file, or a directory with GraphCast's three NetCDF files
    #[arg(long, alias = "stats", value_name = "PATH")]
    pub(crate) statistics: PathBuf,
    /// Weather states that forecasts start from
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) source: PathBuf,
    /// True states, if they are not (only) in the source; they also hold prescribed forcings
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) truth: Option<PathBuf>,
    /// Climatology by hour and day of year; without it, the means of the statistics stand in: one number per
    /// variable and level
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) climatology: Option<PathBuf>,
    /// JSON list of windows with `split`, `first` and `steps`; default: the source's attribute `windows`, if
    /// `--split` is given
    #[arg(long, value_name = "JSON")]
    pub(crate) windows: Option<PathBuf>,
    /// Only initial times in windows of this split
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// First initial time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Time>,
    /// Last initial time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Time>,
    /// Hours between initial times
    #[arg(long, default_value = "6h", value_parser = parse_hours, value_name = "HOURS")]
    pub(crate) every: i64,
    /// Lead times in hours
    #[arg(long, value_delimiter = ',', default_value = "6,24,72,120", value_parser = parse_hours, value_name = "HOURS")]
    pub(crate) leads: Vec<i64>,
    /// Lead times of storms in hours
    #[arg(long, value_delimiter = ',', default_value = "24,48", value_parser = parse_hours, value_name = "HOURS")]
    pub(crate) storm_leads: Vec<i64>,
    /// What to score
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "z500,t850,q700,wind850,t2m,msl,tp6h",
        value_name = "NAMES"
    )]
    pub(crate) targets: Vec<ScoreTarget>,
    /// What to take spectra of
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "z500,q700,wind850",
        value_name = "NAMES"
    )]
    pub(crate) spectra: Vec<ScoreTarget>,
    /// Give the initial state twice, as if nothing had changed in the 6 h before; without it only where the source has
    /// no state 6 h before any truth
    #[arg(long)]
    pub(crate) cold_start: bool,
    /// Days of initial times that are resampled together; default: whole windows, or 5 days without windows
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) block_days: Option<u32>,
    /// Resamples behind each interval
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(crate) resamples: usize,
    /// Seed of the resamples
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) resample_seed: u64,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    /// Directory for `skill.json` and the cases behind it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on after the cases that are in the output directory already
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
    /// Markdown file whose section between `<!-- skill:begin -->` and `<!-- skill:end -->` is replaced
    #[arg(long, value_name = "FILE", requires = "images")]
    pub(crate) page: Option<PathBuf>,
    /// Directory for the images of the page
    #[arg(long, value_name = "DIR", requires = "page")]
    pub(crate) images: Option<PathBuf>,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

impl SkillArgs {
    /// Lead times in hours, ascending, each once; there is at least one.
    pub(crate) fn leads(&self) -> Vec<i64> {
        ascending(&self.leads)
    }

    /// Lead times of storms in hours as far as forecasts go.
    pub(crate) fn storm_leads(&self) -> Vec<i64> {
        let last = self.leads().last().copied().unwrap_or(0);
        let leads = ascending(&self.storm_leads);
        leads.into_iter().filter(|&lead| lead <= last).collect()
    }
}

fn ascending(hours: &[i64]) -> Vec<i64> {
    let unique: std::collections::BTreeSet<i64> = hours.iter().copied().collect();
    unique.into_iter().collect()
}

/// Weights from a file, or random ones of the same or a published shape.
#[derive(Debug, Clone, Args)]
pub(crate) struct SkillModelArgs {
    /// Weights in the public GraphCast layout (.npz)
    #[arg(long, value_name = "NPZ", required_unless_present = "preset")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// A published shape instead of a checkpoint's: `GraphCast`, `GraphCast_small` or `GraphCast_operational`
    #[arg(
        long,
        value_name = "NAME",
        requires = "random_weights",
        conflicts_with = "checkpoint"
    )]
    preset: Option<Preset>,
    /// Random weights, as training begins with, in the shape of the checkpoint or preset: an untrained twin
    #[arg(long)]
    pub(crate) random_weights: bool,
    /// Seed of the random weights
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "random_weights"
    )]
    pub(crate) seed: u64,
}

impl SkillModelArgs {
    /// Reads the weights, or makes them.
    pub(crate) fn load(&self) -> anyhow::Result<Checkpoint> {
        let checkpoint = match (&self.checkpoint, self.preset) {
            (Some(path), _) => Checkpoint::read(path)?,
            (None, Some(preset)) => Checkpoint::random(preset.model(), preset.task(), self.seed)?,
            (None, None) => {
                anyhow::bail!("expected `--checkpoint`, or `--preset` with `--random-weights`")
            }
        };
        if !self.random_weights {
            return Ok(checkpoint);
        }
        let task = &checkpoint.task;
        let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
        Ok(Checkpoint {
            parameters: Parameters::random(&checkpoint.model, c_in, c_out, self.seed),
            description: format!(
                "random weights (seed {}) in the shape of: {}",
                self.seed, checkpoint.description
            ),
            ..checkpoint
        })
    }
}

/// Reads `12` or `12h`, in whole steps of a forecast.
fn parse_hours(text: &str) -> anyhow::Result<i64> {
    let number = text.strip_suffix('h').unwrap_or(text);
    let hours: i64 = number
        .parse()
        .with_context(|| format!("expected hours such as `12h`, found `{text}`"))?;
    ensure!(
        hours > 0 && hours % STEP_HOURS == 0 && hours <= MAX_HOURS,
        "expected a multiple of {STEP_HOURS} h up to {MAX_HOURS} h, found `{text}`"
    );
    Ok(hours)
}

/// A year: longer leads and distances are mistakes.
const MAX_HOURS: i64 = 8784;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_whole_steps() {
        assert_eq!(parse_hours("12h").unwrap(), 12);
        assert_eq!(parse_hours("240").unwrap(), 240);
        for wrong in ["0", "-6", "7h", "h", "1d", "9000"] {
            assert!(parse_hours(wrong).is_err(), "{wrong}");
        }
    }
}
