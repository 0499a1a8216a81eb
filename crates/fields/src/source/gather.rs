//! One field out of a store, in memory's order: levels as asked, south to north, east from Greenwich.

use ndarray::{Array3, ArrayD, Axis, IxDyn, concatenate, s};

use super::layout::{Layout, Role, Stored};
use super::store::Store;
use crate::{Error, Field, Result, Variable};

/// What to read.
pub(super) struct Request<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) layout: &'a Layout,
    /// Indices on the level axis, in the order wanted.
    pub(super) levels: &'a [usize],
    /// The index on every dimension that is neither level nor in space.
    pub(super) index: &'a dyn Fn(&Role) -> Result<usize>,
}

impl Request<'_> {
    /// Reads one variable, gaps not yet filled.
    pub(super) fn field(&self, variable: &Variable, stored: &Stored) -> Result<Field> {
        let axes = &self.layout.axes;
        let data = self.data(stored)?;
        let levels = match axes.scalar_level {
            _ if stored.roles.contains(&Role::Level) => {
                self.levels.iter().map(|&k| axes.levels[k]).collect()
            }
            Some(level) if variable.is_atmospheric() => vec![level],
            _ => Vec::new(),
        };
        Ok(Field { levels, data })
    }

    /// `[level, lat, lon]`.
    fn data(&self, stored: &Stored) -> Result<Array3<f32>> {
        let mut ascending = self.levels.to_vec();
        ascending.sort_unstable();
        ascending.dedup();
        let picks = stored
            .roles
            .iter()
            .map(|role| self.pick(role, &ascending))
            .collect::<Result<Vec<_>>>()?;
        let data = self.store.read(&stored.name, &picks)?;
        let malformed =
            |message: String| Error::malformed(self.store.path(), &stored.name, message);
        let mut data = arrange(data, &stored.roles).map_err(malformed)?;
        if stored.roles.contains(&Role::Level) && ascending != self.levels {
            let position = |k: &usize| ascending.partition_point(|a| a < k);
            let order: Vec<usize> = self.levels.iter().map(position).collect();
            data = data.select(Axis(0), &order);
        }
        self.on_grid(data, &stored.roles).map_err(malformed)
    }

    fn pick(&self, role: &Role, levels: &[usize]) -> Result<Vec<usize>> {
        let grid = &self.layout.axes.grid;
        Ok(match role {
            Role::Level => levels.to_vec(),
            Role::Latitude => (0..grid.n_lat()).collect(),
            Role::Longitude => (0..grid.n_lon()).collect(),
            other => vec![(self.index)(other)?],
        })
    }

    /// Turns the store's rows and columns to those of the grid, and spreads what does not depend on them.
    fn on_grid(&self, mut data: Array3<f32>, roles: &[Role]) -> Result<Array3<f32>, String> {
        let axes = &self.layout.axes;
        if axes.flip && roles.contains(&Role::Latitude) {
            data.invert_axis(Axis(1));
        }
        if axes.roll > 0 && roles.contains(&Role::Longitude) {
            let (east, west) = (
                data.slice(s![.., .., axes.roll..]),
                data.slice(s![.., .., ..axes.roll]),
            );
            data = concatenate(Axis(2), &[east, west]).map_err(|e| e.to_string())?;
        }
        let shape = (data.shape()[0], axes.grid.n_lat(), axes.grid.n_lon());
        if data.dim() == shape && data.is_standard_layout() {
            return Ok(data);
        }
        match data.broadcast(shape) {
            Some(full) => Ok(full.as_standard_layout().into_owned()),
            None => Err(format!(
                "expected shape {shape:?}, found {:?}",
                data.shape()
            )),
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
    let mut data = data.permuted_axes(IxDyn(&axes));
    if !data.is_standard_layout() {
        data = data.as_standard_layout().into_owned();
    }
    data.into_shape_with_order(shape)
        .map_err(|e| format!("dimensions {roles:?}: {e}"))
}
