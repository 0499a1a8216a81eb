//! What a source and a climatology share: a store, its layout, and the levels asked for.

use std::path::Path;

use rayon::prelude::*;

use super::gather::Request;
use super::layout::{Layout, Role};
use super::options::SourceOptions;
use super::store::{Parallel, Store};
use crate::{Error, Field, FillPolicy, Result, Time, Variable};

const DAY: i64 = 86_400;

/// Reads fields of a store.
pub(super) struct Reader {
    pub(super) store: Box<dyn Store>,
    pub(super) layout: Layout,
    options: SourceOptions,
    level_indices: Vec<usize>,
    levels: Vec<u32>,
}

impl Reader {
    pub(super) fn new(store: Box<dyn Store>, layout: Layout, options: SourceOptions) -> Self {
        let levels = all_levels(&layout);
        Self {
            level_indices: (0..levels.len()).collect(),
            levels,
            store,
            layout,
            options,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.store.path()
    }

    /// What is put into gaps.
    pub(super) fn fill_policy(&self) -> &FillPolicy {
        &self.options.fill
    }

    /// Levels in hPa as asked for, or all of the store.
    pub(super) fn levels(&self) -> &[u32] {
        &self.levels
    }

    /// Restricts fields to some levels, in this order.
    pub(super) fn set_levels(&mut self, levels: &[u32]) -> Result<()> {
        let all = all_levels(&self.layout);
        let index = |level: &u32| {
            all.iter().position(|l| l == level).ok_or_else(|| {
                let message = format!("expected {level} hPa, found the levels {all:?}");
                Error::malformed(self.path(), "level", message)
            })
        };
        self.level_indices = levels.iter().map(index).collect::<Result<_>>()?;
        self.levels = levels.to_vec();
        Ok(())
    }

    /// Does something for every variable, at once where the store gains by it.
    pub(super) fn each<T: Send>(
        &self,
        variables: &[Variable],
        work: impl Fn(&Variable) -> Result<T> + Sync + Send,
    ) -> Result<Vec<T>> {
        match self.store.parallel() {
            Parallel::No => variables.iter().map(work).collect(),
            Parallel::Global => variables.par_iter().map(work).collect(),
            Parallel::Pool(pool) => pool.install(|| variables.par_iter().map(work).collect()),
        }
    }

    /// A field as it is stored; `index` says which entry of every dimension that is not in space.
    pub(super) fn field(
        &self,
        variable: &Variable,
        known: &[Variable],
        index: &dyn Fn(&Role) -> Result<usize>,
    ) -> Result<Field> {
        let stored = self.layout.variables.get(variable);
        let stored = stored.ok_or_else(|| Error::MissingVariable {
            variable: variable.clone(),
            place: format!("`{}`", self.path().display()),
            known: known.iter().map(ToString::to_string).collect(),
        })?;
        let index = |role: &Role| match role {
            Role::Batch => Ok(self.options.batch),
            other => index(other),
        };
        let request = Request {
            store: self.store.as_ref(),
            layout: &self.layout,
            levels: &self.level_indices,
            index: &index,
        };
        request.field(variable, stored)
    }

    /// A field with its gaps filled as the options say.
    pub(super) fn filled(
        &self,
        variable: &Variable,
        time: Time,
        mut field: Field,
    ) -> Result<Field> {
        self.options.fill.apply(variable, time, &mut field)?;
        Ok(field)
    }

    /// The last entry of a slow axis at or before a time, if it is not older than one step of the axis.
    pub(super) fn slow_index(&self, variable: &Variable, name: &str, time: Time) -> Result<usize> {
        let entries = self.layout.slow.get(name).map_or(&[][..], Vec::as_slice);
        let steps = entries.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let step = steps.min().unwrap_or(DAY);
        let index = entries
            .partition_point(|&entry| entry <= time)
            .checked_sub(1);
        match index {
            Some(index) if time.0 - entries[index].0 < step => Ok(index),
            _ => {
                let message = format!("expected an entry of `{name}` for {time}, found none");
                Err(Error::malformed(self.path(), variable.name(), message))
            }
        }
    }
}

fn all_levels(layout: &Layout) -> Vec<u32> {
    match layout.axes.scalar_level {
        Some(level) => vec![level],
        None => layout.axes.levels.clone(),
    }
}
