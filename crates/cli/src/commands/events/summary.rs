//! The census as numbers, for `census.json` and the page.

use dropsonde_fields::Source;
use dropsonde_fields::events::{
    Census, CensusConfig, DayRecord, IceCover, Piece, Season, Storm, StormCounts,
};
use serde::Serialize;

/// Everything but tracks, days and maps.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Title of the store.
    pub(super) title: Option<String>,
    /// Whether the store says that it is a simulation.
    pub(super) is_simulation: bool,
    /// The rules.
    pub(super) rules: CensusConfig,
    /// Stretches without a gap.
    pub(super) pieces: Vec<Piece>,
    /// Storms by basin, season and month.
    pub(super) counts: StormCounts,
    /// Means over days, all of them and by season.
    pub(super) means: Vec<Means>,
    /// Sea ice by month.
    pub(super) ice: Vec<MonthlyIce>,
    /// All storms, the deepest first.
    pub(super) storms: Vec<Storm>,
}

/// Means over some days.
#[derive(Debug, Serialize)]
pub(super) struct Means {
    /// The season; `None` for all days.
    pub(super) season: Option<Season>,
    pub(super) days: usize,
    /// Share of the area between the plume latitudes.
    pub(super) plume_share: f64,
    /// Share of the globe.
    pub(super) heavy_precipitation_share: Option<f64>,
    pub(super) precipitation_mm_per_day: Option<f64>,
}

/// Mean sea ice of a calendar month.
#[derive(Debug, Serialize)]
pub(super) struct MonthlyIce {
    pub(super) month: u32,
    pub(super) north: IceCover,
    pub(super) south: IceCover,
}

impl Summary {
    pub(super) fn new(source: &Source, census: &Census) -> Self {
        let attributes = source.attributes();
        let mut storms = census.storms();
        storms.sort_by(|a, b| a.lowest_pressure_pa.total_cmp(&b.lowest_pressure_pa));
        let seasons = Season::ALL.into_iter().map(Some);
        let means = std::iter::once(None).chain(seasons);
        Self {
            title: attributes["title"].as_str().map(str::to_owned),
            is_simulation: attributes["is_model_simulation_not_observations"] == true,
            rules: census.config.clone(),
            pieces: census.pieces.clone(),
            counts: census.counts(),
            means: means.filter_map(|s| Means::of(&census.days, s)).collect(),
            ice: (1..=12)
                .filter_map(|m| MonthlyIce::of(&census.days, m))
                .collect(),
            storms,
        }
    }
}

impl Means {
    /// `None` without a day in the season.
    fn of(days: &[DayRecord], season: Option<Season>) -> Option<Self> {
        let is_in = |day: &&DayRecord| {
            season.is_none_or(|season| season.months().contains(&day.day.date().1))
        };
        let chosen: Vec<&DayRecord> = days.iter().filter(is_in).collect();
        let mean = |value: &dyn Fn(&DayRecord) -> Option<f64>| {
            let values: Option<Vec<f64>> = chosen.iter().map(|day| value(day)).collect();
            values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
        };
        (!chosen.is_empty()).then_some(())?;
        Some(Self {
            season,
            days: chosen.len(),
            plume_share: mean(&|day| Some(day.plume_share))?,
            heavy_precipitation_share: mean(&|day| day.heavy_precipitation_share),
            precipitation_mm_per_day: mean(&|day| day.precipitation_mm_per_day),
        })
    }
}

impl MonthlyIce {
    /// `None` without a day of the month that has ice.
    fn of(days: &[DayRecord], month: u32) -> Option<Self> {
        let in_month = days.iter().filter(|day| day.day.date().1 == month);
        let ice: Vec<[IceCover; 2]> = in_month.filter_map(|day| day.ice).collect();
        let mean = |side: usize, value: fn(&IceCover) -> f64| {
            ice.iter().map(|ice| value(&ice[side])).sum::<f64>() / ice.len() as f64
        };
        let [north, south] = [0, 1].map(|side| IceCover {
            area_km2: mean(side, |ice| ice.area_km2),
            extent_km2: mean(side, |ice| ice.extent_km2),
        });
        (!ice.is_empty()).then_some(Self {
            month,
            north,
            south,
        })
    }
}
