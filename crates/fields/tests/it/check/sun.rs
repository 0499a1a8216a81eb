//! Radiation and progress of day and year belong to a place, a time and a window.

use super::{found, refused, report};
use crate::common::planet::{Planet, turn};
use dropsonde_fields::Variable;
use dropsonde_fields::check::{Check, Severity};

const TISR: Variable = Variable::TOA_INCIDENT_SOLAR_RADIATION;

#[test]
fn radiation_as_it_should_be() {
    let mut planet = Planet::new();
    planet.add_forcing(&TISR, 0);
    let report = report(&planet);
    assert_eq!(report.findings, [], "{report}");
}

#[test]
fn radiation_of_another_window_or_unit() {
    for (hours, factor, expected) in [
        (1, 1.0 / 3600.0, "the mean over one hour in W m-2"),
        (1, 6.0, "6.0000 times the energy of one hour"),
        (3, 1.0, "the energy of 3 hours"),
        (6, 1.0, "the energy of 6 hours"),
        (24, 1.0, "the energy of 24 hours"),
        (24, 1.0 / 86_400.0, "the mean over 24 hours in W m-2"),
    ] {
        let report = refused(Check::Radiation, &[], |planet| {
            planet.add_forcing(&TISR, 0);
            for hour in 1..hours {
                let mut earlier = planet.clone();
                earlier.add_forcing(&TISR, -hour);
                let earlier = earlier.array(&TISR).frames.clone();
                for (sum, one) in planet.array(&TISR).frames.iter_mut().zip(earlier) {
                    *sum += &one;
                }
            }
            planet.map(&TISR, |x| x * factor);
        });
        let finding = found(&report, Check::Radiation, Severity::Refuse)[0];
        assert_eq!(finding.found, expected);
    }
}

#[test]
fn radiation_of_another_place() {
    let report = refused(Check::Radiation, &[], |planet| planet.add_forcing(&TISR, 3));
    let finding = found(&report, Check::Radiation, Severity::Refuse)[0];
    assert!(
        finding
            .found
            .contains("local noon 45.0 degrees too far west"),
        "{finding:?}"
    );

    refused(Check::Radiation, &[], |planet| {
        planet.add_forcing(&TISR, 0);
        for frame in &mut planet.array(&TISR).frames {
            turn(frame, false, true);
        }
    });
    let report = refused(Check::Radiation, &[], |planet| {
        planet.add_forcing(&TISR, 0);
        for frame in &mut planet.array(&TISR).frames {
            turn(frame, true, false);
        }
    });
    let finding = found(&report, Check::Radiation, Severity::Refuse)[0];
    assert!(finding.found.contains("north and south"), "{finding:?}");
}

#[test]
fn radiation_that_resembles_nothing_is_a_warning() {
    let mut planet = Planet::new();
    planet.add_forcing(&TISR, 0);
    for frame in &mut planet.array(&TISR).frames {
        for (n, x) in frame.iter_mut().enumerate() {
            *x = ((n * 7919) % 1000) as f32 * 2000.0;
        }
    }
    let report = report(&planet);
    assert!(!report.is_refused(), "{report}");
    assert_eq!(found(&report, Check::Radiation, Severity::Warn).len(), 3);
}

#[test]
fn progress_of_another_time() {
    for variable in [Variable::DAY_PROGRESS_SIN, Variable::YEAR_PROGRESS_COS] {
        let mut planet = Planet::new();
        planet.add_forcing(&variable, 0);
        assert_eq!(report(&planet).findings, []);
        refused(Check::Progress, &[], |planet| {
            planet.add_forcing(&variable, 24 * 100 + 6);
        });
    }
}
