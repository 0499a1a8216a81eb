//! Weather in and out: sources, tasks, statistics, forcings, scores, events.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod accumulator;
mod census;
mod channels;
mod check;
mod coarsen;
mod common;
mod forcings;
mod forecast_errors;
mod forecast_writer;
mod grib;
mod grib_damage;
mod inputs;
mod normalised_inputs;
mod pack;
mod score;
mod sources;
mod sources_damage;
mod sources_layouts;
mod sources_prefetch;
mod sources_remote;
mod sources_times;
mod statistics_damage;
mod stores;
mod synthetic;
mod tropical_lows;
mod writer;
