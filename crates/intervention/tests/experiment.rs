//! Whole experiments on a tiny forecaster with random weights.

#![allow(clippy::unwrap_used)]

#[path = "../examples/tiny/mod.rs"]
mod tiny;

use std::sync::LazyLock;

use dropsonde_capture::Recorder;
use dropsonde_fields::State;
use dropsonde_forecaster::{Forcing, Forecaster, Rollout, Site};
use dropsonde_intervention::{
    Case, ControlKind, EditConfig, Experiment, ExperimentConfig, Observer, Outcome, Result, Run,
    RunKind, StormConfig, When, Where,
};
use dropsonde_mesh::great_circle_km;
use dropsonde_sae::{EditOp, Rescale, Sae, SaeConfig, SaeMeta};

const SITE: Site = Site::Processor(1);
const LAST: Site = Site::Processor(2);

fn sae() -> Sae {
    Sae::random(SaeConfig::new(16, 64, 4), 2).unwrap()
}

fn case(forecaster: &Forecaster) -> Case<'static> {
    let (previous, current) = tiny::states(&forecaster.graph().grid);
    let storm = Some(tiny::STORM);
    Case {
        name: "test".into(),
        previous,
        current,
        forcing: Forcing::Persisted,
        storm,
    }
}

/// Codes of the unedited first step at a site.
fn first_codes(forecaster: &Forecaster, site: Site) -> dropsonde_sae::Codes {
    let Case {
        previous, current, ..
    } = case(forecaster);
    let mut recorder = Recorder::new([site]);
    let mut rollout = Rollout::new(forecaster, Forcing::Persisted, previous, current);
    rollout.step(&mut recorder).unwrap();
    sae()
        .encode(&recorder.take(site).unwrap().squeeze_dim(1))
        .unwrap()
        .0
}

/// The feature that is active on most nodes.
static FEATURE: LazyLock<u32> = LazyLock::new(|| {
    let codes = first_codes(&tiny::forecaster(1).unwrap(), SITE);
    let active = |f: &u32| codes.feature(*f).iter().filter(|&&x| x > 0.0).count();
    (0..64).max_by_key(active).unwrap()
});

fn config(strengths: &[f32], steps: usize) -> ExperimentConfig {
    let edit = EditConfig::new(*FEATURE, 1.0, SITE);
    let mut config = ExperimentConfig::new(edit, strengths.to_vec(), steps);
    config.storm = StormConfig {
        search_radius_km: 2500.0,
        core_radius_km: 1200.0,
        ring_km: [1500.0, 4000.0],
        wind_radius_km: 2000.0,
        ..StormConfig::default()
    };
    config.controls.count = 2;
    config
}

fn run(config: ExperimentConfig) -> Result<Outcome> {
    let forecaster = tiny::forecaster(1).unwrap();
    let sae = sae();
    Experiment::new(&forecaster, &sae, config)?.run(&case(&forecaster), &mut ())
}

fn edited<'a>(outcome: &'a Outcome, name: &str) -> &'a Run {
    let names: Vec<_> = outcome.runs.iter().map(|r| &r.name).collect();
    outcome
        .run(name)
        .unwrap_or_else(|| panic!("{name} is not in {names:?}"))
}

