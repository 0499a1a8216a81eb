//! Gaps, times, and statistics that lack something.

use super::{found, report, report_with, statistics};
use crate::common::planet::{INIT, Planet, task};
use dropsonde_fields::check::{Check, Severity, check_inputs};
use dropsonde_fields::{Frame, Source, SourceOptions, TaskInputs, Variable};

#[test]
fn gaps_are_listed_for_every_frame_and_level() {
    let mut planet = Planet::new();
    planet.array(&Variable::TEMPERATURE).frames[0]
        .index_axis_mut(ndarray::Axis(0), 3)
        .fill(f32::NAN);
    planet.array(&Variable::TEMPERATURE_2M).frames[1][[0, 3, 4]] = f32::NAN;
    planet.array(&Variable::MEAN_SEA_LEVEL_PRESSURE).frames[0].fill(f32::NAN);
    // A level that the task does not read may have gaps.
    planet.array(&Variable::U_WIND).frames[1]
        .index_axis_mut(ndarray::Axis(0), 4)
        .fill(f32::NAN);
    planet.arrays.remove("v_component_of_wind");
    let report = report(&planet);
    let gaps = found(&report, Check::Gaps, Severity::Refuse);
    let summary: Vec<_> = gaps
        .iter()
        .map(|f| (f.variable.as_ref().unwrap().name(), f.frame.unwrap()))
        .collect();
    let expected = [
        ("2m_temperature", Frame::Current),
        ("mean_sea_level_pressure", Frame::Previous),
        ("temperature", Frame::Previous),
    ];
    assert_eq!(summary, expected, "{report}");
    assert!(gaps[0].found.contains("1 of 2664 values"), "{report}");
    assert!(gaps[2].found.contains("[500] hPa"), "{report}");
    assert_eq!(
        found(&report, Check::Missing, Severity::Refuse).len(),
        2,
        "{report}"
    );
    let row = &report.frames[1].variables;
    let row = row
        .iter()
        .find(|r| r.variable == Variable::TEMPERATURE)
        .unwrap();
    assert_eq!(row.missing_levels, [500]);
    assert!(report.to_table().contains(" 5 of 6 "), "{report}");
}

#[test]
fn gaps_with_a_rule_are_a_note() {
    let mut planet = Planet::new();
    planet.add(&Variable::SEA_SURFACE_TEMPERATURE);
    for frame in &mut planet.array(&Variable::SEA_SURFACE_TEMPERATURE).frames {
        frame[[0, 20, 20]] = f32::NAN;
    }
    let mut task = task();
    task.input_variables.push(Variable::SEA_SURFACE_TEMPERATURE);
    task.forcing_variables
        .push(Variable::SEA_SURFACE_TEMPERATURE);
    let directory = tempfile::tempdir().unwrap();
    let source = planet.open(&directory.path().join("planet.zarr"));
    let inputs = TaskInputs::new(task, source, None).unwrap();
    let report = check_inputs(&inputs, statistics(), INIT).unwrap();
    assert!(!report.is_refused(), "{report}");
    let notes = found(&report, Check::Gaps, Severity::Note);
    assert_eq!(notes.len(), 3, "{report}");
    assert_eq!(notes[0].found, "1 gaps, filled");
}

#[test]
fn spacing_of_the_times() {
    let mut planet = Planet::new();
    planet.times[0] = INIT.plus_hours(-12);
    let twelve = report(&planet);
    let finding = found(&twelve, Check::TimeStep, Severity::Refuse)[0];
    assert!(finding.found.contains("12 hours earlier"), "{finding:?}");

    let first = report_with(&Planet::new(), statistics(), INIT.plus_hours(-6));
    let finding = found(&first, Check::TimeStep, Severity::Refuse)[0];
    assert_eq!(finding.found, "no earlier time");

    // Finer steps are no matter: the source offers those of 6 hours, and says so if all are asked for.
    planet.times = vec![INIT.plus_hours(-6), INIT.plus_hours(-3), INIT];
    let three = report_with(&planet, statistics(), INIT);
    assert!(!three.is_refused(), "{three}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("planet.zarr");
    planet.write(&path);
    let every = SourceOptions {
        step_hours: None,
        ..SourceOptions::default()
    };
    let source = Source::open_with(&path, every).unwrap();
    let inputs = TaskInputs::new(task(), source, None).unwrap();
    let three = check_inputs(&inputs, statistics(), INIT).unwrap();
    let finding = found(&three, Check::TimeStep, Severity::Note)[0];
    assert!(finding.found.contains("3 hours apart"), "{finding:?}");
}

#[test]
fn frames_that_do_not_change_and_fields_that_do_not_vary() {
    let mut planet = Planet::new();
    for array in planet.arrays.values_mut().filter(|array| !array.is_static) {
        array.frames[0] = array.frames[1].clone();
    }
    planet.map(&Variable::LAND_SEA_MASK, |_| 0.0);
    let report = report(&planet);
    assert!(!report.is_refused(), "{report}");
    assert_eq!(
        found(&report, Check::Constant, Severity::Warn).len(),
        12,
        "{report}"
    );
}

#[test]
fn statistics_that_lack_something() {
    let mut statistics = statistics().clone();
    statistics.variables.remove(&Variable::LAND_SEA_MASK);
    let raw = report_with(&Planet::new(), &statistics, INIT);
    assert!(!raw.is_refused(), "{raw}");
    let finding = found(&raw, Check::Statistics, Severity::Warn)[0];
    assert!(
        finding.found.contains("land_sea_mask (mean)"),
        "{finding:?}"
    );

    let entry = statistics
        .variables
        .get_mut(&Variable::TEMPERATURE)
        .unwrap();
    let table = entry.mean.as_mut().unwrap();
    table.levels.remove(0);
    table.values.remove(0);
    let level = report_with(&Planet::new(), &statistics, INIT);
    let finding = found(&level, Check::Statistics, Severity::Refuse)[0];
    assert!(
        finding.found.contains("temperature@100 (mean)"),
        "{finding:?}"
    );
}
