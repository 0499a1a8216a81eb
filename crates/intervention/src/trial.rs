//! An experiment on one case while it goes on: all runs side by side.

use tch::Tensor;

use crate::arm::{Action, Arm, Stepped};
use crate::compare::{Local, departure, first_difference};
use crate::control::directions;
use crate::dose::{AT_BASE, OWN_STORM, dose_response};
use crate::experiment::{Case, Experiment, Observer};
use crate::injection::Injection;
use crate::outcome::{Checks, Difference, Outcome, Provenance};
use crate::{AtBase, Error, Result, Run, RunKind};

/// All runs of one case.
pub(crate) struct Trial<'a> {
    experiment: &'a Experiment<'a>,
    base: Arm<'a>,
    /// The edit with strength 0.
    zero: Arm<'a>,
    /// Edited runs, then controls: a control needs the step of its edited run.
    others: Vec<Arm<'a>>,
    checks: Checks,
    differences: Vec<Difference>,
    done: usize,
}

impl<'a> Trial<'a> {
    /// All runs at lead 0; `latents` (`[M, D]`) are those of the unedited run's first step.
    pub(crate) fn start(
        experiment: &'a Experiment<'a>,
        case: &Case<'a>,
        latents: &Tensor,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let arm = |kind, action| Arm::new(experiment, case, kind, action);
        let base = arm(RunKind::Base, Action::None)?;
        let identity = Action::Edit(experiment.edit.identity());
        let zero = arm(RunKind::Edited { strength: 0.0 }, identity)?;
        let mut others = Vec::new();
        for strength in experiment.nonzero_strengths() {
            let codes = experiment.edit.codes(strength);
            others.push(arm(RunKind::Edited { strength }, Action::Edit(codes))?);
        }
        for (kind, action) in controls(experiment, &base, latents)? {
            others.push(arm(kind, action)?);
        }
        let checks = Checks {
            identity_splice_identical: true,
            ..Checks::default()
        };
        let differences = Vec::new();
        let mut trial = Self {
            experiment,
            base,
            zero,
            others,
            checks,
            differences,
            done: 0,
        };
        let at_base = trial.at_base(&trial.base)?;
        for arm in trial.arms_mut() {
            arm.note(at_base, None, None);
            observer.state(arm.kind, 0, arm.state());
        }
        Ok(trial)
    }

