//! Paired forecasts: unedited, edited, controls, lead by lead.

use dropsonde_capture::{Recorder, Splice, SpliceTap};
use dropsonde_fields::State;
use dropsonde_forecaster::{Forcing, Forecaster, NoTap, Site};
use dropsonde_sae::{EditOp, Sae};
use tch::Tensor;

use crate::compare::first_difference;
use crate::error::require;
use crate::injection::recorded;
use crate::trial::Trial;
use crate::{
    AreaMean, Edit, Error, ExperimentConfig, Outcome, Result, RunKind, Storm, StormFinder,
};

/// A forecast that edits are tried on.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Any name.
    pub name: String,
    /// The state 6 h before the initial one.
    pub previous: State,
    /// The initial state.
    pub current: State,
    /// Where prescribed variables come from.
    pub forcing: Forcing<'a>,
    /// First guess of the storm in the initial state, degrees north and east; none: no storm is followed.
    pub storm: Option<(f64, f64)>,
}

/// Sees an experiment as it goes on; every method does nothing unless it is written.
pub trait Observer {
    /// A run has come to a new state (lead 0 included).
    fn state(&mut self, run: RunKind, lead_hours: i64, state: &State) {
        let _ = (run, lead_hours, state);
    }

    /// So many of so many forecast steps are done.
    fn progress(&mut self, done: usize, total: usize) {
        let _ = (done, total);
    }
}

/// Sees nothing.
impl Observer for () {}

/// An experiment, checked and ready for cases.
pub struct Experiment<'a> {
    pub(crate) forecaster: &'a Forecaster,
    pub(crate) sae: &'a Sae,
    pub(crate) config: ExperimentConfig,
    pub(crate) edit: Edit,
    pub(crate) finder: StormFinder,
    pub(crate) area: AreaMean,
    mesh: Vec<[f32; 2]>,
}

impl<'a> Experiment<'a> {
    /// Checks a configuration against a forecaster and an autoencoder, once.
    ///
    /// # Errors
    /// [`Error::Config`] with the key; an unknown site; an autoencoder of another width, site, kernel or of other
    /// weights.
    pub fn new(forecaster: &'a Forecaster, sae: &'a Sae, config: ExperimentConfig) -> Result<Self> {
        let n_latents = sae.config.n_latents;
        let edit = config
            .edit
            .check(n_latents, forecaster.config().gnn_msg_steps)?;
        config.check(n_latents, forecaster.task())?;
        check_origin(forecaster, sae, &edit)?;
        let grid = &forecaster.graph().grid;
        Ok(Self {
            finder: StormFinder::new(grid, config.storm.clone())?,
            area: AreaMean::new(grid),
            mesh: forecaster.graph().mesh.lat_lon(),
            forecaster,
            sae,
            config,
            edit,
        })
    }

    /// What it does.
    pub fn config(&self) -> &ExperimentConfig {
        &self.config
    }

    /// The checked edit.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }

    /// The finder of storms, for callers that look for a first guess.
    pub fn finder(&self) -> &StormFinder {
        &self.finder
    }

    /// Runs all forecasts of one case side by side, lead by lead; two states of each are in memory.
    ///
    /// # Errors
    /// If a forecast fails, a state lacks what is measured, there is no storm near the first guess, or one of the
    /// [`crate::Checks`] fails.
    pub fn run(&self, case: &Case<'a>, observer: &mut dyn Observer) -> Result<Outcome> {
        self.check_storm(case)?;
        let latents = self.identity_splice(case)?;
        let mut trial = Trial::start(self, case, &latents, observer)?;
        for _ in 0..self.config.steps {
            trial.step(observer)?;
        }
        Ok(trial.finish(case))
    }

    /// The numbers of the edited runs, each once.
    fn strengths(&self) -> Vec<f32> {
        let mut strengths = Vec::new();
        let given = &self.config.strengths;
        let own = [self.edit.amount()];
        for &strength in if given.is_empty() { &own[..] } else { given } {
            if !strengths.contains(&strength) {
                strengths.push(strength);
            }
        }
        strengths
    }

