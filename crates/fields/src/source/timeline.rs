//! The times of a store: which there are, and which are offered.

use super::clock;
use super::layout::names::{DATETIME, INIT, LEAD, TIME};
use super::layout::{Layout, Role};
use super::offered::{multiples_of, spacing, within_valid_range};
use super::options::SourceOptions;
use super::store::{ArrayInfo, Store};
use crate::{Error, Result, Time};

const HOUR: i64 = 3600;

/// The moments of a store's main time axis.
pub(super) struct Timeline {
    /// Every moment of the axis, ascending.
    stored: Vec<Time>,
    /// Those offered, ascending.
    offered: Vec<Time>,
    /// The initialisations of a store of forecasts.
    inits: Vec<Time>,
    /// The chosen one of them.
    init: usize,
    /// Whether the axis counts from 1970-01-01T00 for want of an absolute time.
    is_relative: bool,
    is_forecast: bool,
}

impl Timeline {
    pub(super) fn new(store: &dyn Store, layout: &Layout, options: &SourceOptions) -> Result<Self> {
        let main = MainAxis::read(store, layout, options)?;
        let (mut inits, mut init, mut stored) = (Vec::new(), 0, main.times);
        if layout.is_forecast {
            inits = stored;
            init = chosen_init(store, &inits, options.init)?;
            stored = valid_times(store, inits[init])?;
        } else if let Some(lead) = scalar_lead(store)? {
            stored = stored
                .iter()
                .map(|t| Time(t.0.saturating_add(lead)))
                .collect();
        }
        clock::check_ascending(store, main.name, &stored)?;
        let mut offered = within_valid_range(&stored, store.attributes());
        if let Some(hours) = options.step_hours {
            offered = multiples_of(offered, &stored, hours);
        }
        if offered.is_empty() {
            let message = "expected at least one time, found none\nhint: the attributes `valid_time_start` and `valid_time_stop` of the store may leave out all";
            return Err(Error::malformed(store.path(), main.name, message));
        }
        Ok(Self {
            stored,
            offered,
            inits,
            init,
            is_relative: main.is_relative,
            is_forecast: layout.is_forecast,
        })
    }

    pub(super) fn offered(&self) -> &[Time] {
        &self.offered
    }

    pub(super) fn inits(&self) -> &[Time] {
        &self.inits
    }

    pub(super) fn is_relative(&self) -> bool {
        self.is_relative
    }

    /// Whether consecutive moments are one hour apart, at least once, and none less.
    pub(super) fn is_hourly(&self) -> bool {
        !self.is_forecast && spacing(&self.stored) == Some(HOUR)
    }

    /// Index of a moment on the main axis, offered or not.
    pub(super) fn stored_index(&self, time: Time) -> Option<usize> {
        self.stored.binary_search(&time).ok()
    }

    /// Index on a dimension in time, for the moment of this index on the main axis.
    pub(super) fn index(&self, role: &Role, stored_index: usize) -> Option<usize> {
        match (role, self.is_forecast) {
            (Role::Time, false) | (Role::Lead, true) => Some(stored_index),
            (Role::Time, true) => Some(self.init),
            _ => None,
        }
    }

    /// Length of a dimension in time.
    pub(super) fn length(&self, role: &Role) -> Option<usize> {
        match (role, self.is_forecast) {
            (Role::Time, true) => Some(self.inits.len()),
            (Role::Time, false) | (Role::Lead, true) => Some(self.stored.len()),
            _ => None,
        }
    }
}

/// The axis that `time` names, before lead times are added.
struct MainAxis {
    name: &'static str,
    times: Vec<Time>,
    is_relative: bool,
}

impl MainAxis {
    /// `datetime` if there is one and `time` is a duration, else `time`; the origin if there is neither.
    fn read(store: &dyn Store, layout: &Layout, options: &SourceOptions) -> Result<Self> {
        let Some(name) = main_name(store, layout) else {
            return Self::without_coordinate(store, layout, options);
        };
        let info = store.arrays().get(name);
        if info.is_some_and(clock::is_absolute) {
            return Ok(Self {
                name,
                times: clock::moments(store, name, None)?,
                is_relative: false,
            });
        }
        match store.arrays().get(DATETIME) {
            Some(datetime) => Ok(Self {
                name: DATETIME,
                times: of_batch(
                    clock::moments(store, DATETIME, None)?,
                    datetime,
                    options.batch,
                ),
                is_relative: false,
            }),
            None => Ok(Self {
                name,
                times: clock::moments(store, name, options.origin)?,
                is_relative: options.origin.is_none(),
            }),
        }
    }
}

