//! Where the forecast goes.

use dropsonde_fields::{ForecastHeader, ForecastWriter, State, Variable};
use dropsonde_forecaster::Forecaster;
use serde_json::{Map, Value};

use super::members::Members;
use crate::args::ForecastArgs;

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
            attributes: attributes(args, forecaster, members),
            writer: None,
        }
    }

    pub(super) fn is_first_step(&self) -> bool {
        self.writer.is_none()
    }

    /// Writes the predicted variables of one state per member.
    pub(super) fn append<'s>(
        &mut self,
        states: impl Iterator<Item = &'s State>,
    ) -> anyhow::Result<()> {
        let states: Vec<State> = states.map(|state| self.predicted(state)).collect();
        if self.writer.is_none() {
            self.writer = Some(self.create(&states[0])?);
        }
        if let Some(writer) = &mut self.writer {
            writer.append(&states.iter().collect::<Vec<_>>())?;
        }
        Ok(())
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

    fn predicted(&self, state: &State) -> State {
        let mut predicted = State::new(state.time);
        for variable in &self.targets {
            let Some(field) = state.fields.get(variable) else {
                continue;
            };
            let mut field = field.clone();
            if self.args.clip_precip && *variable == Variable::TOTAL_PRECIPITATION_6HR {
                field.data.mapv_inplace(|x| x.max(0.0));
            }
            predicted.insert(variable.clone(), field);
        }
        predicted
    }
}

fn attributes(
    args: &ForecastArgs,
    forecaster: &Forecaster,
    members: &Members,
) -> Map<String, Value> {
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
            args.weather.input.display().to_string().into(),
        ),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
    ]);
    if !members.is_relative() {
        attributes.insert("initial_time".to_owned(), members.labels().join(" ").into());
    }
    attributes
}
