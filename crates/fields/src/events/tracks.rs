//! Lows of successive states linked into tracks.

use dropsonde_mesh::great_circle_km;

use super::{Low, TropicalLowConfig};
use crate::Time;

/// A point of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackPoint {
    /// The time.
    pub time: Time,
    /// Latitude in degrees north.
    pub lat: f64,
    /// Longitude in degrees east, from 0 up to 360.
    pub lon: f64,
    /// Lowest sea-level pressure in Pa.
    pub pressure_pa: f32,
    /// Mean pressure of the surroundings minus the lowest, in Pa.
    pub depth_pa: f32,
    /// Warm core in K.
    pub warm_core_k: f32,
    /// Strongest cyclonic vorticity in s-1.
    pub vorticity: f32,
    /// Strongest 10 m wind in m/s.
    pub max_wind: f32,
}

impl TrackPoint {
    fn new(time: Time, low: &Low) -> Self {
        Self {
            time,
            lat: low.lat,
            lon: low.lon,
            pressure_pa: low.pressure_pa,
            depth_pa: low.depth_pa,
            warm_core_k: low.warm_core_k,
            vorticity: low.vorticity,
            max_wind: low.max_wind,
        }
    }
}

/// The path of one low.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Number of the track, from 1 in the order of first time, latitude and longitude.
    pub id: u32,
    /// Its points in the order of time; there may be gaps of [`TropicalLowConfig::max_missed_steps`].
    pub points: Vec<TrackPoint>,
}

impl Track {
    /// The point at exactly a time.
    pub fn at(&self, time: Time) -> Option<&TrackPoint> {
        let index = self.points.binary_search_by_key(&time, |point| point.time);
        index.ok().map(|index| &self.points[index])
    }

    /// The point of the lowest pressure, the first of equal ones; `None` for a track without points.
    pub fn deepest(&self) -> Option<&TrackPoint> {
        self.points.iter().reduce(|best, next| {
            if next.pressure_pa < best.pressure_pa {
                next
            } else {
                best
            }
        })
    }

    /// Hours from the first to the last point.
    pub fn hours(&self) -> i64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => last.time.hours_since(first.time),
            _ => 0,
        }
    }
}

/// Links the lows of successive states (ascending times) into tracks.
///
/// At each time the nearest pairs of a live track and a low are joined first, as far as `max_step_km` allows;
/// a low that is left over and lies where lows form begins a track. A track dies when it misses more than
/// `max_missed_steps` states, which also ends tracks at gaps in the series. Short tracks are dropped.
pub fn link(series: &[(Time, Vec<Low>)], config: &TropicalLowConfig) -> Vec<Track> {
    let mut live: Vec<Vec<TrackPoint>> = Vec::new();
    let mut done: Vec<Vec<TrackPoint>> = Vec::new();
    for (time, lows) in series {
        let (alive, dead) = live.into_iter().partition(|track| {
            steps_since(track, *time, config) <= f64::from(1 + config.max_missed_steps)
        });
        (live, done) = (alive, [done, dead].concat());
        let free = extend(&mut live, *time, lows, config);
        let born = free.into_iter().filter(|low| can_form(low, config));
        live.extend(born.map(|low| vec![TrackPoint::new(*time, low)]));
    }
    done.append(&mut live);
    number(done, config)
}

/// Steps of the series from a track's last point to a time.
fn steps_since(track: &[TrackPoint], time: Time, config: &TropicalLowConfig) -> f64 {
    let last = track.last().map_or(time, |point| point.time);
    time.hours_since(last) as f64 / f64::from(config.step_hours)
}

