use std::fmt::Write;
use std::path::Path;

use super::day_of;
use crate::events::text_file::write_complete;
use crate::events::{IceCover, Track};
use crate::{Result, Time};

/// First line of the table of days.
const HEADER: &str = "date,states,tropical_lows,plume_share,heavy_precipitation_share,precipitation_mm_per_day,\
     ice_area_nh_km2,ice_area_sh_km2,ice_extent_nh_km2,ice_extent_sh_km2";

/// One day: the states after its midnight up to and with the next, 06, 12, 18 and 24 UTC of a six-hourly record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayRecord {
    /// Midnight UTC at its beginning.
    pub day: Time,
    /// Number of states that the means are over.
    pub n_states: u32,
    /// Tracks of tropical lows with a point on this day.
    pub tropical_lows: u32,
    /// Share of the area between 20 and 65 degrees (by default) inside a moisture plume.
    pub plume_share: f64,
    /// Share of the globe with heavy precipitation.
    pub heavy_precipitation_share: Option<f64>,
    /// Precipitation of the globe.
    pub precipitation_mm_per_day: Option<f64>,
    /// Sea ice north and south of the equator.
    pub ice: Option<[IceCover; 2]>,
}

/// What one state adds to its day.
pub(super) struct StateValues {
    pub(super) plume_share: f64,
    pub(super) heavy_share: Option<f64>,
    pub(super) precipitation_mm_per_day: Option<f64>,
    pub(super) ice: Option<[IceCover; 2]>,
}

/// Sums over the states of a day.
#[derive(Clone, Debug)]
pub(super) struct DaySums {
    pub(super) day: Time,
    n_states: u32,
    plume_share: f64,
    heavy_share: Option<f64>,
    precipitation: Option<f64>,
    ice: Option<[IceCover; 2]>,
}

impl DaySums {
    pub(super) fn new(day: Time) -> Self {
        Self {
            day,
            n_states: 0,
            plume_share: 0.0,
            heavy_share: Some(0.0),
            precipitation: Some(0.0),
            ice: Some([IceCover::default(); 2]),
        }
    }

    /// Adds a state; what one state of a day lacks, the day lacks.
    pub(super) fn add(&mut self, values: &StateValues) {
        let sum = |sum: Option<f64>, value: Option<f64>| Some(sum? + value?);
        self.n_states += 1;
        self.plume_share += values.plume_share;
        self.heavy_share = sum(self.heavy_share, values.heavy_share);
        self.precipitation = sum(self.precipitation, values.precipitation_mm_per_day);
        self.ice = match (self.ice, values.ice) {
            (Some(ice), Some(more)) => Some([plus(ice[0], more[0]), plus(ice[1], more[1])]),
            _ => None,
        };
    }

    /// The means of the day.
    pub(super) fn record(&self, tracks: &[Track]) -> DayRecord {
        let n = f64::from(self.n_states);
        let is_here = |track: &&Track| {
            let mut points = track.points.iter();
            points.any(|point| day_of(point.time) == self.day)
        };
        DayRecord {
            day: self.day,
            n_states: self.n_states,
            tropical_lows: tracks.iter().filter(is_here).count() as u32,
            plume_share: self.plume_share / n,
            heavy_precipitation_share: self.heavy_share.map(|sum| sum / n),
            precipitation_mm_per_day: self.precipitation.map(|sum| sum / n),
            ice: self.ice.map(|ice| {
                ice.map(|side| IceCover {
                    area_km2: side.area_km2 / n,
                    extent_km2: side.extent_km2 / n,
                })
            }),
        }
    }
}

fn plus(a: IceCover, b: IceCover) -> IceCover {
    IceCover {
        area_km2: a.area_km2 + b.area_km2,
        extent_km2: a.extent_km2 + b.extent_km2,
    }
}

/// Writes the days as a table; what a record lacks is left empty.
///
/// Shares are of area, from 0 to 1. The file appears under its name only when it is complete.
///
/// # Errors
/// [`crate::Error::Io`] naming the file.
pub fn write_daily_csv(path: impl AsRef<Path>, days: &[DayRecord]) -> Result<()> {
    write_complete(path.as_ref(), &table(days))
}

fn table(days: &[DayRecord]) -> String {
    let mut text = format!("{HEADER}\n");
    for day in days {
        let (year, month, date) = day.day.date();
        let share = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.5}"));
        let ice = |side: usize, of: fn(&IceCover) -> f64| {
            day.ice
                .map_or(String::new(), |ice| format!("{:.0}", of(&ice[side])))
        };
        writeln!(
            text,
            "{year:04}-{month:02}-{date:02},{},{},{},{},{},{},{},{},{}",
            day.n_states,
            day.tropical_lows,
            share(Some(day.plume_share)),
            share(day.heavy_precipitation_share),
            share(day.precipitation_mm_per_day),
            ice(0, |side| side.area_km2),
            ice(1, |side| side.area_km2),
            ice(0, |side| side.extent_km2),
            ice(1, |side| side.extent_km2),
        )
        .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ice: Option<[IceCover; 2]>) -> DayRecord {
        DayRecord {
            day: "1996-02-20".parse().unwrap(),
            n_states: 4,
            tropical_lows: 2,
            plume_share: 0.18,
            heavy_precipitation_share: Some(0.0102),
            precipitation_mm_per_day: None,
            ice,
        }
    }

    #[test]
    fn one_line_for_each_day_and_gaps_left_empty() {
        let side = |area_km2| IceCover {
            area_km2,
            extent_km2: area_km2 + 1.0,
        };
        let text = table(&[record(Some([side(1.3e7), side(2e6)])), record(None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].split(',').count(), 10);
        assert_eq!(
            lines[1],
            "1996-02-20,4,2,0.18000,0.01020,,13000000,2000000,13000001,2000001"
        );
        assert_eq!(lines[2], "1996-02-20,4,2,0.18000,0.01020,,,,,");
    }

    #[test]
    fn what_one_state_lacks_the_day_lacks() {
        let values = |heavy_share| StateValues {
            plume_share: 0.2,
            heavy_share,
            precipitation_mm_per_day: Some(3.0),
            ice: Some([IceCover::default(); 2]),
        };
        let mut sums = DaySums::new(Time(0));
        sums.add(&values(Some(0.1)));
        sums.add(&values(Some(0.3)));
        let both = sums.record(&[]);
        assert!((both.heavy_precipitation_share.unwrap() - 0.2).abs() < 1e-12);
        sums.add(&values(None));
        let found = sums.record(&[]);
        assert_eq!(found.heavy_precipitation_share, None);
        assert!((found.precipitation_mm_per_day.unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(found.n_states, 3);
    }
}
