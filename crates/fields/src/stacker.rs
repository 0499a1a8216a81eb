//! From states to the input rows of a model, and from its output rows to states.

use std::borrow::Cow;

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3, ArrayView2};
use rayon::prelude::*;

use crate::{
    Channel, Error, Field, Frame, Kind, Result, STEP_HOURS, State, Task, Time, Variable,
    derive_forcings,
};

/// Turns states into rows of channels and back; all values in physical units.
#[derive(Clone, Debug)]
pub struct Stacker {
    grid: LatLonGrid,
    forcings: Vec<Variable>,
    inputs: Vec<Channel>,
    outputs: Vec<Channel>,
}

/// The three states that one forecast step reads, with derived forcings.
struct Frames<'a> {
    previous: &'a State,
    current: &'a State,
    target: &'a State,
    derived: [State; 3],
}

impl Stacker {
    /// For a task on a grid.
    ///
    /// # Errors
    /// [`Error::InvalidTask`].
    pub fn new(task: &Task, grid: &LatLonGrid) -> Result<Self> {
        task.check()?;
        Ok(Self {
            grid: grid.clone(),
            forcings: task
                .variables()
                .into_iter()
                .filter(Variable::is_derived_forcing)
                .collect(),
            inputs: task.input_channels(),
            outputs: task.output_channels(),
        })
    }

    /// The input channels in the order of the columns of [`Stacker::inputs`].
    pub fn input_channels(&self) -> &[Channel] {
        &self.inputs
    }

    /// The output channels in the order of the columns of [`Stacker::targets`].
    pub fn output_channels(&self) -> &[Channel] {
        &self.outputs
    }

    /// The input rows of one step, `[node, input channel]`, nodes latitude-major.
    ///
    /// # Errors
    /// As [`Stacker::write_inputs`].
    pub fn inputs(
        &self,
        previous: &State,
        current: &State,
        target_forcings: &State,
    ) -> Result<Array2<f32>> {
        let mut rows = Array2::zeros((self.grid.n_nodes(), self.inputs.len()));
        let values = rows.as_slice_mut();
        let values = values.unwrap_or_else(|| unreachable!("a new array is contiguous"));
        self.write_inputs(previous, current, target_forcings, values)?;
        Ok(rows)
    }

    /// Writes the input rows of one step, `[node, input channel]`, nodes latitude-major.
    ///
    /// Statics come from `current`. Derived forcings that a state lacks are computed. Prescribed forcings
    /// that `target_forcings` lacks persist from `current`, so that `State::new(time)` is enough where the
    /// source ends.
    ///
    /// # Errors
    /// [`Error::TimeMismatch`] unless the states are 6 hours apart, [`Error::MissingVariable`],
    /// [`Error::MissingLevel`], [`Error::LevelMismatch`], or [`Error::Shape`] for a field on another grid or `rows` of
    /// another size.
    pub fn write_inputs(
        &self,
        previous: &State,
        current: &State,
        target_forcings: &State,
        rows: &mut [f32],
    ) -> Result<()> {
        previous.check_time("previous state", current.time.plus_hours(-STEP_HOURS))?;
        target_forcings.check_time("target forcings", current.time.plus_hours(STEP_HOURS))?;
        let derived = [previous, current, target_forcings].map(|state| self.derive_missing(state));
        let frames = Frames {
            previous,
            current,
            target: target_forcings,
            derived,
        };
        let planes = self
            .inputs
            .iter()
            .map(|channel| self.check_plane(channel, frames.plane(channel)?))
            .collect::<Result<Vec<_>>>()?;
        self.write_rows(&planes, rows)
    }

    /// The rows that a perfect forecast of `target` would be, `[node, output channel]`.
    ///
    /// # Errors
    /// [`Error::MissingVariable`], [`Error::MissingLevel`], [`Error::LevelMismatch`] or [`Error::Shape`].
    pub fn targets(&self, target: &State) -> Result<Array2<f32>> {
        let planes = self
            .outputs
            .iter()
            .map(|c| self.check_plane(c, target.plane(&c.variable, c.level)?))
            .collect::<Result<Vec<_>>>()?;
        let mut rows = Array2::zeros((self.grid.n_nodes(), planes.len()));
        let values = rows.as_slice_mut();
        self.write_rows(&planes, values.unwrap_or_default())?;
        Ok(rows)
    }

