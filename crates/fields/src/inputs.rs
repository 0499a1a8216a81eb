//! Everything that a forecast reads, from whichever place has it.

mod grid;
mod missing;
mod offer;
mod reading;

use std::collections::BTreeSet;

use dropsonde_mesh::LatLonGrid;
use serde::Serialize;

use crate::forcings::check_date;
use crate::{Error, Frame, Result, STEP_HOURS, Source, State, Task, Time, Variable};

use grid::{check_clocks, check_grid};
pub use missing::MissingInput;
pub(crate) use missing::describe;
pub(crate) use offer::Offer;

/// Where a variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The input source.
    Input,
    /// The forcings source.
    Forcings,
    /// Date and place, or another variable that holds the same in other units.
    Derived,
    /// The current frame: a prescribed forcing that no source has at the target time keeps its values.
    Persisted,
    /// Nowhere.
    Missing,
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Input => "input",
            Self::Forcings => "forcings",
            Self::Derived => "derived",
            Self::Persisted => "persisted",
            Self::Missing => "missing",
        })
    }
}

/// What a forecast of a task reads: two frames from an input source, forcings from a source of their own,
/// from the input or from the date.
///
/// What no source has is derived where that is exact:
/// - year and day progress and top-of-atmosphere radiation from date and place ([`crate::derive_forcings`]),
/// - `geopotential_at_surface` from `orography` or `surface_altitude` in m, times 9.80665 m s-2.
///
/// Nothing else is made up. A land mask from the gaps of the sea surface temperature would be 0 or 1 where the
/// model was trained on fractions, and an orography from surface pressure would be metres off, so these are
/// reported as missing.
///
/// Whatever cannot be had is collected and reported at once as [`Error::MissingInputs`].
#[derive(Debug)]
pub struct TaskInputs {
    task: Task,
    input: Source,
    forcings: Option<Source>,
    /// All levels of the input in the order of its axis.
    stored_levels: Vec<u32>,
    dated: bool,
}

impl TaskInputs {
    /// Inputs of a task; levels are chosen by value.
    ///
    /// The sources lie on one grid and their times count from the same start. Levels and variables that are
    /// not there are no error yet: they are reported with everything else by [`TaskInputs::initial_states`].
    /// From times that count from a start whose date is unknown ([`Source::is_relative`]: GraphCast's
    /// `inputs.nc` has -6 h and 0 h) nothing is derived.
    ///
    /// # Errors
    /// [`Error::InvalidTask`], or [`Error::Malformed`] if the forcings are on another grid, or if only one of
    /// the sources has dates.
    pub fn new(task: Task, input: Source, forcings: Option<Source>) -> Result<Self> {
        task.check()?;
        let this = Self {
            stored_levels: input.levels().to_vec(),
            dated: !input.is_relative(),
            input: with_levels_of(&task, input)?,
            forcings: None,
            task,
        };
        match forcings {
            Some(forcings) => this.with_forcings(forcings),
            None => Ok(this),
        }
    }

    /// The same inputs with a forcings source.
    ///
    /// # Errors
    /// As [`TaskInputs::new`].
    pub fn with_forcings(mut self, forcings: Source) -> Result<Self> {
        check_grid(&self.input, &forcings)?;
        check_clocks(&self.input, &forcings)?;
        self.forcings = Some(with_levels_of(&self.task, forcings)?);
        Ok(self)
    }

