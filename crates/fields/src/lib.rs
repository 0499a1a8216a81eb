//! Weather states: variables, levels, units, tasks, readers, forcings, derived fields, event detectors, normalisation as a per-channel affine map.
//!
//! A [`Source`] gives a [`State`] for each time: fields in SI units on a latitude-longitude grid, gaps
//! filled by a [`FillPolicy`]. A [`Task`] says what a model reads and predicts and in which order of
//! channels; a [`Stacker`] turns states into rows of channels and back, and a [`Normalizer`] holds the
//! affine map of each channel. [`derive_forcings`] computes what follows from date and place alone.
//!
//! ```
//! use dropsonde_fields::{Task, Variable, derive_forcings};
//!
//! let task = Task::graphcast_13();
//! assert_eq!(task.input_channels()[10].to_string(), "geopotential@50 (-6 h)");
//!
//! let grid = dropsonde_mesh::LatLonGrid::with_poles(10.0)?;
//! let forcings = derive_forcings(&grid, "2022-06-21T12".parse()?, &task.forcing_variables);
//! let sunlight = &forcings[&Variable::TOA_INCIDENT_SOLAR_RADIATION].data;
//! assert!(sunlight[[0, 18, 0]] > 1.1e6); // one hour at noon, midsummer, 90 N, in J m-2
//! assert_eq!(sunlight[[0, 0, 0]], 0.0); // polar night at 90 S
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accumulator;
mod bitround;
mod cf;
mod channel;
pub mod check;
mod coarsen;
pub mod derived;
mod error;
pub mod events;
mod fill;
mod forcings;
mod inputs;
mod loss;
mod normalizer;
mod pack;
mod score;
mod source;
mod spectrum;
mod stacker;
mod state;
mod statistics;
mod synthetic;
mod task;
mod time;
mod variable;
mod windows;
mod writer;

pub use accumulator::{StatisticsAccumulator, compute_statistics};
pub use bitround::{MANTISSA_BITS, round_mantissa};
pub use channel::{Channel, Frame};
pub use coarsen::{Coarsening, TargetGrid};
pub use error::{Error, Result};
pub use fill::{FillPolicy, SEA_WATER_FREEZING_POINT};
pub use forcings::{
    FIRST_DATE, day_progress, derive_forcings, toa_incident_solar_radiation, toa_solar_flux,
    total_solar_irradiance, year_progress,
};
pub use inputs::{MissingInput, Provenance, TaskInputs};
pub use loss::loss_weights;
pub use normalizer::{Affine, MissingStats, Normalizer, OutputAffine};
pub use pack::{
    ClimatologyConfig, ClimatologyPlan, PackConfig, PackPlan, PackSummary, verify_checksums,
};
pub use score::{
    PairScore, Score, ScoreAccumulator, ScoreSums, ScoreTarget, Scorer, check_same_grid,
    score_latitude_weights,
};
pub use source::{Climatology, MissingChunks, Prefetch, RemoteOptions, Source, SourceOptions};
pub use spectrum::ZonalSpectrum;
pub use stacker::Stacker;
pub use state::{Field, State};
pub use statistics::{LevelTable, Statistics, VariableStatistics};
pub use task::{LEVELS_13, LEVELS_37, STEP_HOURS, Task};
pub use time::Time;
pub use variable::{Kind, Variable};
pub use windows::{
    Choice, Season, SplitRule, Storm, TimeSelection, Window, WindowChooser, WindowRule,
};
pub use writer::{
    ForecastHeader, ForecastLayout, ForecastWriter, StateWriter, forecast_bytes, write_states,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
