//! A census: what a long record of states holds, found in one pass.

mod config;
mod day;
mod monthly;
mod piece;
mod storms;

pub use config::CensusConfig;
pub use day::{DayRecord, write_daily_csv};
pub use monthly::MonthlyMean;
pub use piece::Piece;
pub use storms::{BasinCount, MonthCount, Storm, StormCounts};

use dropsonde_mesh::LatLonGrid;

use super::tracks::link;
use super::{Low, Track, TropicalLows, ice_cover, moisture_plume_mask};
use crate::derived::integrated_vapour_transport;
use crate::{Error, Result, State, Time, Variable};
use day::{DaySums, StateValues};

/// Variables without which there is no census.
const REQUIRED: [Variable; 8] = [
    Variable::MEAN_SEA_LEVEL_PRESSURE,
    Variable::U_WIND_10M,
    Variable::V_WIND_10M,
    Variable::TEMPERATURE,
    Variable::U_WIND,
    Variable::V_WIND,
    Variable::SPECIFIC_HUMIDITY,
    Variable::LAND_SEA_MASK,
];
/// Variables that are used where there are any; the first three tell where the ground is.
const OPTIONAL: [Variable; 6] = [
    Variable::SURFACE_PRESSURE,
    Variable::TEMPERATURE_2M,
    Variable::GEOPOTENTIAL_AT_SURFACE,
    Variable::TOTAL_PRECIPITATION_6HR,
    Variable::SEA_ICE_COVER,
    Variable::SEA_SURFACE_TEMPERATURE,
];

/// What a record holds.
#[derive(Clone, Debug)]
pub struct Census {
    /// The rules.
    pub config: CensusConfig,
    /// The stretches without a gap.
    pub pieces: Vec<Piece>,
    /// Every day of which there is a state, ascending.
    pub days: Vec<DayRecord>,
    /// Tracks of tropical lows.
    pub tracks: Vec<Track>,
    /// Precipitation in mm per day.
    pub precipitation: MonthlyMean,
    /// Share of states in which a node is inside a moisture plume.
    pub plumes: MonthlyMean,
    /// Sea-ice cover, 0 to 1.
    pub ice: MonthlyMean,
}

impl Census {
    /// The storms, in the order of their tracks.
    pub fn storms(&self) -> Vec<Storm> {
        let storm = |track| Storm::of(track, &self.config.strong);
        self.tracks.iter().filter_map(storm).collect()
    }

    /// Storms by basin, season and month.
    pub fn counts(&self) -> StormCounts {
        StormCounts::new(&self.storms(), &self.days)
    }
}

/// Takes states one by one and keeps only sums and the lows.
#[derive(Clone, Debug)]
pub struct CensusBuilder {
    grid: LatLonGrid,
    config: CensusConfig,
    detector: TropicalLows,
    weights: Vec<f64>,
    lows: Vec<(Time, Vec<Low>)>,
    days: Vec<DaySums>,
    precipitation: MonthlyMean,
    plumes: MonthlyMean,
    ice: MonthlyMean,
}

impl CensusBuilder {
    /// A census of states on `grid`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming a threshold that makes no sense.
    pub fn new(grid: &LatLonGrid, config: CensusConfig) -> Result<Self> {
        config.check()?;
        let n = grid.n_nodes();
        Ok(Self {
            detector: TropicalLows::new(grid, config.low.clone())?,
            weights: grid.node_weights(),
            grid: grid.clone(),
            config,
            lows: Vec::new(),
            days: Vec::new(),
            precipitation: MonthlyMean::new(n),
            plumes: MonthlyMean::new(n),
            ice: MonthlyMean::new(n),
        })
    }

    /// The variables that [`CensusBuilder::add`] looks at, those that may be missing only as far as `has` says so.
    pub fn variables(has: impl Fn(&Variable) -> bool) -> Vec<Variable> {
        let optional = OPTIONAL.into_iter().filter(|variable| has(variable));
        REQUIRED.into_iter().chain(optional).collect()
    }

