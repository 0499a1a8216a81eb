//! Upside down, half around the Earth, levels the other way.

use super::{found, refused, report_with, statistics};
use crate::common::planet::{INIT, Planet, task};
use dropsonde_fields::check::{Check, Severity, check_inputs};
use dropsonde_fields::{Frame, Statistics, TaskInputs, Variable};

#[test]
fn levels_upside_down() {
    for variable in [Variable::GEOPOTENTIAL, Variable::TEMPERATURE] {
        let report = refused(Check::Levels, &[], |planet| {
            for frame in &mut planet.array(&variable).frames {
                frame.invert_axis(ndarray::Axis(0));
            }
        });
        assert_eq!(found(&report, Check::Levels, Severity::Refuse).len(), 2);
    }
    // Without statistics only geopotential can be judged.
    let mut planet = Planet::new();
    for frame in &mut planet.array(&Variable::GEOPOTENTIAL).frames {
        frame.invert_axis(ndarray::Axis(0));
    }
    let report = report_with(&planet, &Statistics::default(), INIT);
    assert_eq!(
        found(&report, Check::Levels, Severity::Refuse).len(),
        2,
        "{report}"
    );
}

#[test]
fn one_frame_upside_down_or_shifted() {
    for (time, frame) in [(0, Frame::Previous), (1, Frame::Current)] {
        for (flip, roll, check) in [
            (true, false, Check::Latitude),
            (false, true, Check::Longitude),
            (true, true, Check::Latitude),
        ] {
            let report = refused(check, &[], |planet| planet.turn(time, flip, roll));
            let findings = found(&report, check, Severity::Refuse);
            assert_eq!(findings.len(), 1, "{report}");
            assert_eq!(findings[0].frame, Some(frame), "{report}");
            assert!(findings[0].found.contains("turning one frame"), "{report}");
        }
    }
}

#[test]
fn both_frames_upside_down_over_an_upright_ground() {
    let report = refused(Check::Latitude, &[], |planet| {
        (0..3).for_each(|time| planet.turn(time, true, false));
    });
    assert_eq!(
        found(&report, Check::Latitude, Severity::Refuse).len(),
        2,
        "{report}"
    );
    refused(Check::Longitude, &[], |planet| {
        (0..3).for_each(|time| planet.turn(time, false, true));
    });
}

#[test]
fn a_whole_store_upside_down_is_known_by_its_land() {
    for (flip, roll, check) in [
        (true, false, Check::Latitude),
        (false, true, Check::Longitude),
    ] {
        let report = refused(check, &[], |planet| {
            (0..3).for_each(|time| planet.turn(time, flip, roll));
            planet.turn_statics(flip, roll);
        });
        let findings = found(&report, check, Severity::Refuse);
        assert_eq!(findings.len(), 1, "{report}");
        assert_eq!(findings[0].variable, Some(Variable::LAND_SEA_MASK));
    }
}

#[test]
fn surface_pressure_alone_tells_how_a_frame_lies() {
    let directory = tempfile::tempdir().unwrap();
    let mut task = task();
    for list in [&mut task.input_variables, &mut task.target_variables] {
        list.retain(|v| !["2m_temperature", "specific_humidity"].contains(&v.name()));
        list.push(Variable::SURFACE_PRESSURE);
    }
    let mut planet = Planet::new();
    planet.add(&Variable::SURFACE_PRESSURE);
    for time in [0, 1] {
        planet.turn(time, true, false);
    }
    let source = planet.open(&directory.path().join("planet.zarr"));
    let inputs = TaskInputs::new(task, source, None).unwrap();
    let report = check_inputs(&inputs, statistics(), INIT).unwrap();
    let findings = found(&report, Check::Latitude, Severity::Refuse);
    assert_eq!(findings.len(), 2, "{report}");
    assert!(
        findings[0].found.contains("surface pressure and orography"),
        "{report}"
    );
}
