//! The command line of `cargo xtask`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::earth::events::EventsArguments;
use crate::earth::generate::GenerateArguments;
use crate::earth::mini::MiniArguments;
use crate::earth::pack::PackArguments;
use crate::earth::train::TrainArguments;

/// Workspace tasks of Dropsonde.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Get what a build needs: libtorch, unless `LIBTORCH` or `LIBTORCH_USE_PYTORCH` names one, and the crates
    Setup,
    /// Run all tests, then the smoke version of the main experiment (not with `-p PACKAGE`)
    Test {
        /// Arguments for `cargo test`; `--no-smoke` before any `--` leaves the experiment out
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Everything CI does: format, dependency table, clippy, documentation, tests
    Check,
    /// Run an experiment from its configuration to its report; finished steps are skipped
    Reproduce {
        /// Which file of `xtask/experiments`, without `.toml`
        #[arg(default_value = "earth")]
        name: String,
        /// The same on a tiny slice, from scratch, in about a minute
        #[arg(long)]
        smoke: bool,
        /// Directory for all artefacts [default: `runs/NAME`, with --smoke `runs/NAME-smoke`]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Measure the named figures of the hot paths
    Bench {
        /// Only some areas, such as `forecast`, `forecast.full`, `mesh`, `gemm`, `sae`, `capture`, or `instructions`
        #[arg(long, value_name = "AREA")]
        only: Option<String>,
        /// Write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Compare with the file of an earlier run; fail if a stable figure (a ratio, memory, a count) is over 5 % worse
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// The simulated Earth that the main experiment uses
    Earth {
        #[command(subcommand)]
        task: EarthTask,
    },
}

#[derive(Subcommand)]
pub(crate) enum EarthTask {
    /// Run the climate model and write its weather, six-hourly; again to go on where it stopped
    Generate(GenerateArguments),
    /// Pack what the climate model has written: coarser grid, fewer levels, rounded; windows, statistics, climatology
    Pack(PackArguments),
    /// Make earth-mini, the windows that ship with the project, from a packed record
    Mini(MiniArguments),
    /// Find storms, plumes, heavy rain and ice in a packed record, and write the census into `docs/earth.md`
    Events(EventsArguments),
    /// Train the forecaster `earth-s` and write its weights to `xtask/earth/weights`
    Train(TrainArguments),
}