impl MainAxis {
    /// One time for a store that names none: the origin.
    fn without_coordinate(
        store: &dyn Store,
        layout: &Layout,
        options: &SourceOptions,
    ) -> Result<Self> {
        let mut roles = layout.variables.values().flat_map(|stored| &stored.roles);
        if options.origin.is_none() && roles.any(|role| *role == Role::Time) {
            let message = "expected a time coordinate of numbers, found none\nhint: write the store with xarray, or, if it has one time, give it with `SourceOptions::origin`";
            return Err(Error::malformed(store.path(), TIME[0], message));
        }
        Ok(Self {
            name: TIME[0],
            times: vec![options.origin.unwrap_or(Time(0))],
            is_relative: options.origin.is_none(),
        })
    }
}

/// The time coordinate: one that is a dimension of a field, else one without dimension.
fn main_name(store: &dyn Store, layout: &Layout) -> Option<&'static str> {
    let names: Vec<&'static str> = match layout.is_forecast {
        true => INIT.into_iter().chain(TIME).collect(),
        false => TIME.into_iter().chain(INIT).collect(),
    };
    let with_dims = |name: &&'static str, n_dims: usize| {
        let info = store.arrays().get(*name);
        info.is_some_and(|info| {
            info.dims.len() == n_dims && info.dims.iter().all(|dim| dim == name)
        })
    };
    let is_dimension = |name: &&'static str| with_dims(name, 1);
    let is_scalar = |name: &&'static str| with_dims(name, 0);
    let dimension = names.iter().copied().find(is_dimension);
    dimension.or_else(|| names.iter().copied().find(is_scalar))
}

/// The row of a `(batch, time)` coordinate.
fn of_batch(times: Vec<Time>, info: &ArrayInfo, batch: usize) -> Vec<Time> {
    if info.shape.len() != 2 {
        return times;
    }
    let n_times = info.shape[1];
    let row = times.chunks(n_times.max(1)).nth(batch);
    row.map(<[Time]>::to_vec).unwrap_or_default()
}

fn chosen_init(store: &dyn Store, inits: &[Time], wanted: Option<Time>) -> Result<usize> {
    clock::check_ascending(store, "time", inits)?;
    let missing = |time: Time| missing_time(store, inits, time);
    match wanted {
        None if inits.is_empty() => Err(missing(Time(0))),
        None => Ok(0),
        Some(time) => inits.binary_search(&time).map_err(|_| missing(time)),
    }
}

/// The error for a time that is not among `times`.
pub(super) fn missing_time(store: &dyn Store, times: &[Time], time: Time) -> Error {
    let distance = |other: &&Time| other.0.abs_diff(time.0);
    Error::MissingTime {
        time,
        path: store.path().to_owned(),
        n_times: times.len(),
        first: times.first().copied().unwrap_or(time),
        last: times.last().copied().unwrap_or(time),
        nearest: times.iter().min_by_key(distance).copied().unwrap_or(time),
    }
}

fn valid_times(store: &dyn Store, init: Time) -> Result<Vec<Time>> {
    let with_coordinate = |name: &&str| store.arrays().contains_key(*name);
    let name = LEAD.iter().copied().find(with_coordinate).ok_or_else(|| {
        let message = format!("expected a coordinate named one of {LEAD:?}, found none");
        Error::malformed(store.path(), LEAD[0], message)
    })?;
    let leads = clock::durations(store, name)?;
    Ok(leads
        .iter()
        .map(|lead| Time(init.0.saturating_add(*lead)))
        .collect())
}

/// Seconds of a lead time without dimension, as GRIB decoders write it for analyses.
fn scalar_lead(store: &dyn Store) -> Result<Option<i64>> {
    let scalar = |name: &&str| {
        store
            .arrays()
            .get(*name)
            .is_some_and(|info| info.dims.is_empty())
    };
    match LEAD.iter().copied().find(scalar) {
        Some(name) => Ok(clock::durations(store, name)?.first().copied()),
        None => Ok(None),
    }
}
