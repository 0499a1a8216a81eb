//! From masks to rows that can be compared and blocks that can be resampled.

use std::f64::consts::TAU;

use dropsonde_fields::{Time, day_progress, year_progress};

use super::{LabelConfig, SplitLabels};
use crate::geometry::Geometry;
use crate::phenomenon::{Metric, Phenomenon};
use crate::score::{Cases, CasesBuilder, CycleCases};
use crate::split::Split;

/// The rows of a split as one phenomenon sees them.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Rows with and without the phenomenon.
    Mask(Cases),
    /// Rows with their place in a cycle.
    Cycle(CycleCases),
}

impl Target {
    /// What one phenomenon asks of the rows of a split.
    pub fn new(
        phenomenon: Phenomenon,
        split: &Split,
        geometry: &Geometry,
        labels: &SplitLabels,
        config: &LabelConfig,
    ) -> Self {
        let rows = Rows {
            split,
            geometry,
            config,
        };
        match phenomenon.metric() {
            Metric::Auc => Self::Mask(rows.cases(phenomenon, labels)),
            Metric::Correlation => Self::Cycle(rows.cycle(phenomenon)),
        }
    }

    /// Positive rows, or rows that take part in a cycle.
    pub fn n_positives(&self) -> u64 {
        match self {
            Self::Mask(cases) => cases.used().0,
            Self::Cycle(cases) => cases.n_used(),
        }
    }

    /// Independent cases.
    pub fn n_blocks(&self) -> usize {
        match self {
            Self::Mask(cases) => cases.n_positive_blocks(),
            Self::Cycle(cases) => cases.n_blocks(),
        }
    }
}

/// Rows `record * n_nodes + node` of a split.
struct Rows<'a> {
    split: &'a Split,
    geometry: &'a Geometry,
    config: &'a LabelConfig,
}

impl Rows<'_> {
    fn n_rows(&self) -> usize {
        self.split.len() * self.geometry.n_nodes()
    }

    /// One value per row from its record and node.
    fn map<T>(&self, value: impl Fn(usize, usize) -> T) -> Vec<T> {
        let n_nodes = self.geometry.n_nodes();
        (0..self.n_rows())
            .map(|row| value(row / n_nodes, row % n_nodes))
            .collect()
    }

    fn cases(&self, phenomenon: Phenomenon, labels: &SplitLabels) -> Cases {
        let builder = CasesBuilder {
            positive: labels.mask(phenomenon),
            stratum: self.strata(phenomenon, labels),
            block: self.blocks(phenomenon, labels),
            shared: phenomenon != Phenomenon::TropicalLow,
        };
        builder.build()
    }

    /// Latitude band, season, and surface where it is not what is asked for.
    fn strata(&self, phenomenon: Phenomenon, labels: &SplitLabels) -> Vec<u16> {
        let n_nodes = self.geometry.n_nodes();
        let n_bands = (180.0 / self.config.latitude_band_deg).ceil() as u16;
        self.map(|record, node| {
            let lat = f64::from(self.geometry.lat_lon[node][0]);
            let band = ((lat + 90.0) / self.config.latitude_band_deg) as u16;
            let land = phenomenon.separates_surfaces() && labels.land[record * n_nodes + node];
            let summer = is_northern_summer(self.split.times[record]);
            (band.min(n_bands - 1) * 2 + u16::from(land)) * 2 + u16::from(summer)
        })
    }

    /// Storms for the positives of tropical lows, regions for what hardly changes in time, else stretches of time.
    fn blocks(&self, phenomenon: Phenomenon, labels: &SplitLabels) -> Vec<u16> {
        let n_nodes = self.geometry.n_nodes();
        self.map(|record, node| match phenomenon {
            Phenomenon::Land | Phenomenon::SeaIce => self.geometry.regions[node],
            Phenomenon::TropicalLow => {
                labels.storm[record * n_nodes + node].unwrap_or(self.split.blocks[record])
            }
            _ => self.split.blocks[record],
        })
    }

    fn cycle(&self, phenomenon: Phenomenon) -> CycleCases {
        let lat_lon = &self.geometry.lat_lon;
        let southern = |node: usize| lat_lon[node][0] < 0.0;
        let season = phenomenon == Phenomenon::Season;
        let angle = self.map(|record, node| {
            let time = self.split.times[record];
            let turns = match season {
                true => f64::from(year_progress(time)) + if southern(node) { 0.5 } else { 0.0 },
                false => f64::from(day_progress(time, lat_lon[node][1])),
            };
            TAU * turns
        });
        let block = self.map(|record, node| match season {
            true => {
                let outside = f64::from(lat_lon[node][0].abs()) >= self.config.season_min_latitude;
                outside.then_some(2 * self.split.windows[record] + u16::from(southern(node)))
            }
            false => Some(self.split.blocks[record]),
        });
        CycleCases::new(self.geometry.n_nodes(), &angle, block)
    }
}

/// April to September.
fn is_northern_summer(time: Time) -> bool {
    (4..=9).contains(&time.date().1)
}
