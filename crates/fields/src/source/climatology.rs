//! Mean weather by hour of the day and day of the year.

use std::path::Path;

use dropsonde_mesh::LatLonGrid;

use super::layout::names::{DAY_OF_YEAR, HOUR};
use super::layout::{Layout, Role};
use super::open::open_store;
use super::options::SourceOptions;
use super::reader::Reader;
use super::store::Store;
use crate::{Error, Field, Result, State, Time, Variable};

/// A climatology in WeatherBench 2's layout: fields by `hour` and `dayofyear` (1 to 366).
///
/// Places, formats, grids, levels and names are those of [`Source`](crate::Source).
/// Source of the layout: <https://weatherbench2.readthedocs.io/en/latest/data-guide.html>.
pub struct Climatology {
    reader: Reader,
    hours: Vec<u32>,
    days: Vec<u32>,
    variables: Vec<Variable>,
}

impl std::fmt::Debug for Climatology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Climatology")
            .field("path", &self.path())
            .field("hours", &self.hours)
            .field("levels", &self.levels())
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}

impl Climatology {
    /// Opens a store with the default options.
    ///
    /// # Errors
    /// See [`Climatology::open_with`].
    pub fn open(path_or_url: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path_or_url, SourceOptions::default())
    }

    /// Opens a store; of the options those on gaps, chunks and servers matter.
    ///
    /// # Errors
    /// As for [`Source::open_with`](crate::Source::open_with), or [`Error::Malformed`] if the store has no
    /// fields by hour and day of the year.
    pub fn open_with(path_or_url: impl AsRef<Path>, options: SourceOptions) -> Result<Self> {
        let store = open_store(path_or_url.as_ref(), &options)?;
        let mut layout = Layout::new(store.as_ref())?;
        layout.variables.retain(|_, stored| {
            let in_time = |role: &Role| matches!(role, Role::Time | Role::Lead | Role::SlowTime(_));
            stored.roles.contains(&Role::DayOfYear) && !stored.roles.iter().any(in_time)
        });
        if layout.variables.is_empty() {
            let message = "expected fields by `hour` and `dayofyear`, found none\nhint: this is not a climatology in WeatherBench 2's layout";
            return Err(Error::malformed(store.path(), DAY_OF_YEAR, message));
        }
        let (hours, days) = (
            whole(store.as_ref(), HOUR)?,
            whole(store.as_ref(), DAY_OF_YEAR)?,
        );
        layout.check(store.as_ref(), |role| match role {
            Role::Hour => Some(hours.len()),
            Role::DayOfYear => Some(days.len()),
            _ => None,
        })?;
        Ok(Self {
            variables: layout.variables.keys().cloned().collect(),
            reader: Reader::new(store, layout, options),
            hours,
            days,
        })
    }

    /// Restricts the fields to some pressure levels in hPa, in this order.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the store does not have a level.
    pub fn with_levels(mut self, levels: &[u32]) -> Result<Self> {
        self.reader.set_levels(levels)?;
        Ok(self)
    }

    /// Where the store is: a path, or a URL without credentials and query.
    pub fn path(&self) -> &Path {
        self.reader.path()
    }

    /// The grid of all fields, latitudes from south to north, longitudes from 0 eastwards.
    pub fn grid(&self) -> &LatLonGrid {
        &self.reader.layout.axes.grid
    }

    /// The hours of the day, in UTC, that the store has means of.
    pub fn hours(&self) -> &[u32] {
        &self.hours
    }

    /// The pressure levels of atmospheric fields in hPa, in the order of the fields' first axis.
    pub fn levels(&self) -> &[u32] {
        self.reader.levels()
    }

    /// The variables, sorted by name.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether the store has a variable.
    pub fn has(&self, variable: &Variable) -> bool {
        self.variables.binary_search(variable).is_ok()
    }

    /// The means of some variables for the hour and the day of the year of a time.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the store has no means of that hour or day, or cannot be read;
    /// [`Error::MissingVariable`]; [`Error::MissingValues`] for gaps without a rule.
    pub fn state_of(&self, time: Time, variables: &[Variable]) -> Result<State> {
        let (hour, rest) = (time.second_of_day() / 3600, time.second_of_day() % 3600);
        let hour = self.position(HOUR, &self.hours, hour as u32, rest == 0, time)?;
        let day = self.position(DAY_OF_YEAR, &self.days, time.day_of_year(), true, time)?;
        let fields = self.reader.each(variables, |variable| {
            let field = self.field(variable, hour, day)?;
            self.reader.filled(variable, time, field)
        })?;
        let mut state = State::new(time);
        for (variable, field) in variables.iter().zip(fields) {
            state.insert(variable.clone(), field);
        }
        Ok(state)
    }

    fn field(&self, variable: &Variable, hour: usize, day: usize) -> Result<Field> {
        let index = |role: &Role| match role {
            Role::Hour => Ok(hour),
            Role::DayOfYear => Ok(day),
            other => Err(Error::malformed(
                self.path(),
                variable.name(),
                format!("unexpected dimension {other:?}"),
            )),
        };
        self.reader.field(variable, &self.variables, &index)
    }

    /// Where a coordinate has a number, which must be exactly that of the time.
    fn position(
        &self,
        name: &str,
        entries: &[u32],
        wanted: u32,
        exact: bool,
        time: Time,
    ) -> Result<usize> {
        let position = entries.iter().position(|&entry| entry == wanted && exact);
        position.ok_or_else(|| {
            let found = match entries {
                [first, .., last] if entries.len() > 24 => format!("{first} to {last}"),
                few => format!("{few:?}"),
            };
            let message = format!("expected {name} of {time}, found only {found}");
            Error::malformed(self.path(), name, message)
        })
    }
}

/// The whole numbers of a coordinate.
fn whole(store: &dyn Store, name: &str) -> Result<Vec<u32>> {
    if !store.arrays().contains_key(name) {
        let message = "expected a coordinate, found none";
        return Err(Error::malformed(store.path(), name, message));
    }
    let number = |&x: &f64| ((0.0..=366.0).contains(&x) && x.fract() == 0.0).then_some(x as u32);
    let numbers: Option<Vec<u32>> = store.read_all(name)?.iter().map(number).collect();
    numbers
        .ok_or_else(|| Error::malformed(store.path(), name, "expected whole numbers from 0 to 366"))
}
