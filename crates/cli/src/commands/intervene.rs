use anyhow::{Context, bail};
use dropsonde_attribution::{Phenomenon, Scores};
use dropsonde_fields::events::{TropicalLowConfig, TropicalLows};
use dropsonde_fields::{Source, State, Time};
use dropsonde_forecaster::{Forcing, Forecaster};
use dropsonde_intervention::{
    Case, ControlConfig, EditConfig, Experiment, ExperimentConfig, MapConfig, Observer, Outcome,
    Quantity, StormConfig, When, Where,
};
use dropsonde_sae::{EditOp, Rescale};
use indicatif::ProgressBar;

use super::report::difference_file;
use crate::args::StepArgs;
use crate::session::{Session, chosen_feature, file_sha256};
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
    let session = Session::open(args)?;
    let scores_path = session.path("features/scores.json");
    let inputs = serde_json::json!({
        "intervene": session.experiment.intervene,
        "seed": session.experiment.seed,
        "scores": file_sha256(&scores_path).context("hint: run `dropsonde features` first")?,
        "sae": session.sae()?.sha256()?,
        "inputs": session.input_hashes()?,
    });
    let stamp = Stamp::new(session.run(), "intervene", &inputs)?;
    let path = session.path("intervention.json");
    if !stamp.is_current() || !path.is_file() {
        stamp.clear();
        let outcome = experiment(&session, &Scores::load(&scores_path)?)?;
        save_maps(&session, &outcome)?;
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

fn experiment(session: &Session, scores: &Scores) -> anyhow::Result<Outcome> {
    let section = &session.experiment.intervene;
    let phenomenon: Phenomenon = section.phenomenon.parse()?;
    let feature = chosen_feature(scores, phenomenon).with_context(|| {
        format!("no feature was scored for `{phenomenon}`\nhint: `features/scores.json` says why")
    })?;
    let source = session.source()?;
    let forecaster = session.forecaster(&source)?;
    let sae = session.sae()?;
    let start = find_storm(session, &source)?;
    let case = Case {
        name: start.name,
        previous: source.state(start.time.plus_hours(-6))?,
        current: source.state(start.time)?,
        forcing: Forcing::Prescribed(&source),
        storm: Some(start.position),
    };
    let config = config(session, &forecaster, feature);
    let experiment = Experiment::new(&forecaster, &sae, config)?;
    let mut observer = Bar(progress::bar("intervene", 1));
    let outcome = experiment.run(&case, &mut observer)?;
    observer.0.finish();
    Ok(outcome)
}

fn config(session: &Session, forecaster: &Forecaster, feature: u32) -> ExperimentConfig {
    let section = &session.experiment.intervene;
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
            site: session.experiment.capture.site.clone(),
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
        seed: session.experiment.seed,
    }
}

/// The deepest tropical low of `report` that is followed for at least 60 h after the start (or, in a short window, the
/// deepest of all); the forecast starts when it is first found.
fn find_storm(session: &Session, source: &Source) -> anyhow::Result<Start> {
    let latents = session.latents()?;
    let report = latents
        .records()
        .iter()
        .filter(|r| r.split.as_deref() == Some("report"));
    let times: Vec<Time> = report
        .map(|r| Time::from_unix_seconds(r.init_time))
        .collect();
    let lows = TropicalLows::new(source.grid(), TropicalLowConfig::default())?;
    let mut found: Vec<(bool, f32, Start)> = Vec::new();
    for window in times.chunk_by(|a, b| b.hours_since(*a) == 6) {
        let states = window.iter().map(|&t| source.state(t));
        for track in lows.tracks(states)? {
            let (Some(first), Some(deepest)) = (track.points.first(), track.deepest()) else {
                continue;
            };
            let name = format!(
                "low of {} at {:.0}N {:.0}E, deepest {:.0} hPa",
                first.time,
                first.lat,
                first.lon,
                deepest.pressure_pa / 100.0
            );
            let start = Start {
                time: first.time,
                position: (first.lat, first.lon),
                name,
            };
            found.push((track.hours() < 60, deepest.pressure_pa, start));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    match found.into_iter().next() {
        Some((_, _, start)) => Ok(start),
        None => bail!("no tropical low in the split `report`\nhint: capture more states"),
    }
}

fn save_maps(session: &Session, outcome: &Outcome) -> anyhow::Result<()> {
    let directory = session.path("intervention");
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
