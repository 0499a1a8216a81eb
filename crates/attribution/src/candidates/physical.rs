//! The forecaster's input and what follows from it, on the mesh.

mod derived;

use std::rc::Rc;

use dropsonde_activations::ActivationReader;
use dropsonde_fields::{Channel, Frame, STEP_HOURS, Source, Stacker, State, Task, Time};
use dropsonde_mesh::{Graph, GridToMesh};

use super::{DenseColumns, Family};
use crate::Result;
use derived::DerivedField;

/// One physical field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldInfo {
    /// `temperature@850 (0 h)`, `wind speed@850`, ...
    pub name: String,
    /// Input channel or derived field.
    pub family: Family,
    /// The input channel, if it is one.
    pub channel: Option<Channel>,
}

impl FieldInfo {
    /// Whether the catalogue lists correlations with it: channels of the newer input frame, statics, derived fields.
    pub fn is_described(&self) -> bool {
        let frame = self.channel.as_ref().map(|channel| channel.frame);
        !matches!(frame, Some(Frame::Previous | Frame::Target))
    }
}

/// The input channels of a task and the fields derived from its newer input state, averaged to the mesh.
pub struct PhysicalFields<'a> {
    source: &'a Source,
    times: Vec<Time>,
    to_mesh: Rc<GridToMesh>,
    stacker: Stacker,
    derived: Vec<DerivedField>,
    fields: Vec<FieldInfo>,
    /// The last state that was read.
    newest: Option<State>,
}

impl<'a> PhysicalFields<'a> {
    /// For the records of a store: record `i` gets the fields at its valid time.
    ///
    /// # Errors
    /// When the task is not valid.
    pub fn new(
        latents: &ActivationReader,
        source: &'a Source,
        task: &Task,
        graph: &Graph,
        to_mesh: Rc<GridToMesh>,
    ) -> Result<Self> {
        let stacker = Stacker::new(task, &graph.grid)?;
        let derived = DerivedField::available(source);
        let channels = stacker.input_channels().iter().map(|channel| FieldInfo {
            name: channel.to_string(),
            family: Family::InputChannel,
            channel: Some(channel.clone()),
        });
        let derived_fields = derived.iter().map(|field| FieldInfo {
            name: field.to_string(),
            family: Family::DerivedField,
            channel: None,
        });
        Ok(Self {
            source,
            times: latents
                .records()
                .iter()
                .map(|r| Time(r.valid_time()))
                .collect(),
            to_mesh,
            fields: channels.chain(derived_fields).collect(),
            stacker,
            derived,
            newest: None,
        })
    }

    /// What the columns are.
    pub fn fields(&self) -> &[FieldInfo] {
        &self.fields
    }

    /// The state at a time, the last one read again if it is that.
    fn state(&mut self, time: Time) -> Result<State> {
        match self.newest.take() {
            Some(state) if state.time == time => Ok(state),
            _ => Ok(self.source.state(time)?),
        }
    }

    /// Forcings at a time, as far as the source has it.
    fn forcings(&self, time: Time) -> Result<State> {
        if self.source.times().binary_search(&time).is_err() {
            return Ok(State::new(time));
        }
        let prescribed: Vec<_> = self
            .stacker
            .input_channels()
            .iter()
            .filter(|c| c.frame == Frame::Target && self.source.has(&c.variable))
            .map(|c| c.variable.clone())
            .collect();
        Ok(self.source.state_of(time, &prescribed)?)
    }
}

impl DenseColumns for PhysicalFields<'_> {
    fn n_columns(&self) -> usize {
        self.fields.len()
    }

    fn describe(&self, column: usize) -> (Family, String) {
        let field = &self.fields[column];
        (field.family, field.name.clone())
    }

    fn values(&mut self, record: usize) -> Result<Vec<f32>> {
        let time = self.times[record];
        let previous = self.state(time.plus_hours(-STEP_HOURS))?;
        let current = self.source.state(time)?;
        let forcings = self.forcings(time.plus_hours(STEP_HOURS))?;
        let inputs = self.stacker.inputs(&previous, &current, &forcings)?;
        let mut planes: Vec<Vec<f32>> = inputs
            .columns()
            .into_iter()
            .map(|c| self.to_mesh.apply(&c.to_vec()))
            .collect();
        for field in &self.derived {
            let plane = field.compute(&current, self.source.grid())?;
            planes.push(self.to_mesh.apply(&plane.into_iter().collect::<Vec<_>>()));
        }
        self.newest = Some(current);
        Ok(transpose(&planes))
    }
}

/// `[field][node]` to `[node, field]`.
fn transpose(planes: &[Vec<f32>]) -> Vec<f32> {
    let n_nodes = planes.first().map_or(0, Vec::len);
    (0..n_nodes)
        .flat_map(|node| planes.iter().map(move |plane| plane[node]))
        .collect()
}
