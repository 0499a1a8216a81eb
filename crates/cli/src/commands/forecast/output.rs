//! Where the forecast goes.

use std::collections::BTreeMap;

use dropsonde_fields::{Field, ForecastHeader, ForecastWriter, State, Variable};
use dropsonde_forecaster::Forecaster;
use serde_json::{Map, Value};

use super::members::Members;
use crate::args::ForecastArgs;

type Fields = BTreeMap<Variable, Field>;

/// The writer, made when the first step is there.
pub(super) struct Output<'a> {
    args: &'a ForecastArgs,
    members: &'a Members,
    targets: Vec<Variable>,
    attributes: Map<String, Value>,
    writer: Option<ForecastWriter>,
}

impl<'a> Output<'a> {
    pub(super) fn new(
        args: &'a ForecastArgs,
        forecaster: &Forecaster,
        members: &'a Members,
    ) -> Self {
        Self {
            args,
            members,
            targets: forecaster.task().target_variables.clone(),
            attributes: attributes(forecaster, members),
            writer: None,
        }
    }

    /// Writes the predicted variables of one state per member.
    ///
    /// No field is copied but precipitation where it is clipped: what is not written is set aside meanwhile.
    pub(super) fn append<'s>(
        &mut self,
        states: impl Iterator<Item = &'s mut State>,
    ) -> anyhow::Result<()> {
        let mut states: Vec<&mut State> = states.collect();
        let aside: Vec<Fields> = states
            .iter_mut()
            .map(|state| self.set_aside(state))
            .collect();
        let written = self.write(&states.iter().map(|state| &**state).collect::<Vec<_>>());
        for (state, aside) in states.into_iter().zip(aside) {
            state.fields.extend(aside);
        }
        written
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        if let Some(writer) = self.writer {
            writer.finish()?;
        }
        Ok(())
    }

    fn create(&self, template: &State) -> anyhow::Result<ForecastWriter> {
        let mut header = ForecastHeader::new(self.members.inits()[0], self.args.steps);
        header.inits = self.members.inits();
        header.relative = self.members.is_relative();
        header.overwrite = self.args.overwrite;
        header.attributes = self.attributes.clone();
        let grid = self.members.grid();
        Ok(ForecastWriter::create(
            &self.args.out,
            self.args.layout,
            grid,
            &header,
            template,
        )?)
    }

    fn write(&mut self, states: &[&State]) -> anyhow::Result<()> {
        if self.writer.is_none() {
            self.writer = Some(self.create(states[0])?);
        }
        if let Some(writer) = &mut self.writer {
            writer.append(states)?;
        }
        Ok(())
    }

    /// Leaves what is written in a state, and returns what it had before.
    fn set_aside(&self, state: &mut State) -> Fields {
        let is_target = |variable: &Variable| self.targets.contains(variable);
        let (predicted, mut aside) = std::mem::take(&mut state.fields)
            .into_iter()
            .partition::<Fields, _>(|(variable, _)| is_target(variable));
        state.fields = predicted;
        let rain = Variable::TOTAL_PRECIPITATION_6HR;
        if self.args.clip_precip
            && let Some(field) = state.fields.get_mut(&rain)
        {
            let mut clipped = field.clone();
            clipped.data.mapv_inplace(|x| x.max(0.0));
            aside.insert(rain, std::mem::replace(field, clipped));
        }
        aside
    }
}

fn attributes(forecaster: &Forecaster, members: &Members) -> Map<String, Value> {
    let options = forecaster.options();
    let mut attributes = Map::from_iter([
        ("title".to_owned(), "forecast".into()),
        (
            "weights_sha256".to_owned(),
            forecaster.weights_sha256().into(),
        ),
        ("kernel".to_owned(), options.kernel.to_string().into()),
        ("dtype".to_owned(), options.precision.to_string().into()),
        (
            "source".to_owned(),
            members.place().display().to_string().into(),
        ),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
    ]);
    if !members.is_relative() {
        attributes.insert("initial_time".to_owned(), members.labels().join(" ").into());
    }
    attributes
}
