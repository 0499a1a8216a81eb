//! One run of an experiment while it goes on.

use dropsonde_capture::PushTap;
use dropsonde_fields::State;
use dropsonde_forecaster::{NoTap, Rollout};
use dropsonde_sae::CodeEdit;
use tch::Tensor;

use crate::experiment::Experiment;
use crate::injection::{Injection, edited_step};
use crate::{AtBase, Case, Departure, EditSize, Follower, Point, Result, Run, RunKind, Storm};

/// What a run does to the latents.
#[derive(Debug)]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// Edits codes.
    Edit(CodeEdit),
    /// Goes as far as the run of `strength` did, along `direction` (`[D]`, unit norm).
    Push { strength: f32, direction: Tensor },
}

/// One run: its newest states, its storm, what it has measured.
#[derive(Debug)]
pub(crate) struct Arm<'a> {
    pub(crate) kind: RunKind,
    pub(crate) action: Action,
    rollout: Rollout<'a>,
    follower: Option<Follower<'a>>,
    storm: Option<Storm>,
    points: Vec<Point>,
}

/// What one step of an arm did.
#[derive(Debug, Default)]
pub(crate) struct Stepped {
    pub(crate) injection: Option<Injection>,
    pub(crate) size: Option<EditSize>,
    pub(crate) control_norm_difference: f64,
}

impl<'a> Arm<'a> {
    /// Starts from the initial states and finds the storm in the newer one.
    pub(crate) fn new(
        experiment: &'a Experiment<'a>,
        case: &Case<'a>,
        kind: RunKind,
        action: Action,
    ) -> Result<Self> {
        let mut follower = case
            .storm
            .map(|guess| Follower::new(&experiment.finder, guess));
        let storm = match &mut follower {
            Some(follower) => follower.follow(&case.current)?,
            None => None,
        };
        let states = (case.previous.clone(), case.current.clone());
        let rollout = Rollout::new(experiment.forecaster, case.forcing, states.0, states.1);
        Ok(Self {
            kind,
            action,
            rollout,
            follower,
            storm,
            points: Vec::new(),
        })
    }

    pub(crate) fn state(&self) -> &State {
        self.rollout.current()
    }

    pub(crate) fn storm(&self) -> Option<Storm> {
        self.storm
    }

    pub(crate) fn lead_hours(&self) -> i64 {
        self.rollout.lead_hours()
    }

    /// One step on; `injections` are those of this step's edited runs, by strength.
    pub(crate) fn step(
        &mut self,
        experiment: &Experiment<'_>,
        injections: &[(f32, Injection)],
    ) -> Result<Stepped> {
        let stepped = self.advance(experiment, injections)?;
        if let Some(follower) = &mut self.follower {
            self.storm = follower.follow(self.rollout.current())?;
        }
        Ok(stepped)
    }

    fn advance(
        &mut self,
        experiment: &Experiment<'_>,
        injections: &[(f32, Injection)],
    ) -> Result<Stepped> {
        let edit = &experiment.edit;
        let acts = edit.acts_at(self.rollout.lead_hours());
        match &self.action {
            Action::Edit(codes) if acts => {
                let nodes = experiment.nodes(self.storm);
                let target = experiment.target();
                let injection = edited_step(&mut self.rollout, target, codes, nodes.as_deref())?;
                let size = Some(injection.size);
                Ok(Stepped {
                    size,
                    injection: Some(injection),
                    control_norm_difference: 0.0,
                })
            }
            Action::Push {
                strength,
                direction,
            } => {
                let Some((_, injection)) = injections.iter().find(|(s, _)| s == strength) else {
                    return self.untouched();
                };
                let Injection { rows, lengths, .. } = injection;
                let mut tap = PushTap::new(edit.site(), rows, lengths, direction);
                self.rollout.step(&mut tap)?;
                let control_norm_difference = tap.max_length_error();
                Ok(Stepped {
                    size: Some(tap.record().into()),
                    injection: None,
                    control_norm_difference,
                })
            }
            _ => self.untouched(),
        }
    }

    fn untouched(&mut self) -> Result<Stepped> {
        self.rollout.step(&mut NoTap)?;
        Ok(Stepped::default())
    }

    /// Notes what the run is like now.
    pub(crate) fn note(
        &mut self,
        at_base: Option<AtBase>,
        edit: Option<EditSize>,
        departure: Option<Departure>,
    ) {
        let (lead_hours, storm) = (self.rollout.lead_hours(), self.storm);
        self.points.push(Point {
            lead_hours,
            storm,
            at_base,
            edit,
            departure,
        });
    }

    pub(crate) fn finish(self) -> Run {
        Run {
            run: self.kind,
            name: self.kind.name(),
            points: self.points,
        }
    }
}