#[test]
fn strength_zero_is_identical_and_other_strengths_are_not() {
    let mut config = config(&[-1.0, 0.0, 1.0], 3);
    config.maps.lead_hours = vec![6, 18];
    config.maps.quantities = vec!["mean_sea_level_pressure".to_owned().into()];
    let outcome = run(config.clone()).unwrap();
    assert!(outcome.checks.identity_splice_identical);
    assert_eq!(outcome.checks.strength_zero_identical_leads, 3);
    // Three steps of the runs with strength 0, -1 and 1.
    assert_eq!(outcome.checks.injections_compared, 9);
    assert_eq!(outcome.checks.injection_max_difference, 0.0);
    let names: Vec<_> = outcome.runs.iter().map(|r| r.name.as_str()).collect();
    let expected = [
        "base",
        "edit_0",
        "edit_-1",
        "edit_1",
        "control_-1_0",
        "control_-1_1",
        "control_1_0",
        "control_1_1",
    ];
    assert_eq!(names, expected);
    for point in &edited(&outcome, "edit_0").points[1..] {
        assert_eq!(point.departure.unwrap().rms, 0.0);
        assert_eq!(point.edit.unwrap().rows_changed, 0);
    }
    for name in ["edit_-1", "edit_1", "control_1_0"] {
        for point in &edited(&outcome, name).points[1..] {
            assert!(point.departure.unwrap().rms > 1e-4, "{name}: {point:?}");
            assert!(
                point
                    .departure
                    .unwrap()
                    .local_share
                    .is_some_and(|s| (0.0..=1.0).contains(&s))
            );
        }
    }
    assert_eq!(outcome.differences.len(), 2 * 6);
    assert!(
        outcome
            .differences
            .iter()
            .all(|d| d.rms > 0.0 && d.change.dim() == (19, 36))
    );
    // The same again, and by way of JSON.
    assert_eq!(run(config).unwrap(), outcome);
    let text = serde_json::to_string(&outcome).unwrap();
    let mut read: Outcome = serde_json::from_str(&text).unwrap();
    for (read, kept) in read.differences.iter_mut().zip(&outcome.differences) {
        read.change = kept.change.clone();
    }
    assert_eq!(read, outcome);
}

#[test]
fn ablation_changes_only_the_cells_below_the_edited_nodes() {
    // After the last step nothing spreads any more: a mesh node reaches the grid cells of its own triangles only.
    let forecaster = tiny::forecaster(1).unwrap();
    let codes = first_codes(&forecaster, LAST);
    let mesh = forecaster.graph().mesh.lat_lon();
    let centre = |&[lat, lon]: &[f32; 2]| (f64::from(lat), f64::from(lon));
    let active = |f: &u32| codes.feature(*f).iter().filter(|&&x| x > 0.0).count();
    let feature = (0..64).max_by_key(active).unwrap();
    let node = (0..mesh.len())
        .find(|&m| codes.value(m, feature) > 0.0)
        .unwrap();
    let (lat, lon) = centre(&mesh[node]);

    let mut config = config(&[-1.0], 1);
    config.edit = EditConfig::new(feature, -1.0, LAST);
    config.edit.place = Where::Point {
        lat,
        lon,
        radius_km: 4500.0,
    };
    config.maps.lead_hours = vec![6];
    config.maps.quantities = vec!["temperature@500".to_owned().into()];
    let outcome = run(config).unwrap();

    let near = |m: &usize| great_circle_km((lat, lon), centre(&mesh[*m])) <= 4500.0;
    let changed: Vec<usize> = (0..mesh.len())
        .filter(near)
        .filter(|&m| codes.value(m, feature) > 0.0)
        .collect();
    let size = edited(&outcome, "edit_-1").points[1].edit.unwrap();
    assert_eq!(size.rows_changed, changed.len());
    assert!(changed.len() < mesh.len());
    let edges = &forecaster.graph().mesh2grid;
    let change = outcome
        .differences
        .iter()
        .find(|d| d.run == "edit_-1")
        .unwrap();
    let mut touched = vec![false; forecaster.graph().grid.n_nodes()];
    for (&sender, &receiver) in edges.senders.iter().zip(&edges.receivers) {
        touched[receiver as usize] |= changed.contains(&(sender as usize));
    }
    assert!(touched.iter().any(|t| *t) && touched.iter().any(|t| !t));
    for (node, difference) in change.change.iter().enumerate() {
        assert!(
            touched[node] || *difference == 0.0,
            "node {node} changed by {difference}"
        );
    }
    assert!(change.max_abs > 0.0);
}

