//! Choosing windows of a long record.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::census::inside;
use super::{Season, SplitRule, Window, WindowRule, runs};
use crate::derived::integrated_vapour_transport;
use crate::events::{
    Low, MoisturePlumeConfig, Track, TropicalLowConfig, TropicalLows, link, moisture_plume_mask,
};
use crate::{Result, STEP_HOURS, Source, Time, Variable};

mod programme;

use programme::{Candidate, best};

/// Latitudes in degrees, of either hemisphere, between which plumes are counted.
const PLUME_LATITUDES: std::ops::RangeInclusive<f32> = 20.0..=65.0;

/// States that are looked at together.
const BATCH: usize = 32;

/// What the detectors look at.
const VARIABLES: [Variable; 12] = [
    Variable::MEAN_SEA_LEVEL_PRESSURE,
    Variable::TEMPERATURE,
    Variable::U_WIND,
    Variable::V_WIND,
    Variable::U_WIND_10M,
    Variable::V_WIND_10M,
    Variable::LAND_SEA_MASK,
    Variable::SEA_SURFACE_TEMPERATURE,
    Variable::SPECIFIC_HUMIDITY,
    Variable::SURFACE_PRESSURE,
    Variable::GEOPOTENTIAL_AT_SURFACE,
    Variable::TEMPERATURE_2M,
];

/// A record whose storms and plumes are known, from which windows are chosen.
#[derive(Clone, Debug)]
pub struct WindowChooser {
    times: Vec<Time>,
    tracks: Vec<Track>,
    /// Share of the middle latitudes under plumes, by time.
    plumes: Vec<f64>,
}

/// The windows that a rule gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// In the order of time.
    pub windows: Vec<Window>,
    /// What the record cannot give of the rule, in words; empty if all is there.
    pub missing: Vec<String>,
}

impl WindowChooser {
    /// Finds storms ([`TropicalLows`]) and moisture plumes in states of a source, 6-hourly with gaps.
    ///
    /// `progress` is told how many of `times` are done.
    ///
    /// # Errors
    /// The errors of reading; [`Error::MissingVariable`](crate::Error::MissingVariable) or
    /// [`Error::MissingLevel`](crate::Error::MissingLevel) naming what the detectors lack.
    pub fn new(source: &Source, times: &[Time], mut progress: impl FnMut(usize)) -> Result<Self> {
        let config = TropicalLowConfig::default();
        let lows = TropicalLows::new(source.grid(), config.clone())?;
        let variables: Vec<Variable> = VARIABLES.into_iter().filter(|v| source.has(v)).collect();
        let mut found: Vec<(Time, Vec<Low>, f64)> = Vec::with_capacity(times.len());
        for batch in times.chunks(BATCH) {
            let look = |&time: &Time| {
                let state = source.state_of(time, &variables)?;
                let transport = integrated_vapour_transport(&state, source.grid())?.magnitude;
                let plumes = plume_share(source, transport.view())?;
                Ok((time, lows.detect(&state)?, plumes))
            };
            found.extend(batch.par_iter().map(look).collect::<Result<Vec<_>>>()?);
            progress(found.len());
        }
        let plumes = found.iter().map(|(_, _, share)| *share).collect();
        let series: Vec<(Time, Vec<Low>)> =
            found.into_iter().map(|(t, lows, _)| (t, lows)).collect();
        Ok(Self {
            times: times.to_vec(),
            tracks: link(&series, &config),
            plumes,
        })
    }

    /// All storm tracks of the record.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The windows that fulfil most of a rule.
    ///
    /// # Errors
    /// Those of [`WindowRule::check`].
    pub fn choose(&self, rule: &WindowRule) -> Result<Choice> {
        rule.check()?;
        let (mut windows, mut missing): (Vec<Window>, Vec<String>) = (Vec::new(), Vec::new());
        for split in &rule.splits {
            let clear =
                |first: Time, last: Time| windows.iter().all(|w| rule.apart(w, first, last));
            let candidates: Vec<Candidate> = self
                .starts(rule)
                .into_iter()
                .filter(|&start| clear(self.times[start], self.times[start + rule.states - 1]))
                .map(|start| self.candidate(start, rule, split))
                .collect();
            let chosen = best(&candidates, split, i64::from(rule.gap_days) * 24 * 3600);
            let of_split: Vec<Window> = chosen
                .iter()
                .map(|&index| self.window(candidates[index].start, rule, &split.split))
                .collect();
            missing.extend(lacking(&of_split, split));
            windows.extend(of_split);
        }
        windows.sort_by_key(|window| window.first);
        Ok(Choice { windows, missing })
    }

