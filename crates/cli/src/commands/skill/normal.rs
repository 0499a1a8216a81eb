//! What is normal: the climatology that forecasts are compared with.

use dropsonde_fields::{
    Climatology, Field, ScoreTarget, State, Statistics, Time, Variable, check_same_grid,
};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array3;

use crate::args::SkillArgs;

/// The climatology of the targets.
pub(crate) enum Normal {
    /// By hour and day of year; the variables that it has of those the targets need.
    ByDay(Box<Climatology>, Vec<Variable>),
    /// The means of the statistics: one number per variable and level, at all times.
    Mean(State),
}

impl Normal {
    /// The climatology of the arguments, or the means of the statistics.
    pub(crate) fn open(
        args: &SkillArgs,
        statistics: &Statistics,
        grid: &LatLonGrid,
        targets: &[ScoreTarget],
    ) -> anyhow::Result<Self> {
        let Some(path) = &args.climatology else {
            return Ok(Self::Mean(mean_state(statistics, grid, targets)));
        };
        let climatology = Climatology::open(path)?;
        check_same_grid(grid, climatology.grid())?;
        let mut variables: Vec<Variable> = targets
            .iter()
            .flat_map(|target| match target {
                ScoreTarget::WindVector { .. } => target.variables(|v| climatology.has(v)),
                _ => target.climatology_variables(|v| climatology.has(v)),
            })
            .filter(|variable| climatology.has(variable))
            .collect();
        variables.sort();
        variables.dedup();
        Ok(Self::ByDay(Box::new(climatology), variables))
    }

    /// What is normal at a time.
    pub(crate) fn at(&self, time: Time) -> dropsonde_fields::Result<State> {
        match self {
            Self::ByDay(climatology, variables) => climatology.state_of(time, variables),
            Self::Mean(state) => Ok(State {
                time,
                fields: state.fields.clone(),
            }),
        }
    }

    /// In words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::ByDay(climatology, _) => {
                format!("by hour and day of year, `{}`", climatology.path().display())
            }
            Self::Mean(_) => "the mean of the statistics, one number per variable and level: a weak baseline, and an ACC against it is high for any plausible state".to_owned(),
        }
    }
}

/// Whether a climatological state has what a target needs.
pub(crate) fn has(normal: &State, target: &ScoreTarget) -> bool {
    let plane = |variable: &Variable, level| normal.plane(variable, level).is_ok();
    let level = match target {
        ScoreTarget::Field { level, .. } => *level,
        ScoreTarget::WindVector { level } => Some(*level),
        ScoreTarget::WindSpeed10m | ScoreTarget::Precipitation24h => None,
    };
    let variables = target.variables(|variable| normal.fields.contains_key(variable));
    // The speed of the mean wind is not the mean of the speed.
    let is_mean =
        *target != ScoreTarget::WindSpeed10m || !normal.fields.contains_key(&Variable::U_WIND_10M);
    is_mean && variables.iter().all(|variable| plane(variable, level))
}

/// Fields that have the mean everywhere, for what the targets need.
fn mean_state(statistics: &Statistics, grid: &LatLonGrid, targets: &[ScoreTarget]) -> State {
    let mut state = State::new(Time(0));
    let variables = targets.iter().flat_map(|t| t.variables(|_| true));
    for variable in variables {
        let mean = statistics
            .variables
            .get(&variable)
            .and_then(|s| s.mean.as_ref());
        let Some(mean) = mean else { continue };
        let shape = (mean.values.len(), grid.n_lat(), grid.n_lon());
        let data = Array3::from_shape_fn(shape, |(level, ..)| mean.values[level] as f32);
        let levels = mean.levels.clone();
        state.insert(variable, Field { levels, data });
    }
    state
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::Task;

    use super::*;

    #[test]
    fn the_mean_of_the_statistics_is_the_same_everywhere() {
        let task = Task::graphcast_13();
        let statistics = Statistics::synthetic(&task).unwrap();
        let grid = LatLonGrid::with_poles(30.0).unwrap();
        let targets: Vec<ScoreTarget> = ["z500", "wind850", "t2m", "ws10"]
            .map(|name| name.parse().unwrap())
            .to_vec();
        let state = mean_state(&statistics, &grid, &targets);
        let expected = statistics.variables[&Variable::GEOPOTENTIAL]
            .mean
            .as_ref()
            .unwrap();
        let expected = expected.get(Some(500)).unwrap() as f32;
        let plane = state.plane(&Variable::GEOPOTENTIAL, Some(500)).unwrap();
        assert!(plane.iter().all(|&z| z == expected));
        assert!(targets[..3].iter().all(|target| has(&state, target)));
        assert!(!has(&state, &"msl".parse().unwrap()), "nobody asked for it");
        assert!(!has(&state, &targets[3]) || !state.fields.contains_key(&Variable::U_WIND_10M));
    }
}