#[test]
fn the_loop_is_closed_and_leads_are_respected() {
    let mut late = config(&[2.0], 2);
    late.edit.when = When {
        from_hours: 6,
        to_hours: None,
    };
    let (late, early) = (run(late).unwrap(), run(config(&[2.0], 2)).unwrap());
    let point = |outcome: &Outcome, step: usize| edited(outcome, "edit_2").points[step].clone();
    assert_eq!(point(&late, 1).edit, None);
    assert_eq!(point(&late, 1).departure.unwrap().rms, 0.0);
    assert!(point(&late, 2).departure.unwrap().rms > 0.0);
    // In the second step the early run edits codes of its own forecast, not those of the unedited one.
    let (own, unedited) = (
        point(&early, 2).edit.unwrap(),
        point(&late, 2).edit.unwrap(),
    );
    assert!(
        (own.delta_norm / unedited.delta_norm - 1.0).abs() > 1e-6,
        "{own:?} {unedited:?}"
    );
    let mut first_only = config(&[2.0], 2);
    first_only.edit.when = When {
        from_hours: 0,
        to_hours: Some(0),
    };
    let first_only = run(first_only).unwrap();
    assert_eq!(point(&first_only, 1), point(&early, 1));
    assert_eq!(point(&first_only, 2).edit, None);
    assert!(point(&first_only, 2).departure.unwrap().rms > 0.0);
}

#[test]
fn controls_push_as_far_at_the_same_nodes_in_other_directions() {
    for kind in [ControlKind::Features, ControlKind::Directions] {
        let mut config = config(&[-1.0, 3.0], 3);
        config.controls.kind = kind;
        config.edit.place = Where::Storm { radius_km: 4000.0 };
        let outcome = run(config).unwrap();
        let mut pairs = 0;
        for control in &outcome.runs {
            let RunKind::Control {
                strength, feature, ..
            } = control.run
            else {
                continue;
            };
            assert_eq!(feature.is_some(), kind == ControlKind::Features);
            assert_ne!(feature, Some(*FEATURE));
            let own = edited(&outcome, &format!("edit_{strength}"));
            for (a, b) in own.points.iter().zip(&control.points).skip(1) {
                let (size, copy) = (a.edit.unwrap(), b.edit.unwrap());
                assert_eq!(size.rows_changed, copy.rows_changed);
                assert!((size.delta_norm - copy.delta_norm).abs() <= 1e-6 * size.delta_norm);
                assert_ne!(a.departure.unwrap().rms, b.departure.unwrap().rms);
                pairs += 1;
            }
        }
        assert_eq!(pairs, 2 * 2 * 3);
        assert!(outcome.checks.control_norm_max_difference < 1e-6);
        let last = outcome.dose_response_at_base.last().unwrap();
        assert!(
            last.responses
                .iter()
                .all(|r| r.strength == 0.0 || r.controls.len() == 2)
        );
    }
}

#[test]
fn edits_around_the_storm_stay_there_and_lost_storms_are_not_edited() {
    let mut config = config(&[1.0], 2);
    config.edit.place = Where::Storm { radius_km: 3000.0 };
    let forecaster = tiny::forecaster(1).unwrap();
    let mesh = forecaster.graph().mesh.lat_lon();
    let outcome = run(config).unwrap();
    let points = &edited(&outcome, "edit_1").points;
    for step in [1, 2] {
        let storm = points[step - 1].storm.unwrap();
        let near = |&&[lat, lon]: &&[f32; 2]| {
            great_circle_km(storm.position(), (lat.into(), lon.into())) <= 3000.0
        };
        let size = points[step].edit.unwrap();
        assert!(
            size.rows_changed <= mesh.iter().filter(near).count(),
            "{size:?}"
        );
    }
    assert!((points[0].storm.unwrap().lat - tiny::STORM.0).abs() < 5.0);
}

