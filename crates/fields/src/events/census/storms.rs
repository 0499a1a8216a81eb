use serde::Serialize;

use super::DayRecord;
use crate::Time;
use crate::events::{Basin, Season, Track, TropicalLowConfig};

/// A track in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Storm {
    /// Number of the track.
    pub id: u32,
    /// Basin of its first point.
    pub basin: Basin,
    /// First and last time.
    pub times: [Time; 2],
    /// First and last place, degrees north and east.
    pub places: [[f64; 2]; 2],
    /// Hours from first to last point.
    pub hours: i64,
    /// Lowest sea-level pressure in Pa.
    pub lowest_pressure_pa: f32,
    /// Strongest 10 m wind in m/s.
    pub strongest_wind: f32,
    /// Warmest core in K.
    pub warmest_core_k: f32,
    /// Whether one of its points is as deep, warm, cyclonic and windy as a strong storm.
    pub is_strong: bool,
}

impl Storm {
    /// The storm of a track; `None` for one without points.
    pub(super) fn of(track: &Track, strong: &TropicalLowConfig) -> Option<Self> {
        let (first, last) = (track.points.first()?, track.points.last()?);
        let highest = |value: fn(&crate::events::TrackPoint) -> f32| {
            let values = track.points.iter().map(value);
            values.fold(f32::NEG_INFINITY, f32::max)
        };
        let is_strong = track.points.iter().any(|point| {
            point.depth_pa > strong.min_depth_pa
                && point.warm_core_k > strong.min_warm_core_k
                && point.vorticity > strong.min_vorticity
                && point.max_wind > strong.min_wind
        });
        Some(Self {
            id: track.id,
            basin: Basin::of(first.lat, first.lon),
            times: [first.time, last.time],
            places: [[first.lat, first.lon], [last.lat, last.lon]],
            hours: track.hours(),
            lowest_pressure_pa: track.deepest()?.pressure_pa,
            strongest_wind: highest(|point| point.max_wind),
            warmest_core_k: highest(|point| point.warm_core_k),
            is_strong,
        })
    }
}

/// Storms that form in a basin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BasinCount {
    /// The basin.
    pub basin: Basin,
    /// Storms.
    pub storms: u32,
    /// Strong ones among them.
    pub strong: u32,
    /// Storms in the order of [`Season::ALL`].
    pub by_season: [u32; 4],
}

/// Storms that form in a calendar month, over all years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MonthCount {
    /// From 1 to 12.
    pub month: u32,
    /// Days that the record has of this month.
    pub days: u32,
    /// Storms that form north and south of the equator.
    pub storms: [u32; 2],
}

impl MonthCount {
    /// Storms in 30 days, north and south; `None` for a month without days.
    pub fn per_30_days(&self) -> Option<[f64; 2]> {
        let rate = |storms: u32| 30.0 * f64::from(storms) / f64::from(self.days);
        (self.days > 0).then(|| self.storms.map(rate))
    }
}

/// How many storms form where and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StormCounts {
    /// Storms in all.
    pub storms: u32,
    /// Strong ones among them.
    pub strong: u32,
    /// Days of the record.
    pub days: u32,
    /// Days in the order of [`Season::ALL`].
    pub days_by_season: [u32; 4],
    /// One entry for each of [`Basin::ALL`].
    pub basins: Vec<BasinCount>,
    /// One entry for each month.
    pub months: Vec<MonthCount>,
}

impl StormCounts {
    pub(super) fn new(storms: &[Storm], days: &[DayRecord]) -> Self {
        let month_of = |storm: &Storm| super::day_of(storm.times[0]).date().1;
        let count = |is_counted: &dyn Fn(&Storm) -> bool| {
            storms.iter().filter(|storm| is_counted(storm)).count() as u32
        };
        let days_in = |months: &[u32]| {
            let is_in = |day: &&DayRecord| months.contains(&day.day.date().1);
            days.iter().filter(is_in).count() as u32
        };
        let basin = |basin: Basin| BasinCount {
            basin,
            storms: count(&|storm| storm.basin == basin),
            strong: count(&|storm| storm.basin == basin && storm.is_strong),
            by_season: Season::ALL.map(|season| {
                count(&|storm| storm.basin == basin && season.months().contains(&month_of(storm)))
            }),
        };
        let month = |month: u32| MonthCount {
            month,
            days: days_in(&[month]),
            storms: [true, false].map(|north| {
                count(&|storm| storm.basin.is_northern() == north && month_of(storm) == month)
            }),
        };
        Self {
            storms: storms.len() as u32,
            strong: count(&|storm| storm.is_strong),
            days: days.len() as u32,
            days_by_season: Season::ALL.map(|season| days_in(&season.months())),
            basins: Basin::ALL.map(basin).to_vec(),
            months: (1..=12).map(month).collect(),
        }
    }
}