    /// The state at `time` from predicted rows `[node, output channel]` in physical units.
    ///
    /// Statics and prescribed forcings are taken over from `carry`; derived forcings are not, since they
    /// belong to another time and are computed when needed.
    ///
    /// # Errors
    /// [`Error::Shape`] if `outputs` has another shape.
    pub fn state(&self, time: Time, outputs: ArrayView2<'_, f32>, carry: &State) -> Result<State> {
        let expected = [self.grid.n_nodes(), self.outputs.len()];
        if outputs.shape() != expected {
            return Err(Error::Shape {
                what: "model output".to_owned(),
                expected: expected.to_vec(),
                found: outputs.shape().to_vec(),
            });
        }
        let mut state = State::new(time);
        for (variable, field) in &carry.fields {
            if matches!(variable.kind(), Kind::Static | Kind::PrescribedForcing) {
                state.insert(variable.clone(), field.clone());
            }
        }
        let mut groups = Vec::new();
        let mut first = 0;
        for group in self.outputs.chunk_by(|a, b| a.variable == b.variable) {
            groups.push((group, first));
            first += group.len();
        }
        let fields: Vec<Field> = groups
            .par_iter()
            .map(|(group, first)| self.field(group, outputs, *first))
            .collect();
        for ((group, _), field) in groups.into_iter().zip(fields) {
            state.insert(group[0].variable.clone(), field);
        }
        Ok(state)
    }

    /// The field of neighbouring channels that belong to one variable.
    fn field(&self, group: &[Channel], outputs: ArrayView2<'_, f32>, first: usize) -> Field {
        let n_lon = self.grid.n_lon();
        let shape = (group.len(), self.grid.n_lat(), n_lon);
        let data = Array3::from_shape_fn(shape, |(k, i, j)| outputs[[i * n_lon + j, first + k]]);
        Field {
            levels: group.iter().filter_map(|channel| channel.level).collect(),
            data,
        }
    }

    fn derive_missing(&self, state: &State) -> State {
        let missing: Vec<_> = self
            .forcings
            .iter()
            .filter(|v| !state.fields.contains_key(*v))
            .cloned()
            .collect();
        let fields = derive_forcings(&self.grid, state.time, &missing);
        State {
            time: state.time,
            fields,
        }
    }

    /// The values of a plane, latitude-major, if it is on the grid.
    fn check_plane<'a>(
        &self,
        channel: &Channel,
        plane: ArrayView2<'a, f32>,
    ) -> Result<Cow<'a, [f32]>> {
        if plane.dim() != (self.grid.n_lat(), self.grid.n_lon()) {
            return Err(Error::Shape {
                what: format!("`{channel}`"),
                expected: vec![self.grid.n_lat(), self.grid.n_lon()],
                found: plane.shape().to_vec(),
            });
        }
        Ok(match plane.to_slice() {
            Some(slice) => Cow::Borrowed(slice),
            None => Cow::Owned(plane.iter().copied().collect()),
        })
    }

    /// Writes `[node, channel]` from one slice per channel, a few nodes at a time so that both sides stay in cache.
    fn write_rows(&self, planes: &[Cow<'_, [f32]>], rows: &mut [f32]) -> Result<()> {
        const NODES: usize = 32;
        let (n_nodes, width) = (self.grid.n_nodes(), planes.len());
        if rows.len() != n_nodes * width {
            return Err(Error::Shape {
                what: "room for rows of channels".to_owned(),
                expected: vec![n_nodes, width],
                found: vec![rows.len()],
            });
        }
        rows.par_chunks_mut((NODES * width).max(1))
            .enumerate()
            .for_each(|(block, rows)| {
                let first = block * NODES;
                for (channel, plane) in planes.iter().enumerate() {
                    let here = &plane[first..n_nodes.min(first + NODES)];
                    for (row, value) in rows.chunks_exact_mut(width).zip(here) {
                        row[channel] = *value;
                    }
                }
            });
        Ok(())
    }
}

impl Frames<'_> {
    /// `[lat, lon]` of an input channel.
    fn plane(&self, channel: &Channel) -> Result<ArrayView2<'_, f32>> {
        let variable = &channel.variable;
        let (state, derived) = match channel.frame {
            Frame::Previous => (self.previous, &self.derived[0]),
            Frame::Current | Frame::Static => (self.current, &self.derived[1]),
            Frame::Target => (self.target, &self.derived[2]),
        };
        let given = state.fields.contains_key(variable);
        let persists = channel.frame == Frame::Target && variable.kind() == Kind::PrescribedForcing;
        let state = match given {
            true => state,
            false if persists => self.current,
            false if derived.fields.contains_key(variable) => derived,
            false => state,
        };
        state.plane(variable, channel.level)
    }
}
