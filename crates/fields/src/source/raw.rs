//! What a store says of a variable before anything is done to it.

use super::{Source, timeline};
use crate::{Field, FillPolicy, Result, Time, Variable};

impl Source {
    /// One variable at one time as it is stored, gaps left as NaN.
    ///
    /// # Errors
    /// As [`Source::state_of`], but never [`Error::MissingValues`](crate::Error::MissingValues).
    pub fn unfilled(&self, variable: &Variable, time: Time) -> Result<Field> {
        self.index_of(time)?;
        self.unfilled_at(variable, time)
    }

    /// The position of a time.
    ///
    /// # Errors
    /// [`Error::MissingTime`](crate::Error::MissingTime).
    pub(crate) fn index_of(&self, time: Time) -> Result<usize> {
        self.times()
            .binary_search(&time)
            .map_err(|_| timeline::missing_time(self.reader.store.as_ref(), self.times(), time))
    }

    /// What is put into gaps.
    pub fn fill_policy(&self) -> &FillPolicy {
        self.reader.fill_policy()
    }
}