    /// Whether the run with strength 0, which always takes place, was asked for.
    pub(crate) fn reports_zero(&self) -> bool {
        self.zero_is_identity() && self.strengths().contains(&0.0)
    }

    /// The numbers of the runs whose edit may change something.
    pub(crate) fn nonzero_strengths(&self) -> Vec<f32> {
        let mut strengths = self.strengths();
        strengths.retain(|&strength| strength != 0.0 || !self.zero_is_identity());
        strengths
    }

    fn zero_is_identity(&self) -> bool {
        !matches!(self.edit.config().op, EditOp::Set { .. })
    }

    /// The mesh nodes that a run edits while its storm is here; `None` for all.
    pub(crate) fn nodes(&self, storm: Option<Storm>) -> Option<Vec<bool>> {
        self.edit
            .config()
            .place
            .nodes(&self.mesh, storm.map(|s| s.position()))
    }

    /// Autoencoder, site, latent width.
    pub(crate) fn target(&self) -> (&'a Sae, Site, usize) {
        (self.sae, self.edit.site(), self.forecaster.latent_shape().1)
    }

    fn check_storm(&self, case: &Case<'_>) -> Result<()> {
        let hint = "give the case a first guess of the storm, or choose another `where`";
        let given = case.storm.is_some() || !self.edit.config().place.needs_storm();
        require(
            given,
            "edit.where",
            "storm",
            "a place, as the case has no storm",
            hint,
        )?;
        let Some((lat, lon)) = case.storm else {
            return Ok(());
        };
        if self.finder.find(&case.current, (lat, lon))?.is_some() {
            return Ok(());
        }
        let radius_km = self.config.storm.search_radius_km;
        Err(Error::NoStorm {
            lat,
            lon,
            radius_km,
            time: case.current.time,
        })
    }

    /// Checks that recording and splicing the latents into themselves changes nothing; the latents `[M, D]`.
    fn identity_splice(&self, case: &Case<'_>) -> Result<Tensor> {
        let (_, site, width) = self.target();
        let (previous, current) = (&case.previous, &case.current);
        let time = current.time.plus_hours(dropsonde_fields::STEP_HOURS);
        let forcings = case.forcing.at(self.forecaster, time, current)?;
        let plain = self
            .forecaster
            .step(previous, current, &forcings, &mut NoTap)?;
        let splice = SpliceTap::new(site, Splice::Identity, width)?;
        let mut tap = (splice, Recorder::new([site]));
        let spliced = self
            .forecaster
            .step(previous, current, &forcings, &mut tap)?;
        match first_difference(&plain, &spliced) {
            None => recorded(&mut tap.1, site),
            Some(field) => Err(Error::Check {
                check: "identity splice",
                detail: format!("`{field}` changed although the latents did not"),
                hint: "the forecaster is not deterministic on this device",
            }),
        }
    }
}

/// Refuses an autoencoder that was trained elsewhere; what its metadata leaves out is not compared.
fn check_origin(forecaster: &Forecaster, sae: &Sae, edit: &Edit) -> Result<()> {
    let width = forecaster.latent_shape().1;
    let hint = "use the autoencoder that was trained on this forecaster and site";
    let d_in = sae.config.d_in;
    require(
        d_in == width,
        "sae.d_in",
        d_in,
        format!("{width}, the width of the latents"),
        hint,
    )?;
    let kernel = forecaster.options().kernel.to_string();
    for (key, trained, here) in [
        ("edit.site", &sae.meta.site, &edit.site().to_string()),
        ("kernel", &sae.meta.kernel, &kernel),
        (
            "weights_sha256",
            &sae.meta.weights_sha256,
            &forecaster.weights_sha256().to_owned(),
        ),
    ] {
        let fits = trained.is_empty() || trained == here;
        require(
            fits,
            key,
            here,
            format!("{trained}, as the autoencoder was trained"),
            hint,
        )?;
    }
    Ok(())
}
