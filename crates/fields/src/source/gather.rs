//! One field at one time out of a store.

use std::ops::Range;

use ndarray::{Array3, ArrayD, Axis, IxDyn, concatenate};

use super::layout::{Layout, Role};
use super::store::Store;
use crate::{Error, Field, Result, Time, Variable};

const HOUR: i64 = 3600;

/// What to read.
pub(super) struct Request<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) layout: &'a Layout,
    pub(super) batch: usize,
    /// Indices on the level axis, in the order wanted.
    pub(super) levels: &'a [usize],
}

impl Request<'_> {
    /// Reads one variable at the time of an index of the time axis, gaps not yet filled.
    pub(super) fn field(&self, variable: &Variable, roles: &[Role], time: usize) -> Result<Field> {
        let n_levels = self.layout.levels.len();
        let has_levels = roles.contains(&Role::Level);
        let all: Vec<usize> = (0..n_levels).collect();
        if !has_levels || self.levels == all {
            let data = self.block(variable, roles, time, 0..n_levels)?;
            let levels = if has_levels {
                self.layout.levels.clone()
            } else {
                Vec::new()
            };
            return Ok(Field { levels, data });
        }
        let mut planes = Vec::with_capacity(self.levels.len());
        for &k in self.levels {
            planes.push(self.block(variable, roles, time, k..k + 1)?);
        }
        let views: Vec<_> = planes.iter().map(|plane| plane.view()).collect();
        let data = concatenate(Axis(0), &views)
            .map_err(|e| Error::malformed(self.store.path(), variable.name(), e))?;
        Ok(Field {
            levels: self.levels.iter().map(|&k| self.layout.levels[k]).collect(),
            data,
        })
    }

    /// `[level, lat, lon]`, latitudes ascending.
    fn block(
        &self,
        variable: &Variable,
        roles: &[Role],
        time: usize,
        levels: Range<usize>,
    ) -> Result<Array3<f32>> {
        let ranges = roles
            .iter()
            .map(|role| self.range(variable, role, time, &levels))
            .collect::<Result<Vec<_>>>()?;
        let data = self.store.read(variable.name(), &ranges)?;
        let malformed =
            |message: String| Error::malformed(self.store.path(), variable.name(), message);
        let mut data = arrange(data, roles).map_err(malformed)?;
        if self.layout.flip && roles.contains(&Role::Latitude) {
            data.invert_axis(Axis(1));
        }
        let shape = (
            data.shape()[0],
            self.layout.grid.n_lat(),
            self.layout.grid.n_lon(),
        );
        match data.broadcast(shape) {
            Some(full) => Ok(full.as_standard_layout().into_owned()),
            None => Err(malformed(format!(
                "expected shape {shape:?}, found {:?}",
                data.shape()
            ))),
        }
    }

    fn range(
        &self,
        variable: &Variable,
        role: &Role,
        time: usize,
        levels: &Range<usize>,
    ) -> Result<Range<usize>> {
        Ok(match role {
            Role::Batch => self.batch..self.batch + 1,
            Role::Time => time..time + 1,
            Role::SlowTime(name) => {
                let index = self.slow_index(variable, name, self.layout.times[time])?;
                index..index + 1
            }
            Role::Level => levels.clone(),
            Role::Latitude => 0..self.layout.grid.n_lat(),
            Role::Longitude => 0..self.layout.grid.n_lon(),
        })
    }

    /// The last entry of a slow axis at or before a time, if it is not older than one step of the axis.
    fn slow_index(&self, variable: &Variable, name: &str, time: Time) -> Result<usize> {
        let entries = self.layout.slow.get(name).map_or(&[][..], Vec::as_slice);
        let steps = entries
            .windows(2)
            .map(|pair| pair[1].unix_seconds() - pair[0].unix_seconds());
        let step = steps.min().unwrap_or(24 * HOUR);
        let index = entries
            .partition_point(|&entry| entry <= time)
            .checked_sub(1);
        match index {
            Some(index) if time.unix_seconds() - entries[index].unix_seconds() < step => Ok(index),
            _ => {
                let message = format!("expected an entry of `{name}` for {time}, found none");
                Err(Error::malformed(
                    self.store.path(),
                    variable.name(),
                    message,
                ))
            }
        }
    }
}

/// Drops dimensions of length one that are not of the grid, and orders the rest level, latitude, longitude.
fn arrange(data: ArrayD<f32>, roles: &[Role]) -> Result<Array3<f32>, String> {
    let mut order: Vec<(u8, usize)> = roles
        .iter()
        .enumerate()
        .map(|(axis, role)| match role {
            Role::Level => (1, axis),
            Role::Latitude => (2, axis),
            Role::Longitude => (3, axis),
            _ => (0, axis),
        })
        .collect();
    order.sort_unstable();
    let axes: Vec<usize> = order.iter().map(|&(_, axis)| axis).collect();
    let length = |rank: u8| {
        order
            .iter()
            .find(|&&(r, _)| r == rank)
            .map_or(1, |&(_, axis)| data.shape()[axis])
    };
    let shape = (length(1), length(2), length(3));
    let data = data.permuted_axes(IxDyn(&axes));
    data.as_standard_layout()
        .into_owned()
        .into_shape_with_order(shape)
        .map_err(|e| format!("dimensions {roles:?}: {e}"))
}
