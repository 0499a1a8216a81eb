use anyhow::{Context, bail};
use dropsonde_activations::ActivationReader;
use dropsonde_attribution::{Phenomenon, Scores};
use dropsonde_fields::events::{TrackPoint, TropicalLowConfig, TropicalLows};
use dropsonde_fields::{Source, State, Time};
use dropsonde_forecaster::{Forcing, Forecaster};
use dropsonde_intervention::{
    Case, ControlConfig, EditConfig, Experiment, ExperimentConfig, MapConfig, Observer, Outcome,
    Quantity, StormConfig, When, Where,
};
use dropsonde_mesh::great_circle_km;
use dropsonde_sae::{EditOp, Rescale, Sae};
use indicatif::ProgressBar;
use tch::Tensor;

use super::report::difference_file;
use crate::args::StepArgs;
use crate::run_context::{RunContext, chosen_feature, file_sha256};
use crate::stamp::Stamp;
use crate::{json, npy, progress};

/// Maps are kept at these leads, in hours.
const MAP_LEADS: [i64; 2] = [24, 72];

/// A storm of the split `report` and where it is at the start of the forecast.
struct Start {
    time: Time,
    position: (f64, f64),
    name: String,
}

pub(crate) fn run(args: &StepArgs) -> anyhow::Result<()> {
    let ctx = RunContext::open(args)?;
    let scores_path = ctx.path("features/scores.json");
    let inputs = serde_json::json!({
        "intervene": ctx.experiment.intervene,
        "seed": ctx.experiment.seed,
        "scores": file_sha256(&scores_path).context("hint: run `dropsonde features` first")?,
        "sae": ctx.sae()?.sha256()?,
        "inputs": ctx.input_hashes()?,
    });
    let stamp = Stamp::new(ctx.run(), "intervene", &inputs)?;
    let path = ctx.path("intervention.json");
    if !stamp.is_current() || !path.is_file() {
        stamp.clear();
        let outcome = experiment(&ctx, &Scores::load(&scores_path)?)?;
        save_maps(&ctx, &outcome)?;
        json::write(&path, &outcome)?;
        stamp.finish()?;
    }
    let outcome: Outcome = json::read(&path, "intervene")?;
    if args.json {
        return json::print(&outcome);
    }
    print(&outcome);
    Ok(())
}

fn experiment(ctx: &RunContext, scores: &Scores) -> anyhow::Result<Outcome> {
    let section = &ctx.experiment.intervene;
    let phenomenon: Phenomenon = section.phenomenon.parse()?;
    let feature = chosen_feature(scores, phenomenon).with_context(|| {
        format!("no feature was scored for `{phenomenon}`\nhint: `features/scores.json` says why")
    })?;
    let source = ctx.source()?;
    let forecaster = ctx.forecaster(&source)?;
    let sae = ctx.sae()?;
    let start = find_storm(ctx, (&forecaster, &sae), &source, feature)?;
    let case = Case {
        name: start.name,
        previous: source.state(start.time.plus_hours(-6))?,
        current: source.state(start.time)?,
        forcing: Forcing::Prescribed(&source),
        storm: Some(start.position),
    };
    let config = config(ctx, &forecaster, feature);
    let experiment = Experiment::new(&forecaster, &sae, config)?;
    let mut observer = Bar(progress::bar("intervene", 1));
    let outcome = experiment.run(&case, &mut observer)?;
    observer.0.finish();
    Ok(outcome)
}

fn config(ctx: &RunContext, forecaster: &Forecaster, feature: u32) -> ExperimentConfig {
    let section = &ctx.experiment.intervene;
    let last = 6 * section.steps as i64;
    let levels = &forecaster.task().pressure_levels;
    let mut quantities = vec![Quantity::Plane {
        variable: dropsonde_fields::Variable::MEAN_SEA_LEVEL_PRESSURE,
        level: None,
    }];
    quantities.push(Quantity::WindSpeed10m);
    let warm_core_levels = [300, 500]
        .into_iter()
        .filter(|l| levels.contains(l))
        .collect();
    ExperimentConfig {
        edit: EditConfig {
            features: vec![feature],
            op: EditOp::Scale { strength: 1.0 },
            place: Where::Storm {
                radius_km: section.radius_km,
            },
            when: When::default(),
            site: ctx.experiment.capture.site.clone(),
            convention: Rescale::Rescaled,
        },
        strengths: section.strengths.iter().map(|&a| a as f32).collect(),
        steps: section.steps,
        controls: ControlConfig::default(),
        storm: StormConfig {
            warm_core_levels,
            ..StormConfig::default()
        },
        maps: MapConfig {
            lead_hours: MAP_LEADS.into_iter().map(|lead| lead.min(last)).collect(),
            quantities,
        },
        local_radius_km: 2000.0,
        seed: ctx.experiment.seed,
    }
}

