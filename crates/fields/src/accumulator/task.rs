//! The statistics of a task from a source.

use super::StatisticsAccumulator;
use crate::forcings::{check_date, derive_forcings};
use crate::{
    Error, Field, Frame, MissingInput, Result, Source, State, Statistics, Task, Time, Variable,
};

/// Statistics of a task from the states of a source at some times, one after another.
///
/// Forcings that the source lacks are derived from its dates. Changes are taken wherever the state 6 hours
/// earlier is among `times`; without any such pair there are no `diffs_stddev`.
/// After each state `progress` is told how many of `times` are done.
///
/// ```no_run
/// use dropsonde_fields::{Source, Task, compute_statistics};
///
/// let (source, task) = (Source::open("era5.zarr")?, Task::graphcast_13());
/// let times = source.times().to_vec();
/// let statistics = compute_statistics(&source, &task, &times, |done| eprintln!("{done} of {}", times.len()))?;
/// statistics.to_json("statistics.json")?;
/// # Ok::<(), dropsonde_fields::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidTask`]; [`Error::InvalidParameter`] if there are no times or they do not ascend;
/// [`Error::MissingInputs`] with every variable and level of the task that the source lacks; and the errors of
/// [`Source::state_of`](crate::Source::state_of).
pub fn compute_statistics(
    source: &Source,
    task: &Task,
    times: &[Time],
    mut progress: impl FnMut(usize),
) -> Result<Statistics> {
    task.check()?;
    check_times(times)?;
    let (stored, derived) = split(source, task)?;
    let mut accumulator = StatisticsAccumulator::new(source.grid());
    let mut previous: Option<State> = None;
    for (index, &time) in times.iter().enumerate() {
        let mut state = source.state_of(time, &stored)?;
        for (variable, field) in &mut state.fields {
            select_levels(variable, field, &task.pressure_levels)?;
        }
        let forcings = derive_forcings(source.grid(), time, &derived);
        state.fields.extend(forcings);
        let before = previous.filter(|p| p.time == time.plus_hours(-crate::STEP_HOURS));
        accumulator.add(&state, before.as_ref())?;
        previous = Some(state);
        progress(index + 1);
    }
    let (first, last) = (times[0], times[times.len() - 1]);
    let path = source.path().display();
    let words = format!("{} states from {first} to {last} of {path}", times.len());
    Ok(accumulator.finish(&words))
}

fn check_times(times: &[Time]) -> Result<()> {
    let invalid = |found: String| Error::InvalidParameter {
        name: "times",
        expected: "at least one time, in ascending order".to_owned(),
        found,
    };
    if times.is_empty() {
        return Err(invalid("none".to_owned()));
    }
    check_date(times[0])?;
    match times.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(invalid(format!("{} after {}", pair[1], pair[0]))),
        None => Ok(()),
    }
}

/// The variables of a task that are stored and those that are derived.
fn split(source: &Source, task: &Task) -> Result<(Vec<Variable>, Vec<Variable>)> {
    let (mut stored, mut derived, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let lacking = |level: &u32| !source.levels().contains(level);
    let levels: Vec<u32> = task
        .pressure_levels
        .iter()
        .copied()
        .filter(lacking)
        .collect();
    for variable in task.variables() {
        let lack = |levels: &[u32]| MissingInput {
            variable: variable.clone(),
            frame: Frame::Current,
            when: "every time".to_owned(),
            levels: levels.to_vec(),
            reason: format!("not in `{}`", source.path().display()),
            hint: String::new(),
        };
        if source.has(&variable) {
            if variable.is_atmospheric() && !levels.is_empty() {
                missing.push(lack(&levels));
            }
            stored.push(variable);
        } else if variable.is_derived_forcing() {
            derived.push(variable);
        } else {
            missing.push(lack(&[]));
        }
    }
    if missing.is_empty() {
        Ok((stored, derived))
    } else {
        Err(Error::MissingInputs { missing })
    }
}

/// Keeps the given levels of a field, in this order.
fn select_levels(variable: &Variable, field: &mut Field, levels: &[u32]) -> Result<()> {
    if !variable.is_atmospheric() || field.levels == levels {
        return Ok(());
    }
    let index = |&level: &u32| {
        let found = field.levels.iter().position(|&l| l == level);
        found.ok_or_else(|| Error::MissingLevel {
            variable: variable.clone(),
            level,
            available: field.levels.clone(),
        })
    };
    let indices = levels.iter().map(index).collect::<Result<Vec<_>>>()?;
    field.data = field.data.select(ndarray::Axis(0), &indices);
    field.levels = levels.to_vec();
    Ok(())
}
