//! What happens in a window.

use serde::{Deserialize, Serialize};

use super::Window;
use crate::Time;
use crate::events::{Track, TrackPoint};

/// The part of a storm track that lies in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storm {
    /// First time in the window.
    pub first: Time,
    /// Last time in the window.
    pub last: Time,
    /// Points of the track in the window.
    pub points: usize,
    /// First time of the whole track.
    pub track_first: Time,
    /// Length of the whole track in days.
    pub track_days: f64,
    /// First and last latitude in the window, degrees north.
    pub lat: [f64; 2],
    /// First and last longitude in the window, degrees east.
    pub lon: [f64; 2],
    /// Lowest pressure in the window in hPa.
    pub min_pressure_hpa: f64,
    /// Strongest wind in the window in m/s.
    pub max_wind: f64,
    /// Warmest core in the window in K.
    pub max_warm_core: f64,
}

/// The points of a track between two times.
pub(super) fn inside(track: &Track, first: Time, last: Time) -> &[TrackPoint] {
    let begin = track.points.partition_point(|point| point.time < first);
    let end = track.points.partition_point(|point| point.time <= last);
    &track.points[begin..end.max(begin)]
}

impl Storm {
    /// The part of a track between two times, or `None` if it has less points than wanted there.
    pub(super) fn new(track: &Track, first: Time, last: Time, min_points: usize) -> Option<Self> {
        let points = inside(track, first, last);
        let (a, b) = (points.first()?, points.last()?);
        if points.len() < min_points {
            return None;
        }
        let extreme = |number: fn(&TrackPoint) -> f64, better: fn(f64, f64) -> f64| {
            points.iter().map(number).reduce(better).map_or(0.0, tenth)
        };
        Some(Self {
            first: a.time,
            last: b.time,
            points: points.len(),
            track_first: track.points.first()?.time,
            track_days: (track.hours() as f64 / 24.0 * 100.0).round() / 100.0,
            lat: [tenth(a.lat), tenth(b.lat)],
            lon: [tenth(a.lon), tenth(b.lon)],
            min_pressure_hpa: extreme(|point| f64::from(point.pressure_pa) / 100.0, f64::min),
            max_wind: extreme(|point| f64::from(point.max_wind), f64::max),
            max_warm_core: extreme(|point| f64::from(point.warm_core_k), f64::max),
        })
    }
}

/// Rounded to a tenth.
fn tenth(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

impl Window {
    /// A window with its storms, the deepest first.
    pub(super) fn new(
        split: &str,
        (first, last, steps): (Time, Time, usize),
        plume_share: f64,
        tracks: &[Track],
        min_points: usize,
    ) -> Self {
        let mut storms: Vec<Storm> = tracks
            .iter()
            .filter_map(|track| Storm::new(track, first, last, min_points))
            .collect();
        storms.sort_by(|a, b| a.min_pressure_hpa.total_cmp(&b.min_pressure_hpa));
        Self {
            split: split.to_owned(),
            first,
            last,
            steps,
            plume_share: (plume_share * 1000.0).round() / 1000.0,
            storms,
        }
    }
}