#[test]
fn the_published_convention_is_smaller_by_the_norm_of_the_rows() {
    let sizes = [Rescale::Rescaled, Rescale::Published].map(|convention| {
        let mut config = config(&[1.0], 1);
        config.edit.convention = convention;
        edited(&run(config).unwrap(), "edit_1").points[1]
            .edit
            .unwrap()
    });
    assert_eq!(sizes[0].rows_changed, sizes[1].rows_changed);
    let ratio = sizes[0].delta_norm / sizes[1].delta_norm;
    // Rows of 16 channels that were normalised and added up a few times have a norm of a few units.
    assert!((2.0..50.0).contains(&ratio), "{ratio}");
}

#[test]
fn set_and_add_reach_nodes_where_the_feature_is_silent() {
    for op in [EditOp::Set { value: 0.5 }, EditOp::Add { value: 0.5 }] {
        let mut config = config(&[], 1);
        config.edit.op = op;
        let outcome = run(config).unwrap();
        let point = &edited(&outcome, "edit_0.5").points[1];
        assert_eq!(point.edit.unwrap().rows_changed, 42, "{op:?}");
        assert_eq!(outcome.checks.strength_zero_identical_leads, 1);
    }
}

#[derive(Default)]
struct Seen {
    states: usize,
    progress: Vec<(usize, usize)>,
}

impl Observer for Seen {
    fn state(&mut self, _run: RunKind, lead_hours: i64, state: &State) {
        assert!(lead_hours >= 0 && !state.fields.is_empty());
        self.states += 1;
    }

    fn progress(&mut self, done: usize, total: usize) {
        self.progress.push((done, total));
    }
}

#[test]
fn an_observer_sees_every_state_and_all_progress() {
    let (forecaster, sae) = (tiny::forecaster(1).unwrap(), sae());
    let experiment = Experiment::new(&forecaster, &sae, config(&[1.0], 2)).unwrap();
    let mut seen = Seen::default();
    let mut without_storm = case(&forecaster);
    without_storm.storm = None;
    let outcome = experiment.run(&without_storm, &mut seen).unwrap();
    // Unedited, strength 0, strength 1, two controls; leads 0, 6, 12.
    assert_eq!(seen.states, 5 * 3);
    assert_eq!(seen.progress.len(), 10);
    assert_eq!(seen.progress.last(), Some(&(10, 10)));
    assert!(outcome.dose_response.is_empty());
    assert!(
        outcome
            .runs
            .iter()
            .flat_map(|r| &r.points)
            .all(|p| p.storm.is_none())
    );
}

#[test]
fn what_cannot_work_is_refused_before_the_first_step() {
    let forecaster = tiny::forecaster(1).unwrap();
    let (narrow, mut elsewhere) = (Sae::random(SaeConfig::new(8, 64, 4), 2).unwrap(), sae());
    elsewhere.meta = SaeMeta {
        site: "processor/00".into(),
        ..SaeMeta::default()
    };
    let refused = |sae: &Sae| match Experiment::new(&forecaster, sae, config(&[1.0], 1)) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    };
    assert!(refused(&narrow).contains("`sae.d_in` is 8, expected 16"));
    let error = refused(&elsewhere);
    assert!(
        error.contains("`edit.site` is processor/01, expected processor/00"),
        "{error}"
    );

    let mut storm = config(&[1.0], 1);
    storm.edit.place = Where::Storm { radius_km: 1000.0 };
    let own = sae();
    let experiment = Experiment::new(&forecaster, &own, storm).unwrap();
    let mut case = case(&forecaster);
    case.storm = None;
    let error = experiment.run(&case, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("`edit.where` is storm") && error.contains("hint: "),
        "{error}"
    );
    case.storm = Some((-40.0, 40.0));
    let error = experiment.run(&case, &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("within 2500 km of -40.0 N 40.0 E"),
        "{error}"
    );
}

#[test]
fn an_edit_that_blows_the_forecast_up_is_an_error() {
    let error = run(config(&[f32::MAX], 2)).unwrap_err().to_string();
    assert!(error.contains("not finite"), "{error}");
}