    fn arms_mut(&mut self) -> impl Iterator<Item = &mut Arm<'a>> {
        [&mut self.base, &mut self.zero]
            .into_iter()
            .chain(&mut self.others)
    }

    /// All runs one step on.
    pub(crate) fn step(&mut self, observer: &mut dyn Observer) -> Result<()> {
        self.base.step(self.experiment, &[])?;
        let at_base = self.at_base(&self.base)?;
        self.base.note(at_base, None, None);
        self.seen(observer, None);
        self.step_zero()?;
        self.seen(observer, Some(usize::MAX));
        let mut injections: Vec<(f32, Injection)> = Vec::new();
        for index in 0..self.others.len() {
            let stepped = self.others[index].step(self.experiment, &injections)?;
            self.check(&stepped)?;
            self.compare(index, &stepped)?;
            if let (RunKind::Edited { strength }, Some(injection)) =
                (self.others[index].kind, stepped.injection)
            {
                injections.push((strength, injection));
            }
            self.seen(observer, Some(index));
        }
        Ok(())
    }

    fn seen(&mut self, observer: &mut dyn Observer, index: Option<usize>) {
        let arm = match index {
            None => &self.base,
            Some(index) => self.others.get(index).unwrap_or(&self.zero),
        };
        observer.state(arm.kind, arm.lead_hours(), arm.state());
        self.done += 1;
        observer.progress(
            self.done,
            self.experiment.config.steps * (2 + self.others.len()),
        );
    }

    /// The run with strength 0 must be the unedited one, bit for bit.
    fn step_zero(&mut self) -> Result<()> {
        let stepped = self.zero.step(self.experiment, &[])?;
        self.check(&stepped)?;
        if let Some(field) = first_difference(self.base.state(), self.zero.state()) {
            let lead = self.zero.lead_hours();
            return Err(Error::Check {
                check: "strength 0",
                detail: format!("`{field}` differs from the unedited run at {lead} h"),
                hint: "the forecaster is not deterministic on this device",
            });
        }
        self.checks.strength_zero_identical_leads += 1;
        let at_base = self.at_base(&self.zero)?;
        let same = departure(
            self.experiment.forecaster,
            &self.experiment.area,
            (self.zero.state(), self.base.state()),
            self.local(),
        )?;
        self.zero.note(at_base, stepped.size, Some(same));
        Ok(())
    }

    /// What went on must be what the edit asks for; lengths of controls must be those of their edit.
    fn check(&mut self, stepped: &Stepped) -> Result<()> {
        let checks = &mut self.checks;
        let norm = stepped.control_norm_difference;
        checks.control_norm_max_difference = checks.control_norm_max_difference.max(norm);
        if norm > 1e-4 {
            return Err(Error::Check {
                check: "norm of controls",
                detail: format!("a control is {norm:e} longer or shorter than its edit"),
                hint: "the decoder direction of a control may be zero",
            });
        }
        let Some(injection) = &stepped.injection else {
            return Ok(());
        };
        checks.injections_compared += 1;
        checks.injection_max_difference = checks
            .injection_max_difference
            .max(injection.max_difference);
        if injection.max_difference == 0.0 {
            return Ok(());
        }
        Err(Error::Check {
            check: "injected activation",
            detail: format!(
                "latents differ by {:e} from the edit's",
                injection.max_difference
            ),
            hint: "the autoencoder or the forecaster is not deterministic on this device",
        })
    }

    /// Notes how far a run is from the unedited one, and keeps its difference maps.
    fn compare(&mut self, index: usize, stepped: &Stepped) -> Result<()> {
        let (experiment, arm) = (self.experiment, &self.others[index]);
        let (states, local) = ((arm.state(), self.base.state()), self.local());
        let at_base = self.at_base(arm)?;
        let far = departure(experiment.forecaster, &experiment.area, states, local)?;
        let (lead, name, maps) = (arm.lead_hours(), arm.kind.name(), &experiment.config.maps);
        if maps.lead_hours.contains(&lead) {
            for quantity in &maps.quantities {
                let place = (name.as_str(), lead);
                let map = Difference::new(place, quantity, &experiment.area, states, local)?;
                self.differences.push(map);
            }
        }
        self.others[index].note(at_base, stepped.size, Some(far));
        Ok(())
    }

    /// Pressure and wind of a run around the storm of the unedited run.
    fn at_base(&self, arm: &Arm<'_>) -> Result<Option<AtBase>> {
        let Some(storm) = self.base.storm() else {
            return Ok(None);
        };
        let (lowest_pressure_hpa, max_wind_m_s) = self
            .experiment
            .finder
            .extremes(arm.state(), storm.position())?;
        Ok(Some(AtBase {
            lowest_pressure_hpa,
            max_wind_m_s,
        }))
    }

    fn local(&self) -> Local {
        let storm = self.base.storm()?;
        Some((storm.position(), self.experiment.config.local_radius_km))
    }

    pub(crate) fn finish(self, case: &Case<'_>) -> Outcome {
        let experiment = self.experiment;
        let mut runs = vec![self.base.finish()];
        runs.extend(experiment.reports_zero().then(|| self.zero.finish()));
        runs.extend(self.others.into_iter().map(Arm::finish));
        Outcome {
            case: case.name.clone(),
            init_time: case.current.time,
            config: experiment.config.clone(),
            provenance: provenance(experiment),
            dose_response: responses(&runs, case, OWN_STORM),
            dose_response_at_base: responses(&runs, case, AT_BASE),
            runs,
            differences: self.differences,
            checks: self.checks,
        }
    }
}

fn responses(
    runs: &[Run],
    case: &Case<'_>,
    measure: crate::dose::Measure,
) -> Vec<crate::DoseResponse> {
    if case.storm.is_some() {
        dose_response(runs, measure)
    } else {
        Vec::new()
    }
}

fn provenance(experiment: &Experiment<'_>) -> Provenance {
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        weights_sha256: experiment.forecaster.weights_sha256().to_owned(),
        kernel: experiment.forecaster.options().kernel.to_string(),
        sae: experiment.sae.meta.clone(),
    }
}

/// The controls of every strength that has some; the same directions for each strength.
fn controls(
    experiment: &Experiment<'_>,
    base: &Arm<'_>,
    latents: &Tensor,
) -> Result<Vec<(RunKind, Action)>> {
    let config = &experiment.config.controls;
    let edited = &experiment.edit.config().features;
    let nodes = experiment.nodes(base.storm());
    let source = (experiment.sae, latents);
    let seed = experiment.config.seed;
    let directions = directions(config, source, edited, nodes.as_deref(), seed)?;
    let wanted =
        |strength: &f32| config.strengths.is_empty() || config.strengths.contains(strength);
    let mut controls = Vec::new();
    for strength in experiment.nonzero_strengths().into_iter().filter(wanted) {
        for (index, direction) in directions.iter().enumerate() {
            let kind = RunKind::Control {
                strength,
                index,
                feature: direction.feature,
            };
            let direction = direction.vector.shallow_clone();
            controls.push((
                kind,
                Action::Push {
                    strength,
                    direction,
                },
            ));
        }
    }
    Ok(controls)
}
