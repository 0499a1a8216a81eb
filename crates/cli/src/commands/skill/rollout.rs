//! One forecast, compared step by step.

use std::collections::BTreeSet;

use dropsonde_fields::{PairScore, STEP_HOURS, ScoreTarget, State, Statistics, Time, Variable};
use dropsonde_forecaster::{Error as ForecastError, NoTap};

use super::cases::{Case, Start};
use super::normal;
use super::record::{Extreme, LeadRecord, Record, TargetScores};
use super::setup::Setup;
use super::storms::{Storms, TruthStorm};

/// Makes one forecast; `progress` is called after every step.
pub(crate) fn run(
    setup: &Setup,
    storms: Option<&Storms>,
    case: &Case,
    tracks: &[TruthStorm],
    progress: impl Fn(),
) -> anyhow::Result<Record> {
    let (mut previous, mut current) = initial_states(setup, case)?;
    let initial = Compared::initial(setup, case, &current)?;
    let mut chase = storms
        .map(|storms| storms.chase(case, tracks, &current))
        .transpose()?;
    let mut record = Record {
        init: case.init,
        start: case.start,
        block: case.block.clone(),
        leads: Vec::new(),
        storms: Vec::new(),
        diverged_hours: None,
    };
    for step in 1..=setup.n_steps() {
        let lead = STEP_HOURS * step as i64;
        let forcings = setup.inputs.forcings(case.init.plus_hours(lead))?;
        let next = setup
            .forecaster
            .step(&previous, &current, &forcings, &mut NoTap);
        let next = match next {
            Ok(next) => next,
            Err(ForecastError::NotFinite { .. }) => {
                record.diverged_hours = Some(lead);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        previous = std::mem::replace(&mut current, next);
        if let Some(chase) = &mut chase {
            chase.step(lead, &current)?;
        }
        if setup.leads.contains(&lead) {
            record.leads.push(initial.at(lead, &current)?);
        }
        progress();
    }
    if let Some(chase) = chase {
        record.storms = chase.finish();
    }
    Ok(record)
}

fn initial_states(setup: &Setup, case: &Case) -> anyhow::Result<(State, State)> {
    if case.start == Start::Pair {
        return Ok(setup.inputs.initial_states(case.init)?);
    }
    let current = setup.inputs.input().state(case.init)?;
    let previous = State {
        time: case.init.plus_hours(-STEP_HOURS),
        fields: current.fields.clone(),
    };
    Ok((previous, current))
}

/// What the states of a forecast are compared with.
struct Compared<'a> {
    setup: &'a Setup,
    case: &'a Case,
    /// The true state at the initial time, or that the forecast starts from.
    initial: State,
}

impl<'a> Compared<'a> {
    fn initial(setup: &'a Setup, case: &'a Case, current: &State) -> anyhow::Result<Self> {
        let in_truth = setup.truth.times().binary_search(&case.init).is_ok();
        let source = match in_truth {
            true => &setup.truth,
            false => setup.inputs.input(),
        };
        let wanted = variables(setup.targets.iter(), |v| source.has(v));
        // Precipitation is often no input, so the state that the forecast starts from may lack it.
        let (stored, absent): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|v| source.has(v));
        let mut initial = source.state_of(case.init, &stored)?;
        for variable in absent {
            let field = current.get(&variable)?.clone();
            initial.insert(variable, field);
        }
        Ok(Self {
            setup,
            case,
            initial,
        })
    }

    fn at(&self, lead_hours: i64, forecast: &State) -> anyhow::Result<LeadRecord> {
        let setup = self.setup;
        let kept = State {
            time: forecast.time,
            fields: self.initial.fields.clone(),
        };
        let change = |target: &ScoreTarget| setup.scorer.pair(target, forecast, &kept, None);
        let truth = (lead_hours <= self.case.truth_hours)
            .then(|| self.truth(forecast.time))
            .transpose()?;
        Ok(LeadRecord {
            lead_hours,
            change: setup.targets.iter().map(change).collect::<Result<_, _>>()?,
            scores: match &truth {
                Some(truth) => self.scores(forecast, &kept, truth)?,
                None => Vec::new(),
            },
            spectra: match &truth {
                Some(truth) => self.spectra(forecast, truth)?,
                None => Vec::new(),
            },
            extreme: extreme(
                forecast,
                &self.setup.forecaster.task().target_variables,
                &setup.statistics,
            ),
            extreme_of_truth: truth.map(|truth| {
                let variables = &self.setup.forecaster.task().target_variables;
                extreme(&truth, variables, &setup.statistics)
            }),
        })
    }

    /// The true state with everything that is predicted and looked at.
    fn truth(&self, time: Time) -> anyhow::Result<State> {
        let source = &self.setup.truth;
        let targets = self
            .setup
            .targets
            .iter()
            .chain(&self.setup.spectral_targets);
        let mut wanted: BTreeSet<Variable> = variables(targets, |v| source.has(v));
        let predicted = &self.setup.forecaster.task().target_variables;
        wanted.extend(predicted.iter().filter(|v| source.has(v)).cloned());
        let wanted: Vec<Variable> = wanted.into_iter().collect();
        Ok(source.state_of(time, &wanted)?)
    }

    fn scores(
        &self,
        forecast: &State,
        kept: &State,
        truth: &State,
    ) -> anyhow::Result<Vec<TargetScores>> {
        let normal = self.setup.normal.at(truth.time)?;
        let scorer = &self.setup.scorer;
        let score = |target: &ScoreTarget| -> anyhow::Result<TargetScores> {
            let is_known = normal::has(&normal, target);
            let pair = |state: &State| -> anyhow::Result<PairScore> {
                Ok(scorer.pair(target, state, truth, is_known.then_some(&normal))?)
            };
            Ok(TargetScores {
                forecast: pair(forecast)?,
                persistence: pair(kept)?,
                climatology: is_known.then(|| pair(&normal)).transpose()?,
            })
        };
        self.setup.targets.iter().map(score).collect()
    }

    fn spectra(&self, forecast: &State, truth: &State) -> anyhow::Result<Vec<[Vec<f32>; 2]>> {
        let mut found = Vec::new();
        // Half the size in the log; far more digits than a mean over forecasts has.
        let short = |power: Vec<f64>| power.into_iter().map(|p| p as f32).collect();
        for target in &self.setup.spectral_targets {
            let sides = [forecast, truth];
            let [forecast, truth] = sides.map(|state| self.setup.scorer.components(target, state));
            let (forecast, truth) = (forecast?, truth?);
            for spectrum in &self.setup.spectra {
                let power = [spectrum.power(&forecast)?, spectrum.power(&truth)?];
                found.push(power.map(short));
            }
        }
        Ok(found)
    }
}

