//! Paired forecasts with and without an edit: experiments, controls, differences, physical consistency.
//!
//! An [`EditConfig`] says which features change, how, where, when and at which site; an [`ExperimentConfig`] adds
//! strengths, controls and maps. [`Experiment::run`] makes all forecasts of a [`Case`] side by side and returns an
//! [`Outcome`]: storms, sizes of the edits, differences, dose response, and the checks that were made on the way.
//!
//! An edit acts on the codes of the run it is in, at every step anew. It changes mesh-node latents only: edge latents
//! and the grid latents that skip from encoder to decoder go on unchanged.

mod arm;
mod compare;
mod config;
mod control;
mod dose;
mod edit;
mod error;
mod experiment;
mod injection;
mod outcome;
mod place;
mod quantity;
mod statistics;
mod storm;
mod trial;

pub use config::{ControlConfig, ControlKind, ExperimentConfig, MapConfig};
pub use dose::{Change, DoseResponse, Response};
pub use edit::{Edit, EditConfig, When};
pub use error::{Error, Result};
pub use experiment::{Case, Experiment, Observer};
pub use outcome::{
    AtBase, Checks, Departure, Difference, EditSize, Outcome, Point, Provenance, Run, RunKind,
};
pub use place::Where;
pub use quantity::Quantity;
pub use statistics::{AreaMean, spearman};
pub use storm::{Follower, Minimum, Storm, StormConfig, StormFinder};
