//! The planes of a target out of forecast, truth and climatology.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, ArrayView2, Zip};

use super::ScoreTarget;
use super::pair::Planes;
use super::precipitation::{Precipitation, PrecipitationSides};
use super::target::{precipitation_24h, wind_speed_10m};
use crate::{Error, Result, State, Variable};

/// The shape that all fields must have.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    n_lat: usize,
    n_lon: usize,
}

impl Sides {
    pub(super) fn new(grid: &LatLonGrid) -> Self {
        Self {
            n_lat: grid.n_lat(),
            n_lon: grid.n_lon(),
        }
    }

    /// The components of a target that follows from one time.
    pub(super) fn planes(
        &self,
        target: &ScoreTarget,
        forecast: &State,
        truth: &State,
        climatology: Option<&State>,
    ) -> Result<Planes> {
        let climatology = climatology.map(|state| self.climatology(target, state));
        Ok(Planes {
            forecast: self.components(target, forecast, "the forecast")?,
            truth: self.components(target, truth, "the truth")?,
            climatology: climatology.transpose()?.flatten(),
        })
    }

    pub(super) fn components(
        &self,
        target: &ScoreTarget,
        state: &State,
        side: &str,
    ) -> Result<Vec<Array2<f64>>> {
        let plane = |variable: &Variable, level| {
            let plane = self.plane(state, variable, level, side)?;
            Ok::<_, Error>(plane.mapv(f64::from))
        };
        match target {
            ScoreTarget::Field { variable, level } => Ok(vec![plane(variable, *level)?]),
            ScoreTarget::WindVector { level } => {
                let level = Some(*level);
                Ok(vec![
                    plane(&Variable::U_WIND, level)?,
                    plane(&Variable::V_WIND, level)?,
                ])
            }
            ScoreTarget::WindSpeed10m => {
                let components = [Variable::U_WIND_10M, Variable::V_WIND_10M];
                let has_components = components.iter().all(|v| state.fields.contains_key(v));
                if !has_components && state.fields.contains_key(&wind_speed_10m()) {
                    return Ok(vec![plane(&wind_speed_10m(), None)?]);
                }
                let [u, v] = &components;
                let (u, v) = (plane(u, None)?, plane(v, None)?);
                Ok(vec![Zip::from(&u).and(&v).map_collect(|u, v| u.hypot(*v))])
            }
            // Not from one time.
            ScoreTarget::Precipitation24h => Ok(Vec::new()),
        }
    }

    /// The climatological mean of a target, if the climatology has it.
    ///
    /// The mean of a speed is not the speed of the mean wind, so it is only taken as it stands.
    fn climatology(&self, target: &ScoreTarget, state: &State) -> Result<Option<Array2<f64>>> {
        let speed = wind_speed_10m();
        let (variable, level) = match target {
            ScoreTarget::Field { variable, level } => (variable, *level),
            ScoreTarget::WindSpeed10m => (&speed, None),
            ScoreTarget::WindVector { .. } | ScoreTarget::Precipitation24h => return Ok(None),
        };
        let has_level = |field: &crate::Field| level.is_none_or(|l| field.levels.contains(&l));
        if !state.fields.get(variable).is_some_and(has_level) {
            return Ok(None);
        }
        let plane = self.plane(state, variable, level, "the climatology")?;
        Ok(Some(plane.mapv(f64::from)))
    }

    /// Precipitation of 24 hours where a side has it, else of 6 hours.
    pub(super) fn precipitation(
        &self,
        forecast: &State,
        truth: &State,
        climatology: Option<&State>,
    ) -> Result<PrecipitationSides> {
        let precipitation = |state: &State, side: &str| {
            let day = precipitation_24h();
            if state.fields.contains_key(&day) {
                let plane = self.plane(state, &day, None, side)?;
                return Ok::<_, Error>(Precipitation::Day(plane.to_owned()));
            }
            let plane = self.plane(state, &Variable::TOTAL_PRECIPITATION_6HR, None, side)?;
            Ok(Precipitation::SixHours(plane.to_owned()))
        };
        let known = [precipitation_24h(), Variable::TOTAL_PRECIPITATION_6HR];
        let climatology =
            climatology.filter(|state| known.iter().any(|v| state.fields.contains_key(v)));
        let climatology = climatology.map(|state| precipitation(state, "the climatology"));
        Ok([
            Some(precipitation(forecast, "the forecast")?),
            Some(precipitation(truth, "the truth")?),
            climatology.transpose()?,
        ])
    }

    fn plane<'a>(
        &self,
        state: &'a State,
        variable: &Variable,
        level: Option<u32>,
        side: &str,
    ) -> Result<ArrayView2<'a, f32>> {
        let plane = state.plane(variable, level).map_err(|error| match error {
            Error::MissingVariable {
                variable, known, ..
            } => Error::MissingVariable {
                variable,
                place: format!("{side} for {}", state.time),
                known,
            },
            other => other,
        })?;
        let expected = [self.n_lat, self.n_lon];
        match plane.shape() == expected {
            true => Ok(plane),
            false => Err(Error::Shape {
                what: format!("`{variable}` of {side}"),
                expected: expected.to_vec(),
                found: plane.shape().to_vec(),
            }),
        }
    }
}