    /// Declares that the dates of the times mean nothing: nothing is derived from them.
    #[must_use]
    pub fn without_dates(mut self) -> Self {
        self.dated = false;
        self
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The grid of all fields, latitudes from south to north.
    pub fn grid(&self) -> &LatLonGrid {
        self.input.grid()
    }

    /// The input source, restricted to levels of the task.
    pub fn input(&self) -> &Source {
        &self.input
    }

    /// The forcings source, restricted to levels of the task.
    pub fn forcings_source(&self) -> Option<&Source> {
        self.forcings.as_ref()
    }

    /// Whether the dates of the times are known.
    pub fn is_dated(&self) -> bool {
        self.dated
    }

    /// The first time of the input whose predecessor 6 hours earlier is there too: the second time of a
    /// 6-hourly file.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is no such pair of times.
    pub fn default_init(&self) -> Result<Time> {
        let times = self.input.times();
        let has_previous =
            |time: &&Time| times.binary_search(&time.plus_hours(-STEP_HOURS)).is_ok();
        times.iter().find(has_previous).copied().ok_or_else(|| {
            let message = format!(
                "expected two times {STEP_HOURS} hours apart, found {}",
                list_times(times)
            );
            Error::malformed(self.input.path(), "time", message)
        })
    }

    /// Where a variable of the two input frames comes from, as far as the sources' lists of variables tell.
    ///
    /// At a single time a source may lack a variable that it has at others: see [`TaskInputs::initial_states`].
    pub fn provenance(&self, variable: &Variable) -> Provenance {
        let has = |source: &Source| source.has(variable);
        if has(&self.input) {
            Provenance::Input
        } else if self.forcings.as_ref().is_some_and(has) {
            Provenance::Forcings
        } else if self.can_derive(variable) {
            Provenance::Derived
        } else {
            Provenance::Missing
        }
    }

    /// The states 6 hours before `init` and at `init`, each with every input variable of the task.
    ///
    /// A variable is taken from the input, else from the forcings source at that time, else derived.
    /// Static fields may lie in either source and have any time or none; both states hold them.
    ///
    /// # Errors
    /// [`Error::MissingTime`] if the input does not have `init`, [`Error::MissingInputs`] with everything that
    /// cannot be had, [`Error::DateTooEarly`], or [`Error::Io`] if a source cannot be reached.
    pub fn initial_states(&self, init: Time) -> Result<(State, State)> {
        self.check_init(init)?;
        let mut missing = Vec::new();
        let previous = self.frame(Frame::Previous, init, &mut missing)?;
        let current = self.frame(Frame::Current, init, &mut missing)?;
        if missing.is_empty() {
            Ok((previous, current))
        } else {
            Err(Error::MissingInputs { missing })
        }
    }

    /// The forcing variables of the task at a target time.
    ///
    /// A variable is taken from the forcings source, else from the input, else derived. A prescribed forcing
    /// (sea surface temperature, sea ice) that is nowhere is left out, which [`crate::Stacker::inputs`] takes
    /// as "keeps the values of the current state".
    ///
    /// # Errors
    /// As [`TaskInputs::initial_states`].
    pub fn forcings(&self, time: Time) -> Result<State> {
        self.check_time(time)?;
        let mut missing = Vec::new();
        let mut state = State::new(time);
        for variable in unique(&self.task.forcing_variables) {
            let offer = self.offer(&variable, Frame::Target, time)?;
            missing.extend(offer.problem);
            if let Some(field) = offer.field {
                state.insert(variable, field);
            }
        }
        if missing.is_empty() {
            Ok(state)
        } else {
            Err(Error::MissingInputs { missing })
        }
    }

    /// Whether the forcings of `n_steps` steps from `init` can be had, from lists of times and variables alone.
    ///
    /// # Errors
    /// [`Error::MissingInputs`] with everything that cannot, or [`Error::DateTooEarly`].
    pub fn check_steps(&self, init: Time, n_steps: usize) -> Result<()> {
        let mut missing = Vec::new();
        for step in 1..=n_steps {
            let time = init.plus_hours(STEP_HOURS.saturating_mul(step as i64));
            self.check_time(time)?;
            for variable in unique(&self.task.forcing_variables) {
                missing.extend(self.missing_forcing(&variable, time));
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Error::MissingInputs { missing })
        }
    }

    /// All levels of the input in hPa, those that the task does not use included.
    pub(crate) fn stored_levels(&self) -> &[u32] {
        &self.stored_levels
    }

    pub(crate) fn check_init(&self, init: Time) -> Result<()> {
        self.check_time(init.plus_hours(-STEP_HOURS))?;
        self.input.index_of(init).map(drop)
    }

    fn check_time(&self, time: Time) -> Result<()> {
        if self.dated { check_date(time) } else { Ok(()) }
    }

    fn frame(&self, frame: Frame, init: Time, missing: &mut Vec<MissingInput>) -> Result<State> {
        let time = frame_time(frame, init);
        let mut state = State::new(time);
        for variable in unique(&self.task.input_variables) {
            let is_static = variable.is_static();
            let frame = if is_static { Frame::Static } else { frame };
            let offer = self.offer(&variable, frame, if is_static { init } else { time })?;
            // A missing static is the same for both frames: it is reported once.
            missing.extend(offer.problem.filter(|problem| !missing.contains(problem)));
            if let Some(field) = offer.field {
                state.insert(variable, field);
            }
        }
        Ok(state)
    }
}

/// A source restricted to the levels of a task that it has.
fn with_levels_of(task: &Task, source: Source) -> Result<Source> {
    let levels = task.pressure_levels.iter().copied();
    let there: Vec<u32> = levels.filter(|l| source.levels().contains(l)).collect();
    source.with_levels(&there)
}

/// The time of a frame of a step that starts at `init`.
pub(crate) fn frame_time(frame: Frame, init: Time) -> Time {
    match frame {
        Frame::Previous => init.plus_hours(-STEP_HOURS),
        Frame::Current | Frame::Static => init,
        Frame::Target => init.plus_hours(STEP_HOURS),
    }
}

/// Each variable once, in the order of the channels.
pub(crate) fn unique(variables: &[Variable]) -> BTreeSet<Variable> {
    variables.iter().cloned().collect()
}

/// The first and the last of some times, in words.
fn list_times(times: &[Time]) -> String {
    match times {
        [] => "none".to_owned(),
        [only] => format!("only {only}"),
        [first, .., last] => format!("{} times from {first} to {last}", times.len()),
    }
}
