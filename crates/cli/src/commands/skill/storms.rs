//! Tropical lows: where they are in the truth, and what becomes of them in a forecast.

use std::collections::BTreeMap;

use dropsonde_fields::events::{Low, TropicalLowConfig, TropicalLows, link};
use dropsonde_fields::{Source, State, Time, Variable};
use dropsonde_intervention::{Follower, Storm, StormConfig, StormFinder};
use dropsonde_mesh::great_circle_km;

use super::cases::{Case, Stretch};
use super::record::{StormLead, StormRecord};
use super::setup::Setup;

/// Tracks are sought from so long before the first initial time, so that storms that form elsewhere are known.
const SPIN_UP_HOURS: i64 = 240;

/// Detector and finder on one grid.
pub(crate) struct Storms {
    lows: TropicalLows,
    finder: StormFinder,
    leads: Vec<i64>,
}

/// A storm of the truth, measured at every state where it was detected.
#[derive(Debug, Clone)]
pub(crate) struct TruthStorm {
    pub(crate) name: String,
    points: BTreeMap<Time, Storm>,
}

impl Storms {
    /// None if a state lacks what the detector needs, with the reason.
    pub(crate) fn new(setup: &Setup) -> anyhow::Result<Result<Self, String>> {
        let config = TropicalLowConfig::default();
        if let Some(reason) = missing(&config, &setup.truth, setup) {
            return Ok(Err(reason));
        }
        let grid = setup.truth.grid();
        // Position, pressure and wind are compared; the warm core is the detector's business.
        let storm = StormConfig {
            warm_core_levels: Vec::new(),
            ..StormConfig::default()
        };
        Ok(Ok(Self {
            lows: TropicalLows::new(grid, config)?,
            finder: StormFinder::new(grid, storm)?,
            leads: setup.storm_leads.clone(),
        }))
    }

    /// The storms of a stretch of the truth that last long enough to be tracked.
    pub(crate) fn tracks(
        &self,
        truth: &Source,
        stretch: &Stretch,
        [first_init, last_init]: [Time; 2],
    ) -> anyhow::Result<Vec<TruthStorm>> {
        let longest = self.leads.last().copied().unwrap_or(0);
        let begin = stretch.first.max(first_init.plus_hours(-SPIN_UP_HOURS));
        let end = stretch.truth_until.min(last_init.plus_hours(longest));
        let times = truth.times().iter().copied();
        let times = times.filter(|&time| time >= begin && time <= end);
        let mut series: Vec<(Time, Vec<Low>)> = Vec::new();
        let mut measured: BTreeMap<Time, Vec<Option<Storm>>> = BTreeMap::new();
        for time in times {
            let state = truth.state(time)?;
            let lows = self.lows.detect(&state)?;
            let storms = lows
                .iter()
                .map(|low| self.finder.find(&state, (low.lat, low.lon)));
            measured.insert(time, storms.collect::<Result<_, _>>()?);
            series.push((time, lows));
        }
        let tracks = link(&series, self.lows.config());
        let series: BTreeMap<Time, Vec<Low>> = series.into_iter().collect();
        Ok(tracks
            .into_iter()
            .map(|track| {
                let point = |point: &dropsonde_fields::events::TrackPoint| {
                    let lows = series.get(&point.time)?;
                    let at = |low: &Low| (low.lat, low.lon) == (point.lat, point.lon);
                    let index = lows.iter().position(at)?;
                    Some((point.time, measured.get(&point.time)?[index]?))
                };
                TruthStorm {
                    name: format!("{}#{}", stretch.first, track.id),
                    points: track.points.iter().filter_map(point).collect(),
                }
            })
            .collect())
    }

    /// Begins to follow the storms that are there at the start of a forecast.
    pub(crate) fn chase<'a>(
        &'a self,
        case: &'a Case,
        tracks: &'a [TruthStorm],
        initial: &State,
    ) -> anyhow::Result<Chase<'a>> {
        let mut chased = Vec::new();
        for storm in tracks {
            let Some(start) = storm.points.get(&case.init) else {
                continue;
            };
            let mut follower = Follower::new(&self.finder, start.position());
            follower.follow(initial)?;
            chased.push(Chased {
                storm,
                initial: *start,
                follower,
                leads: Vec::new(),
            });
        }
        Ok(Chase {
            storms: self,
            case,
            chased,
        })
    }
}

/// The storms of one forecast.
pub(crate) struct Chase<'a> {
    storms: &'a Storms,
    case: &'a Case,
    chased: Vec<Chased<'a>>,
}

struct Chased<'a> {
    storm: &'a TruthStorm,
    initial: Storm,
    follower: Follower<'a>,
    leads: Vec<StormLead>,
}

impl Chase<'_> {
    /// Follows every storm to the next state.
    pub(crate) fn step(&mut self, lead_hours: i64, forecast: &State) -> anyhow::Result<()> {
        let last = self.storms.leads.last().copied().unwrap_or(0);
        if lead_hours > last || self.chased.is_empty() {
            return Ok(());
        }
        let is_lead = self.storms.leads.contains(&lead_hours);
        let lows = match is_lead {
            true => self.storms.lows.detect(forecast)?,
            false => Vec::new(),
        };
        for chased in &mut self.chased {
            let storm = chased.follower.follow(forecast)?;
            let known = lead_hours <= self.case.truth_hours;
            if !is_lead || !known {
                continue;
            }
            let reach = self.storms.lows.config().core_km;
            let is_low = storm.is_some_and(|storm| {
                let near =
                    |low: &Low| great_circle_km(storm.position(), (low.lat, low.lon)) <= reach;
                lows.iter().any(near)
            });
            chased.leads.push(StormLead {
                lead_hours,
                forecast: storm,
                truth: chased.storm.points.get(&forecast.time).copied(),
                is_low,
            });
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Vec<StormRecord> {
        let record = |chased: Chased<'_>| StormRecord {
            storm: chased.storm.name.clone(),
            initial: chased.initial,
            leads: chased.leads,
        };
        self.chased.into_iter().map(record).collect()
    }
}

/// What the detector needs and the truth or the forecast lacks.
fn missing(config: &TropicalLowConfig, truth: &Source, setup: &Setup) -> Option<String> {
    let needed = [
        Variable::MEAN_SEA_LEVEL_PRESSURE,
        Variable::U_WIND_10M,
        Variable::V_WIND_10M,
        Variable::TEMPERATURE,
        Variable::U_WIND,
        Variable::V_WIND,
        Variable::LAND_SEA_MASK,
    ];
    let task = setup.forecaster.task();
    let in_forecast =
        |v: &Variable| task.target_variables.contains(v) || task.input_variables.contains(v);
    let lacks = |v: &&Variable| !truth.has(v) || !in_forecast(v);
    if let Some(variable) = needed.iter().find(lacks) {
        return Some(format!("storms were not looked for: they need {variable}"));
    }
    let mut levels = config.warm_core_levels.clone();
    levels.push(config.vorticity_level);
    let lacks =
        |level: &&u32| !truth.levels().contains(level) || !task.pressure_levels.contains(level);
    let level = levels.iter().find(lacks)?;
    Some(format!(
        "storms were not looked for: they need the level {level} hPa"
    ))
}
