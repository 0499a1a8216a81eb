//! Phenomena found in states: tropical lows and their tracks, moisture plumes, heavy precipitation, ice, land.
//!
//! A mask is one `bool` per grid node, latitude-major (`node = ilat * n_lon + ilon`).
//!
//! Every rule is a plain threshold with its unit in a config; none is learned.
//! The defaults are those used on the simulated Earth at 96 x 48; distances are great-circle kilometres,
//! so they carry over to other grids, the thresholds of depth and wind less so (a coarse grid smooths storms).

mod basin;
mod census;
mod components;
mod disc;
mod ice;
mod low_config;
mod lows;
mod masks;
mod plumes;
mod text_file;
mod track_csv;
mod tracks;

pub use basin::{Basin, Season};
pub use census::{
    BasinCount, Census, CensusBuilder, CensusConfig, DayRecord, MonthCount, MonthlyMean, Piece,
    Storm, StormCounts, write_daily_csv,
};
pub use components::{Component, connected_components};
pub use disc::Disc;
pub use ice::{IceCover, ice_cover};
pub use low_config::TropicalLowConfig;
pub use lows::{Low, TropicalLows};
pub use masks::{
    Threshold, heavy_precipitation_mask, land_mask, sea_ice_mask, tropical_low_mask,
    weighted_quantile,
};
pub use plumes::{MoisturePlumeConfig, moisture_plume_mask, moisture_plumes};
pub use track_csv::write_tracks_csv;
pub use tracks::{Track, TrackPoint, link};
