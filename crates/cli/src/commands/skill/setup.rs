//! Everything that all forecasts share.

use anyhow::{Context, ensure};
use dropsonde_fields::{
    ScoreTarget, Scorer, Source, SourceOptions, Statistics, Task, TaskInputs, Variable,
    ZonalSpectrum, check_same_grid,
};
use dropsonde_forecaster::{Checkpoint, Forecaster};
use serde_json::{Value, json};

use super::cases::Cases;
use super::normal::Normal;
use crate::args::SkillArgs;
use crate::run_context::file_sha256;

/// Bands of latitude of the spectra, degrees from the equator: tropics and middle latitudes.
pub(crate) const BANDS: [[f64; 2]; 2] = [[0.0, 30.0], [30.0, 60.0]];

/// A forecaster, what it is fed with, and what it is compared with.
pub(crate) struct Setup {
    pub(crate) forecaster: Forecaster,
    pub(crate) inputs: TaskInputs,
    pub(crate) truth: Source,
    pub(crate) normal: Normal,
    pub(crate) statistics: Statistics,
    pub(crate) scorer: Scorer,
    pub(crate) targets: Vec<ScoreTarget>,
    pub(crate) spectral_targets: Vec<ScoreTarget>,
    /// One per band of [`BANDS`].
    pub(crate) spectra: Vec<ZonalSpectrum>,
    pub(crate) leads: Vec<i64>,
    pub(crate) storm_leads: Vec<i64>,
    pub(crate) description: String,
}

impl Setup {
    pub(crate) fn open(args: &SkillArgs) -> anyhow::Result<(Self, Cases)> {
        let checkpoint = args.model.load()?;
        let source = Source::open(&args.source)?;
        let truth = Source::open(args.truth.as_ref().unwrap_or(&args.source))?;
        check_same_grid(source.grid(), truth.grid())?;
        let cases = Cases::find(args, &source, &truth)?;
        for target in args.targets.iter().chain(&args.spectra) {
            check(target, &checkpoint.task, &truth)?;
        }
        let statistics = Statistics::open(&args.statistics)?;
        let grid = source.grid().clone();
        let forcings = args.truth.as_ref();
        let forcings = forcings.map(|path| Source::open_with(path, SourceOptions::default()));
        let inputs = TaskInputs::new(checkpoint.task.clone(), source, forcings.transpose()?)?;
        let spectra = BANDS.iter().map(|&band| ZonalSpectrum::new(&grid, band));
        let spectra = match args.spectra.is_empty() {
            true => Vec::new(),
            false => spectra.collect::<Result<_, _>>()?,
        };
        let setup = Self {
            forecaster: forecaster(args, &checkpoint, &statistics, &inputs)?,
            normal: Normal::open(args, &statistics, &grid, &args.targets)?,
            scorer: Scorer::new(&grid),
            targets: args.targets.clone(),
            spectral_targets: args.spectra.clone(),
            spectra,
            leads: args.leads(),
            storm_leads: args.storm_leads(),
            description: checkpoint.description,
            inputs,
            truth,
            statistics,
        };
        Ok((setup, cases))
    }

    /// Steps of a forecast.
    pub(crate) fn n_steps(&self) -> usize {
        let last = self.leads.last().copied().unwrap_or(0);
        (last / dropsonde_fields::STEP_HOURS) as usize
    }

    /// What decides the numbers of a single forecast: a log with other settings is of no use.
    pub(crate) fn settings(&self, args: &SkillArgs) -> anyhow::Result<Value> {
        let names = |targets: &[ScoreTarget]| -> Vec<String> {
            targets.iter().map(ToString::to_string).collect()
        };
        let options = self.forecaster.options();
        let statistics = match args.statistics.is_file() {
            true => file_sha256(&args.statistics)?,
            false => args.statistics.display().to_string(),
        };
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "weights": self.forecaster.weights_sha256(),
            "statistics": statistics,
            "source": args.source,
            "truth": args.truth,
            "climatology": args.climatology,
            "targets": names(&self.targets),
            "spectra": names(&self.spectral_targets),
            "leads": self.leads,
            "storm_leads": self.storm_leads,
            "windows": args.windows,
            "split": args.split,
            "block_days": args.block_days,
            "device": format!("{:?}", options.device),
            "dtype": options.precision.to_string(),
            "kernel": options.kernel.to_string(),
        }))
    }
}

fn forecaster(
    args: &SkillArgs,
    checkpoint: &Checkpoint,
    statistics: &Statistics,
    inputs: &TaskInputs,
) -> anyhow::Result<Forecaster> {
    let normalizer = statistics.normalizer(&checkpoint.task)?;
    let (grid, options) = (inputs.grid().clone(), args.compute.options());
    Ok(Forecaster::new(checkpoint, grid, &normalizer, options)?)
}

/// A target must be predicted and known.
fn check(target: &ScoreTarget, task: &Task, truth: &Source) -> anyhow::Result<()> {
    ensure!(
        *target != ScoreTarget::Precipitation24h,
        "`{target}` does not follow from one state\nhint: score `tp6h`, or a written forecast with `dropsonde score`"
    );
    let predicted = |v: &Variable| task.target_variables.contains(v);
    for variable in target.variables(predicted) {
        ensure!(
            predicted(&variable),
            "`{target}` needs {variable}, which the model does not predict\nhint: choose with `--targets` and `--spectra`"
        );
        ensure!(
            truth.has(&variable),
            "`{target}` needs {variable}, which `{}` does not have",
            truth.path().display()
        );
    }
    let level = match target {
        ScoreTarget::Field { level, .. } => *level,
        ScoreTarget::WindVector { level } => Some(*level),
        _ => None,
    };
    let Some(level) = level else { return Ok(()) };
    let has = |levels: &[u32]| levels.contains(&level);
    let missing = [
        (!has(&task.pressure_levels)).then(|| ("the model", &task.pressure_levels[..])),
        (!has(truth.levels())).then(|| ("the truth", truth.levels())),
    ];
    match missing.into_iter().flatten().next() {
        Some((who, levels)) => Err(anyhow::anyhow!("{who} has levels {levels:?} hPa")).with_context(
            || format!("`{target}` cannot be scored at {level} hPa\nhint: choose with `--targets` and `--spectra`"),
        ),
        None => Ok(()),
    }
}