    /// Looks at the next state.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless it is later than the one before; [`Error::MissingVariable`],
    /// [`Error::MissingLevel`] or [`Error::Shape`] naming what is wrong with it.
    pub fn add(&mut self, state: &State) -> Result<()> {
        self.check_order(state.time)?;
        let lows = self.detector.detect(state)?;
        let plumes = self.plume_mask(state)?;
        let precipitation = self.precipitation_of(state)?;
        let ice = match state.fields.contains_key(&Variable::SEA_ICE_COVER) {
            true => Some(ice_cover(state, &self.grid)?),
            false => None,
        };
        let month = day_of(state.time).date().1;
        self.plumes.add(
            month,
            plumes.iter().map(|&inside| f64::from(u8::from(inside))),
        );
        if let Some(field) = &precipitation {
            self.precipitation
                .add(month, field.iter().map(|&m| 4000.0 * f64::from(m)));
        }
        if ice.is_some() {
            let cover = state.plane(&Variable::SEA_ICE_COVER, None)?;
            self.ice
                .add(month, cover.iter().map(|&share| f64::from(share)));
        }
        let values = StateValues {
            plume_share: self.plume_share(&plumes),
            heavy_share: precipitation.as_ref().map(|field| self.heavy_share(field)),
            precipitation_mm_per_day: precipitation
                .as_ref()
                .map(|field| self.mean_mm_per_day(field)),
            ice,
        };
        self.day_sums(state.time).add(&values);
        self.lows.push((state.time, lows));
        Ok(())
    }

    /// Links the lows into tracks and takes the means.
    pub fn finish(self) -> Census {
        let tracks = link(&self.lows, &self.config.low);
        let times: Vec<Time> = self.lows.iter().map(|(time, _)| *time).collect();
        let days = self.days.iter().map(|sums| sums.record(&tracks)).collect();
        Census {
            pieces: Piece::of(&times, i64::from(self.config.low.step_hours)),
            days,
            tracks,
            precipitation: self.precipitation,
            plumes: self.plumes,
            ice: self.ice,
            config: self.config,
        }
    }

    fn check_order(&self, time: Time) -> Result<()> {
        match self.lows.last() {
            Some((last, _)) if *last >= time => Err(Error::InvalidParameter {
                name: "time",
                expected: format!("a state later than {last}"),
                found: time.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Plumes of this state, `[n_nodes]`.
    fn plume_mask(&self, state: &State) -> Result<Vec<bool>> {
        let transport = integrated_vapour_transport(state, &self.grid)?;
        moisture_plume_mask(transport.magnitude.view(), &self.grid, &self.config.plume)
    }

    /// Precipitation of the six hours before in m, `[n_nodes]`.
    fn precipitation_of(&self, state: &State) -> Result<Option<Vec<f32>>> {
        let variable = Variable::TOTAL_PRECIPITATION_6HR;
        if !state.fields.contains_key(&variable) {
            return Ok(None);
        }
        super::masks::flat(state, &variable, &self.grid).map(Some)
    }

    /// Share of the area between the latitudes of the config.
    fn plume_share(&self, mask: &[bool]) -> f64 {
        let [low, high] = self.config.plume_latitudes;
        let in_band =
            |node: usize| (low..=high).contains(&f64::from(self.grid.position(node).0.abs()));
        self.share(|node| mask[node], in_band)
    }

    fn heavy_share(&self, precipitation: &[f32]) -> f64 {
        let limit = self.config.heavy_precipitation_m;
        self.share(|node| precipitation[node] >= limit, |_| true)
    }

    fn mean_mm_per_day(&self, precipitation: &[f32]) -> f64 {
        let total = precipitation.iter().zip(&self.weights);
        4000.0 * total.map(|(&m, w)| w * f64::from(m)).sum::<f64>()
            / self.weights.iter().sum::<f64>()
    }

    /// Share of the area of `among` where `is_inside`.
    fn share(&self, is_inside: impl Fn(usize) -> bool, among: impl Fn(usize) -> bool) -> f64 {
        let (mut inside, mut all) = (0.0, 0.0);
        for (node, weight) in self
            .weights
            .iter()
            .enumerate()
            .filter(|(node, _)| among(*node))
        {
            all += weight;
            inside += if is_inside(node) { *weight } else { 0.0 };
        }
        if all > 0.0 { inside / all } else { 0.0 }
    }

    fn day_sums(&mut self, time: Time) -> &mut DaySums {
        let day = day_of(time);
        if self.days.last().is_none_or(|last| last.day != day) {
            self.days.push(DaySums::new(day));
        }
        let last = self.days.len() - 1;
        &mut self.days[last]
    }
}

/// The day that a state closes a part of: midnight belongs to the day before, as the precipitation before it does.
pub(super) fn day_of(time: Time) -> Time {
    Time::from_unix_seconds(time.unix_seconds() - 1).start_of_day()
}