/// The place and time in `report` where the feature is most active around a tropical low that is followed for at least
/// another two days (or, in a short window, for as long as there is).
///
/// An edit scales what is there: around a storm where the feature is silent it would change nothing.
fn find_storm(
    ctx: &RunContext,
    (forecaster, sae): (&Forecaster, &Sae),
    source: &Source,
    feature: u32,
) -> anyhow::Result<Start> {
    let latents = ctx.latents()?;
    let records = latents.records();
    let report: Vec<usize> = (0..records.len())
        .filter(|&i| records[i].split.as_deref() == Some("report"))
        .collect();
    let time = |record: usize| Time::from_unix_seconds(records[record].init_time);
    let lows = TropicalLows::new(source.grid(), TropicalLowConfig::default())?;
    let mesh = forecaster.graph().mesh.lat_lon();
    let radius_km = ctx.experiment.intervene.radius_km;
    let mut best: Option<(bool, f32, Start)> = None;
    for window in report.chunk_by(|&a, &b| time(b).hours_since(time(a)) == 6) {
        let tracks = lows.tracks(window.iter().map(|&record| source.state(time(record))))?;
        for &record in window {
            let codes = feature_at(sae, &latents, record, feature)?;
            for track in &tracks {
                let Some(point) = track.at(time(record)) else {
                    continue;
                };
                let last = track.points.last().map_or(point.time, |p| p.time);
                let lasts = last.hours_since(point.time) >= 48;
                let near = |[lat, lon]: &[f32; 2]| {
                    let node = (f64::from(*lat), f64::from(*lon));
                    great_circle_km(node, (point.lat, point.lon)) <= radius_km
                };
                let active: f32 = mesh
                    .iter()
                    .zip(&codes)
                    .filter(|(p, _)| near(p))
                    .map(|(_, v)| v)
                    .sum();
                if best
                    .as_ref()
                    .is_none_or(|(l, a, _)| (lasts, active) > (*l, *a))
                {
                    best = Some((lasts, active, start(point)));
                }
            }
        }
    }
    match best {
        Some((_, _, start)) => Ok(start),
        None => bail!("no tropical low in the split `report`\nhint: capture more states"),
    }
}

fn start(point: &TrackPoint) -> Start {
    let (north, east) = (point.lat, point.lon);
    let hpa = point.pressure_pa / 100.0;
    Start {
        time: point.time,
        position: (north, east),
        name: format!("tropical low at {north:.0}N {east:.0}E, {hpa:.0} hPa"),
    }
}

/// Code of one feature at every mesh node of a captured record, `[M]`.
fn feature_at(
    sae: &Sae,
    latents: &ActivationReader,
    record: usize,
    feature: u32,
) -> anyhow::Result<Vec<f32>> {
    let width = latents.meta().width as i64;
    let rows = Tensor::from_slice(&latents.read(record)?).reshape([-1, width]);
    Ok(sae.encode(&rows)?.0.feature(feature))
}

fn save_maps(ctx: &RunContext, outcome: &Outcome) -> anyhow::Result<()> {
    let directory = ctx.path("intervention");
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create `{}`", directory.display()))?;
    for difference in &outcome.differences {
        npy::write(
            &directory.join(difference_file(difference)),
            difference.change.view(),
        )?;
    }
    Ok(())
}

/// Shows the steps of an experiment.
struct Bar(ProgressBar);

impl Observer for Bar {
    fn state(&mut self, _: dropsonde_intervention::RunKind, _: i64, _: &State) {}

    fn progress(&mut self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

fn print(outcome: &Outcome) {
    println!(
        "{}: central pressure (hPa) and strongest wind (m/s) by lead",
        outcome.case
    );
    let leads: Vec<i64> = outcome
        .runs
        .first()
        .map(|r| r.points.iter().map(|p| p.lead_hours).collect())
        .unwrap_or_default();
    for run in &outcome.runs {
        println!("{}", run.name);
        for (lead, point) in leads
            .iter()
            .zip(&run.points)
            .filter(|(lead, _)| **lead % 24 == 0)
        {
            match point.storm {
                Some(s) => println!(
                    "  {lead:>4} h {:>8.1} {:>6.1}",
                    s.pressure_hpa, s.max_wind_m_s
                ),
                None => println!("  {lead:>4} h     lost"),
            }
        }
    }
}
