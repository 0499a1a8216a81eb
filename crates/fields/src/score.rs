//! Scores of forecasts in the definitions of WeatherBench 2.

mod grid;
mod pair;
mod precipitation;
mod scorer;
mod sides;
mod sums;
mod target;

use std::collections::{BTreeMap, BTreeSet};

use dropsonde_mesh::LatLonGrid;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, State, Time};
pub use grid::{check_same_grid, score_latitude_weights};
pub use pair::PairScore;
use precipitation::DailySums;
pub use scorer::Scorer;
pub use sums::ScoreSums;
pub use target::ScoreTarget;

/// The score of one target at one lead time, over all initial times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// What was scored; as text its name, such as `z500`.
    pub target: ScoreTarget,
    /// Hours from the initial time to the valid time.
    pub lead_hours: i64,
    /// Number of pairs of forecast and truth.
    pub n: usize,
    /// Root mean square error in [`ScoreTarget::units`].
    pub rmse: f64,
    /// Mean error, forecast minus truth; none for a vector.
    pub bias: Option<f64>,
    /// Anomaly correlation coefficient; none for a vector, without climatology, and where an anomaly is
    /// zero everywhere.
    pub acc: Option<f64>,
    /// Number of pairs that `acc` is the mean of.
    pub n_acc: usize,
    /// Grid points skipped because the truth has no value there, over all pairs.
    pub n_missing: u64,
}

/// Scores pairs of forecast and truth one after another, in f64, keeping sums only.
///
/// With `w` the weight of a grid point ([`score_latitude_weights`], the same for all longitudes), `f`, `t`
/// and `c` forecast, truth and climatology, `E` the mean over grid points weighted with `w`, and `M` the mean
/// over initial times (Rasp et al. 2024, arXiv 2308.15560, section on deterministic metrics):
///
/// - RMSE = `sqrt(M(E((f - t)^2)))`; for a vector `(f - t)^2` is the sum over both components;
/// - bias = `M(E(f - t))`;
/// - ACC = `M(E((f - c) (t - c)) / sqrt(E((f - c)^2) E((t - c)^2)))`.
///
/// Where the truth is missing (NaN), as sea surface temperature over land, the point is left out of `E` and
/// counted; a truth without any value counts as no pair. Derived targets are computed from both sides
/// before they are compared; see [`ScoreTarget`].
///
/// A baseline such as persistence is scored by giving its state as the forecast: the initial state with
/// the valid time as its time.
///
/// ```
/// use dropsonde_fields::{Field, ScoreAccumulator, ScoreTarget, State, Variable};
/// use dropsonde_mesh::LatLonGrid;
/// use ndarray::Array2;
///
/// let grid = LatLonGrid::with_poles(10.0)?;
/// let state = |kelvin: f32| {
///     let mut state = State::new("2022-11-08T06".parse().unwrap());
///     state.insert(Variable::TEMPERATURE_2M, Field::surface(Array2::from_elem((19, 36), kelvin)));
///     state
/// };
/// let mut scores = ScoreAccumulator::new(&grid, vec!["t2m".parse::<ScoreTarget>()?]);
/// scores.add(6, &state(281.5), &state(280.0), None)?;
/// let score = &scores.finish()[0];
/// assert_eq!((score.lead_hours, score.n), (6, 1));
/// assert!((score.rmse - 1.5).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScoreAccumulator {
    scorer: Scorer,
    targets: Vec<ScoreTarget>,
    sums: BTreeMap<(usize, i64), ScoreSums>,
    /// Initial time and lead time of every pair so far.
    added: BTreeSet<(Time, i64)>,
    daily: DailySums,
}

impl ScoreAccumulator {
    /// Scores of these targets on one grid, that of both forecast and truth ([`check_same_grid`]).
    pub fn new(grid: &LatLonGrid, targets: Vec<ScoreTarget>) -> Self {
        Self {
            scorer: Scorer::new(grid),
            targets,
            sums: BTreeMap::new(),
            added: BTreeSet::new(),
            daily: DailySums::default(),
        }
    }

    /// Adds a forecast `lead_hours` after its initial time, and the truth of the same time.
    ///
    /// The states need the variables that [`ScoreTarget::variables`] names; others are ignored. `climatology`
    /// is the climatological mean for the valid time; a target that it lacks has no ACC.
    /// For `tp24h` from 6-hour sums, add the lead times of an initial time in ascending order; up to 16
    /// initial times may be taken in turns.
    ///
    /// # Errors
    /// [`Error::TimeMismatch`] if the truth has another time than the forecast; [`Error::MissingVariable`],
    /// [`Error::MissingLevel`] or [`Error::LevelMismatch`] if a state lacks a target; [`Error::Shape`] if a
    /// field is not on the grid; [`Error::InvalidParameter`] if the lead time is negative, if this pair was
    /// added before, if the forecast is not finite where the truth is, or if too many initial times take
    /// turns. Nothing is added then.
    pub fn add(
        &mut self,
        lead_hours: i64,
        forecast: &State,
        truth: &State,
        climatology: Option<&State>,
    ) -> Result<()> {
        truth.check_time("truth", forecast.time)?;
        let init = forecast.time.plus_hours(lead_hours.saturating_neg());
        self.check_new(init, lead_hours)?;
        let mut outcomes = Vec::new();
        for (index, target) in self.targets.iter().enumerate() {
            let outcome = match target {
                ScoreTarget::Precipitation24h => {
                    let planes = self.scorer.precipitation(forecast, truth, climatology)?;
                    let planes = self.daily.add(init, lead_hours, planes)?;
                    planes.map(|planes| self.scorer.score(&planes))
                }
                _ => Some(self.scorer.pair(target, forecast, truth, climatology)?),
            };
            let Some(outcome) = outcome else { continue };
            outcome.check_finite(target, forecast.time)?;
            outcomes.push((index, outcome));
        }
        for (index, outcome) in outcomes {
            let sums = self.sums.entry((index, lead_hours)).or_default();
            sums.add(&outcome);
        }
        self.added.insert((init, lead_hours));
        Ok(())
    }

    /// The scores by target, in the order given, and lead time.
    ///
    /// A target has no score at a lead time without any pair, such as `tp24h` before 24 hours.
    pub fn finish(self) -> Vec<Score> {
        let targets = &self.targets;
        let scores = self.sums.iter();
        scores
            .filter_map(|(&(index, lead_hours), sums)| {
                score(targets[index].clone(), lead_hours, sums)
            })
            .collect()
    }

    fn check_new(&self, init: Time, lead_hours: i64) -> Result<()> {
        if lead_hours < 0 {
            return Err(Error::InvalidParameter {
                name: "lead_hours",
                expected: "hours after the initial time".to_owned(),
                found: lead_hours.to_string(),
            });
        }
        if self.added.contains(&(init, lead_hours)) {
            return Err(Error::InvalidParameter {
                name: "forecast",
                expected: "each initial time and lead time once".to_owned(),
                found: format!("{init} and {lead_hours} h again"),
            });
        }
        Ok(())
    }
}

/// None without any pair.
fn score(target: ScoreTarget, lead_hours: i64, sums: &ScoreSums) -> Option<Score> {
    Some(Score {
        target,
        lead_hours,
        n: sums.n as usize,
        rmse: sums.rmse()?,
        bias: sums.mean_bias(),
        acc: sums.mean_acc(),
        n_acc: sums.n_acc as usize,
        n_missing: sums.n_missing,
    })
}