/// Joins lows to tracks, nearest pairs first; returns the lows that are left over.
fn extend<'a>(
    live: &mut [Vec<TrackPoint>],
    time: Time,
    lows: &'a [Low],
    config: &TropicalLowConfig,
) -> Vec<&'a Low> {
    let mut pairs = Vec::new();
    for (t, track) in live.iter().enumerate() {
        let Some(last) = track.last() else { continue };
        let reach = config.max_step_km * steps_since(track, time, config);
        for (l, low) in lows.iter().enumerate() {
            let distance = great_circle_km((last.lat, last.lon), (low.lat, low.lon));
            if distance <= reach {
                pairs.push((distance, t, l));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut track_used, mut low_used) = (vec![false; live.len()], vec![false; lows.len()]);
    for (_, t, l) in pairs {
        if !track_used[t] && !low_used[l] {
            (track_used[t], low_used[l]) = (true, true);
            live[t].push(TrackPoint::new(time, &lows[l]));
        }
    }
    lows.iter()
        .zip(low_used)
        .filter_map(|(low, used)| (!used).then_some(low))
        .collect()
}

/// Whether a track may begin with this low.
fn can_form(low: &Low, config: &TropicalLowConfig) -> bool {
    let [lowest, highest] = config.formation_latitude;
    (lowest..=highest).contains(&low.lat.abs())
        && low.sst.is_none_or(|sst| sst >= config.min_formation_sst)
}

/// Drops short tracks and numbers the others.
fn number(found: Vec<Vec<TrackPoint>>, config: &TropicalLowConfig) -> Vec<Track> {
    let mut tracks: Vec<Track> = found
        .into_iter()
        .map(|points| Track { id: 0, points })
        .filter(|track| track.hours() >= i64::from(config.min_track_hours))
        .collect();
    tracks.sort_by(|a, b| {
        let (a, b) = (&a.points[0], &b.points[0]);
        (a.time.cmp(&b.time))
            .then(a.lat.total_cmp(&b.lat))
            .then(a.lon.total_cmp(&b.lon))
    });
    for (track, id) in tracks.iter_mut().zip(1..) {
        track.id = id;
    }
    tracks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low(lat: f64, lon: f64) -> Low {
        Low {
            lat,
            lon,
            pressure_pa: 99_000.0,
            depth_pa: 500.0,
            warm_core_k: 1.0,
            vorticity: 1e-4,
            max_wind: 20.0,
            sst: Some(300.0),
        }
    }

    /// One list of lows for each 6-hourly state from the epoch.
    fn series(lows: impl IntoIterator<Item = Vec<Low>>) -> Vec<(Time, Vec<Low>)> {
        (0..).map(|k| Time(k * 21_600)).zip(lows).collect()
    }

    #[test]
    fn two_tracks_across_the_date_line_keep_apart() {
        let lows = (0..9).map(|k| {
            let k = f64::from(k);
            vec![
                low(15.0 + 0.5 * k, (356.0 + 2.0 * k) % 360.0),
                low(-15.0, 10.0 + k),
            ]
        });
        let tracks = link(&series(lows), &TropicalLowConfig::default());
        assert_eq!(tracks.len(), 2);
        assert_eq!((tracks[0].id, tracks[1].id), (1, 2));
        assert!(tracks[0].points.iter().all(|p| p.lat == -15.0));
        assert_eq!((tracks[1].points.len(), tracks[1].hours()), (9, 48));
        assert_eq!(tracks[1].at(Time(21_600)).unwrap().lat, 15.5);
        assert!(tracks[1].at(Time(21_601)).is_none());
    }

    #[test]
    fn one_missed_state_is_bridged_and_two_are_not() {
        let with_gap = |gap: std::ops::Range<usize>| {
            let lows = (0..16).map(|k| {
                if gap.contains(&k) {
                    vec![]
                } else {
                    vec![low(15.0, 100.0)]
                }
            });
            link(&series(lows), &TropicalLowConfig::default())
        };
        let bridged = with_gap(7..8);
        assert_eq!((bridged.len(), bridged[0].points.len()), (1, 15));
        assert_eq!(
            with_gap(7..9).iter().map(Track::hours).collect::<Vec<_>>(),
            [36, 36]
        );
    }

    #[test]
    fn a_gap_between_windows_ends_a_track() {
        let mut lows = series((0..20).map(|_| vec![low(15.0, 100.0)]));
        for (time, _) in &mut lows[10..] {
            *time = time.plus_hours(240);
        }
        assert_eq!(link(&lows, &TropicalLowConfig::default()).len(), 2);
    }

    #[test]
    fn tracks_form_in_warm_tropics_and_may_leave_them() {
        let config = TropicalLowConfig::default();
        let poleward = |start: f64| {
            let lows = (0..8).map(|k| vec![low(start + 2.0 * f64::from(k), 140.0)]);
            link(&series(lows), &config)
        };
        assert_eq!(poleward(28.0)[0].points.len(), 8);
        assert!(poleward(33.0).is_empty());
        let cold = (0..8).map(|_| {
            vec![Low {
                sst: Some(295.0),
                ..low(20.0, 140.0)
            }]
        });
        assert!(link(&series(cold), &config).is_empty());
        let unknown = (0..8).map(|_| {
            vec![Low {
                sst: None,
                ..low(20.0, 140.0)
            }]
        });
        assert_eq!(link(&series(unknown), &config).len(), 1);
    }

    #[test]
    fn fast_and_short_ones_are_dropped() {
        let config = TropicalLowConfig::default();
        let jumping = (0..10).map(|k| vec![low(15.0, 100.0 + 8.0 * f64::from(k))]);
        assert!(link(&series(jumping), &config).is_empty());
        let short = (0..6).map(|_| vec![low(15.0, 100.0)]);
        assert!(link(&series(short), &config).is_empty());
        assert!(link(&[], &config).is_empty());
    }

    #[test]
    fn the_nearest_low_continues_the_track() {
        let lows = (0..8).map(|k| match k {
            0 => vec![low(15.0, 100.0)],
            _ => vec![low(15.0, 104.0), low(15.0, 100.5)],
        });
        let tracks = link(&series(lows), &TropicalLowConfig::default());
        assert_eq!(tracks.len(), 2);
        assert_eq!(tracks[0].points[1].lon, 100.5);
    }
}
