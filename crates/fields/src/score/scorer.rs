//! The score of single pairs.

use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

use super::pair::Planes;
use super::precipitation::PrecipitationSides;
use super::sides::Sides;
use super::{PairScore, ScoreTarget, score_latitude_weights};
use crate::{Error, Result, State};

/// Scores single pairs of forecast and truth on one grid, in the definitions of
/// [`ScoreAccumulator`](crate::ScoreAccumulator), for callers that need each pair on its own, as a bootstrap does.
#[derive(Clone, Debug)]
pub struct Scorer {
    sides: Sides,
    /// Weight of each latitude, mean 1.
    weights: Vec<f64>,
}

impl Scorer {
    /// For forecasts and truth on this grid.
    pub fn new(grid: &LatLonGrid) -> Self {
        Self {
            sides: Sides::new(grid),
            weights: score_latitude_weights(grid),
        }
    }

    /// The score of one pair.
    ///
    /// A forecast that is not finite where the truth is gives no error: [`PairScore::n_not_finite`] counts its points.
    ///
    /// # Errors
    /// [`Error::TimeMismatch`] if the truth has another time than the forecast; [`Error::MissingVariable`],
    /// [`Error::MissingLevel`] or [`Error::LevelMismatch`] if a state lacks the target; [`Error::Shape`] if a field
    /// is not on the grid; [`Error::InvalidParameter`] for a target that does not follow from one time (`tp24h`).
    pub fn pair(
        &self,
        target: &ScoreTarget,
        forecast: &State,
        truth: &State,
        climatology: Option<&State>,
    ) -> Result<PairScore> {
        truth.check_time("truth", forecast.time)?;
        check_single_time(target)?;
        let planes = self.sides.planes(target, forecast, truth, climatology)?;
        Ok(self.score(&planes))
    }

    /// The components of a target, one for a scalar, two for a vector, each `[lat, lon]` in the target's units.
    ///
    /// # Errors
    /// As [`Scorer::pair`].
    pub fn components(&self, target: &ScoreTarget, state: &State) -> Result<Vec<Array2<f64>>> {
        check_single_time(target)?;
        self.sides.components(target, state, "the state")
    }

    pub(super) fn score(&self, planes: &Planes) -> PairScore {
        PairScore::new(&self.weights, planes)
    }

    pub(super) fn precipitation(
        &self,
        forecast: &State,
        truth: &State,
        climatology: Option<&State>,
    ) -> Result<PrecipitationSides> {
        self.sides.precipitation(forecast, truth, climatology)
    }
}

fn check_single_time(target: &ScoreTarget) -> Result<()> {
    match target {
        ScoreTarget::Precipitation24h => Err(Error::InvalidParameter {
            name: "score target",
            expected: "one that follows from a single time, such as tp6h".to_owned(),
            found: target.to_string(),
        }),
        _ => Ok(()),
    }
}
