//! Precipitation of 24 hours from sums over 6 hours.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ndarray::Array2;

use super::pair::Planes;
use crate::{Error, Result, STEP_HOURS, Time};

/// Initial times whose last lead times are kept.
const MAX_OPEN: usize = 16;

const DAY: i64 = 24;

/// Precipitation on one side at one time.
#[derive(Clone, Debug)]
pub(super) enum Precipitation {
    /// Of the last 6 hours.
    SixHours(Array2<f32>),
    /// Of the last 24 hours.
    Day(Array2<f32>),
}

/// That of the forecast, of the truth and, if known, of the climatology.
pub(super) type PrecipitationSides = [Option<Precipitation>; 3];

/// The last 6-hour sums of each initial time.
#[derive(Clone, Debug, Default)]
pub(super) struct DailySums {
    /// Initial times, the one used last at the back.
    open: VecDeque<Window>,
    /// Initial times that made room for others.
    closed: BTreeSet<Time>,
}

#[derive(Clone, Debug)]
struct Window {
    init: Time,
    /// 6-hour sums by lead time.
    sides: [BTreeMap<i64, Array2<f32>>; 3],
}

impl DailySums {
    /// Takes the precipitation at a lead time; gives that of 24 hours once four 6-hour sums are there.
    pub(super) fn add(
        &mut self,
        init: Time,
        lead: i64,
        sides: PrecipitationSides,
    ) -> Result<Option<Planes>> {
        let window = self.window(init)?;
        let mut sums = [None, None, None];
        for (index, side) in sides.into_iter().enumerate() {
            sums[index] = match side {
                Some(Precipitation::Day(plane)) => Some(plane.mapv(f64::from)),
                Some(Precipitation::SixHours(plane)) => window.add(index, lead, plane),
                None => None,
            };
        }
        // The 24 hours must not begin before the forecast does.
        let [Some(forecast), Some(truth), climatology] = sums else {
            return Ok(None);
        };
        Ok((lead >= DAY).then(|| Planes {
            forecast: vec![forecast],
            truth: vec![truth],
            climatology,
        }))
    }

    /// The window of an initial time, which becomes the one used last.
    fn window(&mut self, init: Time) -> Result<&mut Window> {
        if self.closed.contains(&init) {
            return Err(Error::InvalidParameter {
                name: "forecast",
                expected: format!(
                    "at most {MAX_OPEN} initial times that take turns, as precipitation of 24 hours needs the steps before"
                ),
                found: format!("{init} again after {MAX_OPEN} others"),
            });
        }
        let found = self.open.iter().position(|window| window.init == init);
        let window = found.and_then(|index| self.open.remove(index));
        if window.is_none() && self.open.len() == MAX_OPEN {
            self.closed.extend(self.open.pop_front().map(|w| w.init));
        }
        self.open.push_back(window.unwrap_or_else(|| Window {
            init,
            sides: Default::default(),
        }));
        let last = self.open.len() - 1;
        Ok(&mut self.open[last])
    }
}

impl Window {
    /// The sum of the 24 hours before a lead time, if its four parts are there.
    fn add(&mut self, side: usize, lead: i64, plane: Array2<f32>) -> Option<Array2<f64>> {
        let planes = &mut self.sides[side];
        planes.retain(|&other, _| other > lead - DAY);
        planes.insert(lead, plane);
        let mut sum = planes.get(&lead)?.mapv(f64::from);
        for step in 1..DAY / STEP_HOURS {
            let part = planes.get(&(lead - step * STEP_HOURS))?;
            sum.zip_mut_with(part, |sum, &part| *sum += f64::from(part));
        }
        Some(sum)
    }
}
