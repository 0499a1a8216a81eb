//! The elements of a batch of initial states, and their forcings read ahead.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, ensure};
use dropsonde_fields::{STEP_HOURS, Source, SourceOptions, State, Task, TaskInputs, Time};
use dropsonde_forecaster::ModelConfig;
use dropsonde_mesh::LatLonGrid;

use crate::args::InputArgs;

/// The initial time of synthetic weather unless another is asked for, 2022-01-01T06.
const SYNTHETIC_INIT: Time = Time(1_641_016_800);

/// Inputs of every element on the `batch` dimension, each with its initial time.
pub(crate) struct Members {
    members: Vec<Member>,
}

struct Member {
    inputs: TaskInputs,
    init: Time,
}

impl Members {
    /// Opens what the arguments name; synthetic weather lies on the grid of the model.
    pub(crate) fn open(args: &InputArgs, model: &ModelConfig, task: &Task) -> anyhow::Result<Self> {
        let Some(path) = &args.input else {
            let members = vec![Member::synthetic(args, model, task)?];
            return Ok(Self { members });
        };
        let first = Source::open_with(path, args.options())?;
        let n_batch = first.n_batch();
        let mut members = vec![Member::open(args, path, task, first, 0)?];
        for batch in 1..n_batch {
            let options = SourceOptions {
                batch,
                ..args.options()
            };
            let source = Source::open_with(path, options)?;
            members.push(Member::open(args, path, task, source, batch)?);
        }
        Ok(Self { members })
    }

    pub(crate) fn grid(&self) -> &LatLonGrid {
        self.members[0].inputs.grid()
    }

    /// Where the input is, as it may be shown.
    pub(crate) fn place(&self) -> &Path {
        self.members[0].inputs.input().path()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the dates of the times are unknown.
    pub(crate) fn is_relative(&self) -> bool {
        !self.members[0].inputs.is_dated()
    }

    pub(crate) fn inits(&self) -> Vec<Time> {
        self.members.iter().map(|member| member.init).collect()
    }

    /// Initial times in words.
    pub(crate) fn labels(&self) -> Vec<String> {
        let unknown = || "a time without date".to_owned();
        let label = |member: &Member| match member.inputs.is_dated() {
            true => member.init.to_string(),
            false => unknown(),
        };
        self.members.iter().map(label).collect()
    }

    /// Inputs and initial time of every element.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TaskInputs, Time)> {
        self.members
            .iter()
            .map(|member| (&member.inputs, member.init))
    }

    pub(crate) fn check_steps(&self, n_steps: usize) -> anyhow::Result<()> {
        for (inputs, init) in self.iter() {
            inputs.check_steps(init, n_steps)?;
        }
        Ok(())
    }

    /// Previous and current state of every element.
    pub(crate) fn initial_states(&self) -> anyhow::Result<Vec<(State, State)>> {
        self.iter()
            .map(|(inputs, init)| Ok(inputs.initial_states(init)?))
            .collect()
    }

    /// Runs `work` while a thread reads the forcings of the next step.
    pub(crate) fn with_forcings<T>(
        &self,
        n_steps: usize,
        work: impl FnOnce(&mut Forcings) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(1);
            scope.spawn(move || {
                for step in 1..=n_steps {
                    let forcings = self.forcings(step);
                    let failed = forcings.is_err();
                    // An error is the last thing sent; a receiver that is gone wants no more.
                    if sender.send(forcings).is_err() || failed {
                        return;
                    }
                }
            });
            work(&mut Forcings { receiver })
        })
    }

    fn forcings(&self, step: usize) -> dropsonde_fields::Result<Vec<State>> {
        let at =
            |(inputs, init): (&TaskInputs, Time)| inputs.forcings(init.plus_hours(6 * step as i64));
        self.iter().map(at).collect()
    }
}

/// Forcings of every element, step by step.
pub(crate) struct Forcings {
    receiver: Receiver<dropsonde_fields::Result<Vec<State>>>,
}

impl Forcings {
    pub(crate) fn next(&mut self) -> anyhow::Result<Vec<State>> {
        Ok(self.receiver.recv().context("no forcings were read")??)
    }
}

impl Member {
    fn synthetic(args: &InputArgs, model: &ModelConfig, task: &Task) -> anyhow::Result<Self> {
        ensure!(
            model.resolution > 0.0,
            "the model has no resolution of its own, so there is no grid for `--synthetic-input`\nhint: give `--input`, whose grid it takes"
        );
        let grid = LatLonGrid::with_poles(model.resolution)?;
        let init = args.init.unwrap_or(SYNTHETIC_INIT);
        let times = [init.plus_hours(-STEP_HOURS), init];
        let source = Source::synthetic(grid, &task.pressure_levels, &times)?;
        let inputs = TaskInputs::new(task.clone(), source, None)?;
        Ok(Self { inputs, init })
    }

    fn open(
        args: &InputArgs,
        path: &Path,
        task: &Task,
        source: Source,
        batch: usize,
    ) -> anyhow::Result<Self> {
        let options = SourceOptions {
            batch,
            ..args.options()
        };
        let source = dated(args, path, source, &options)?;
        let inputs = TaskInputs::new(task.clone(), source, None)?;
        let init = match args.init {
            Some(init) => init,
            None => inputs.default_init()?,
        };
        let inputs = match &args.forcings {
            None => inputs,
            Some(path) => {
                let forcings = Source::open_with(path, options.clone())?;
                // Times that only count from the initial time are dated by it.
                let forcings = match forcings.is_relative() && inputs.is_dated() {
                    true => Source::open_with(
                        path,
                        SourceOptions {
                            origin: Some(init),
                            ..options
                        },
                    )?,
                    false => forcings,
                };
                inputs.with_forcings(forcings)?
            }
        };
        Ok(Self { inputs, init })
    }
}

/// A file without dates, dated by `--init`: its second time is the initial time.
fn dated(
    args: &InputArgs,
    path: &Path,
    source: Source,
    options: &SourceOptions,
) -> anyhow::Result<Source> {
    let (true, Some(init)) = (source.is_relative(), args.init) else {
        return Ok(source);
    };
    let times = source.times();
    ensure!(
        times.len() > 1,
        "`{}` has {} times, a forecast needs two",
        path.display(),
        times.len()
    );
    let origin = Time::from_unix_seconds(init.unix_seconds() - times[1].unix_seconds());
    let options = SourceOptions {
        origin: Some(origin),
        ..options.clone()
    };
    Ok(Source::open_with(path, options)?)
}