fn variables<'a>(
    targets: impl Iterator<Item = &'a ScoreTarget>,
    has: impl Fn(&Variable) -> bool,
) -> BTreeSet<Variable> {
    targets.flat_map(|target| target.variables(&has)).collect()
}

/// The value farthest from its mean, in standard deviations. Gaps of a truth are skipped; a forecast has none.
fn extreme(state: &State, variables: &[Variable], statistics: &Statistics) -> Extreme {
    let mut farthest = Extreme::default();
    for variable in variables {
        let (Some(field), Some(known)) = (
            state.fields.get(variable),
            statistics.variables.get(variable),
        ) else {
            continue;
        };
        for (index, plane) in field.data.outer_iter().enumerate() {
            let level = field.levels.get(index).copied();
            let number = |table: &Option<dropsonde_fields::LevelTable>| {
                table.as_ref().and_then(|table| table.get(level))
            };
            let (Some(mean), Some(deviation)) = (number(&known.mean), number(&known.stddev)) else {
                continue;
            };
            let largest = plane.iter().map(|&x| (f64::from(x) - mean).abs());
            let largest = largest.fold(0.0, |a: f64, b| if b.is_nan() { a } else { a.max(b) });
            if deviation > 0.0 && largest / deviation > farthest.deviations {
                let variable = variable.clone();
                farthest = Extreme {
                    channel: ScoreTarget::Field { variable, level }.to_string(),
                    deviations: largest / deviation,
                };
            }
        }
    }
    farthest
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::{Field, LevelTable, VariableStatistics};
    use ndarray::Array3;

    use super::*;

    #[test]
    fn the_extreme_is_the_farthest_value_of_all_channels() {
        let table = |values: [f64; 2]| {
            Some(LevelTable {
                levels: vec![500, 850],
                values: values.to_vec(),
            })
        };
        let mut statistics = Statistics::default();
        let known = VariableStatistics {
            mean: table([250.0, 280.0]),
            stddev: table([10.0, 5.0]),
            diffs_stddev: None,
        };
        statistics.variables.insert(Variable::TEMPERATURE, known);
        let mut data = Array3::from_elem((2, 3, 4), 260.0);
        data[[1, 2, 3]] = 240.0;
        data[[0, 0, 0]] = f32::NAN;
        let mut state = State::new(Time(0));
        let levels = vec![500, 850];
        state.insert(Variable::TEMPERATURE, Field { levels, data });
        let found = extreme(
            &state,
            &[Variable::TEMPERATURE, Variable::U_WIND],
            &statistics,
        );
        assert_eq!(found.channel, "t850");
        assert!((found.deviations - 8.0).abs() < 1e-12);
    }
}
