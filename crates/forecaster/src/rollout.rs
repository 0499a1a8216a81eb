use dropsonde_fields::{Source, State, Time, Variable};

use crate::{Forecaster, Result, Tap};

/// Where the prescribed variables (sea-surface temperature, sea ice) of a coming time come from.
#[derive(Debug, Clone, Copy, Default)]
pub enum Forcing<'a> {
    /// They keep the values of the current state.
    #[default]
    Persisted,
    /// They are read from a source; a time that it does not have keeps the values of the current state.
    Prescribed(&'a Source),
}

impl Forcing<'_> {
    /// Prescribed variables at `time`. What can be derived (radiation, progress of day and year) is left to the stacker.
    ///
    /// # Errors
    /// If the source has the time but cannot be read.
    pub fn at(&self, forecaster: &Forecaster, time: Time, current: &State) -> Result<State> {
        let wanted: Vec<Variable> = forecaster
            .task()
            .forcing_variables
            .iter()
            .filter(|v| !v.is_derived_forcing())
            .cloned()
            .collect();
        if let Self::Prescribed(source) = self
            && source.times().binary_search(&time).is_ok()
        {
            let stored: Vec<Variable> = forecaster
                .task()
                .forcing_variables
                .iter()
                .filter(|v| source.has(v))
                .cloned()
                .collect();
            return Ok(source.state_of(time, &stored)?);
        }
        let keep = |v: &Variable| Ok((v.clone(), current.get(v)?.clone()));
        let fields = wanted.iter().map(keep).collect::<Result<_>>()?;
        Ok(State { time, fields })
    }
}

/// A running forecast: two states resident, one step at a time.
#[derive(Debug)]
pub struct Rollout<'a> {
    forecaster: &'a Forecaster,
    forcing: Forcing<'a>,
    previous: State,
    current: State,
    init_time: Time,
}

impl<'a> Rollout<'a> {
    /// Starts from the states at -6 h and 0 h.
    pub fn new(
        forecaster: &'a Forecaster,
        forcing: Forcing<'a>,
        previous: State,
        current: State,
    ) -> Self {
        let init_time = current.time;
        Self {
            forecaster,
            forcing,
            previous,
            current,
            init_time,
        }
    }

    /// Steps 6 h on and returns the new state.
    ///
    /// # Errors
    /// As [`Forecaster::step`].
    pub fn step(&mut self, tap: &mut (impl Tap + ?Sized)) -> Result<&State> {
        let time = self.current.time.plus_hours(6);
        let forcings = self.forcing.at(self.forecaster, time, &self.current)?;
        let next = self
            .forecaster
            .step(&self.previous, &self.current, &forcings, tap)?;
        self.previous = std::mem::replace(&mut self.current, next);
        Ok(&self.current)
    }

    /// The newest state.
    pub fn current(&self) -> &State {
        &self.current
    }

    /// Time of the newest state at the start.
    pub fn init_time(&self) -> Time {
        self.init_time
    }

    /// Hours since the start.
    pub fn lead_hours(&self) -> i64 {
        self.current.time.hours_since(self.init_time)
    }
}