    /// First states of possible windows: every day of each contiguous piece, from its first state on.
    fn starts(&self, rule: &WindowRule) -> Vec<usize> {
        let per_day = (24 / STEP_HOURS) as usize;
        let of = |(first, n): (usize, usize)| {
            (first..(first + n + 1).saturating_sub(rule.states)).step_by(per_day)
        };
        runs(&self.times, STEP_HOURS)
            .into_iter()
            .flat_map(of)
            .collect()
    }

    /// What a window that begins at a state is worth to a split, and what it contributes to its rule.
    fn candidate(&self, start: usize, rule: &WindowRule, split: &SplitRule) -> Candidate {
        let end = start + rule.states - 1;
        let (first, last) = (self.times[start], self.times[end]);
        let (mut total, mut strongest, mut tracks, mut hemispheres) = (0.0, 0.0_f64, 0, 0);
        for points in self.tracks.iter().map(|track| inside(track, first, last)) {
            let depth = |pa: f32| (f64::from(pa) / 100.0).min(rule.deepest_hpa);
            let part: f64 = points.iter().map(|point| depth(point.depth_pa)).sum();
            total += part;
            strongest = strongest.max(part);
            if points.len() >= rule.min_storm_states.max(1) {
                tracks += 1;
                hemispheres |= if points[0].lat < 0.0 { 1 } else { 2 };
            }
        }
        let again = if split.strongest_twice {
            strongest
        } else {
            0.0
        };
        Candidate {
            start,
            first,
            last,
            season: Season::of(self.times[start + rule.states / 2]),
            hemispheres,
            tracks,
            value: total + again + rule.plume_weight * 100.0 * self.plumes(start, end),
        }
    }

    fn window(&self, start: usize, rule: &WindowRule, split: &str) -> Window {
        let end = start + rule.states - 1;
        let span = (self.times[start], self.times[end], rule.states);
        let share = self.plumes(start, end);
        Window::new(
            split,
            span,
            share,
            &self.tracks,
            rule.min_storm_states.max(1),
        )
    }

    /// Mean share of plumes from one state to another.
    fn plumes(&self, start: usize, end: usize) -> f64 {
        let inside = &self.plumes[start..=end];
        inside.iter().sum::<f64>() / inside.len() as f64
    }
}

impl WindowRule {
    /// Whether a window is far enough from a stretch of time.
    fn apart(&self, window: &Window, first: Time, last: Time) -> bool {
        let gap = i64::from(self.gap_days) * 24;
        // Two windows share no state even without a gap.
        let far = |earlier: Time, later: Time| later.hours_since(earlier) >= gap.max(1);
        far(window.last, first) || far(last, window.first)
    }
}

/// Share of the area of the middle latitudes that lies under plumes.
fn plume_share(source: &Source, transport: ndarray::ArrayView2<'_, f32>) -> Result<f64> {
    let grid = source.grid();
    let mask = moisture_plume_mask(transport, grid, &MoisturePlumeConfig::default())?;
    let (mut covered, mut all) = (0.0, 0.0);
    for (node, weight) in grid.node_weights().into_iter().enumerate() {
        if PLUME_LATITUDES.contains(&grid.position(node).0.abs()) {
            all += weight;
            covered += if mask[node] { weight } else { 0.0 };
        }
    }
    Ok(if all > 0.0 { covered / all } else { 0.0 })
}

/// What the windows of a split lack.
fn lacking(windows: &[Window], rule: &SplitRule) -> Vec<String> {
    let split = &rule.split;
    let mut missing = Vec::new();
    if windows.len() < rule.windows {
        missing.push(format!(
            "{split}: {} of {} windows",
            windows.len(),
            rule.windows
        ));
    }
    let middle = |w: &Window| w.first.plus_hours(w.last.hours_since(w.first) / 2);
    let seasons: BTreeSet<Season> = windows.iter().map(|w| Season::of(middle(w))).collect();
    for season in Season::ALL {
        if rule.windows >= Season::ALL.len() && !seasons.contains(&season) {
            missing.push(format!("{split}: no window in {}", season.name()));
        }
    }
    let storms = || windows.iter().flat_map(|window| &window.storms);
    for (name, is_there) in [
        ("northern", storms().any(|storm| storm.lat[0] >= 0.0)),
        ("southern", storms().any(|storm| storm.lat[0] < 0.0)),
    ] {
        if !is_there {
            missing.push(format!("{split}: no storm on the {name} hemisphere"));
        }
    }
    // Lows that begin at one time are told apart by where.
    let place = |s: &super::Storm| {
        (
            s.track_first,
            s.track_days.to_bits(),
            s.lat.map(f64::to_bits),
        )
    };
    let tracks = storms().map(place).collect::<BTreeSet<_>>().len();
    if tracks < rule.min_tracks {
        missing.push(format!(
            "{split}: {tracks} of {} storm tracks",
            rule.min_tracks
        ));
    }
    missing
}
