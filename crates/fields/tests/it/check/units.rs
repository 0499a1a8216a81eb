//! Units: by the attribute, and by the size of the numbers.

use super::{found, refused, report};
use crate::common::planet::Planet;
use dropsonde_fields::Variable;
use dropsonde_fields::check::{Check, Severity};

#[test]
fn units_are_refused_by_their_attribute() {
    for (variable, units, hint) in [
        (Variable::TEMPERATURE_2M, "degC", "add 273.15"),
        (Variable::MEAN_SEA_LEVEL_PRESSURE, "hPa", "multiply by 100"),
        (Variable::TOTAL_PRECIPITATION_6HR, "mm", "multiply by 0.001"),
        (Variable::GEOPOTENTIAL, "gpm", "multiply by 9.80665"),
        (Variable::U_WIND, "knots", "multiply by 0.514444"),
    ] {
        let spoil = |factor: f32, offset: f32| {
            move |planet: &mut Planet| {
                planet.array(&variable).units = Some(units.to_owned());
                planet.map(&variable, |x| factor * x + offset);
            }
        };
        let (factor, offset) = match units {
            "degC" => (1.0, -273.15),
            "hPa" => (0.01, 0.0),
            "mm" => (1000.0, 0.0),
            "gpm" => (1.0 / 9.80665, 0.0),
            _ => (5.0, 0.0),
        };
        let report = refused(Check::Units, &[], spoil(factor, offset));
        let finding = found(&report, Check::Units, Severity::Refuse)[0];
        assert!(finding.hint.contains(hint), "{finding:?}");
        assert_eq!(finding.found, format!("units `{units}`"));
    }
}

#[test]
fn an_attribute_that_the_numbers_contradict_is_a_warning() {
    let mut planet = Planet::new();
    planet.array(&Variable::MEAN_SEA_LEVEL_PRESSURE).units = Some("hPa".to_owned());
    planet.array(&Variable::TEMPERATURE).units = Some("furlong".to_owned());
    let report = report(&planet);
    assert!(!report.is_refused(), "{report}");
    let warnings = found(&report, Check::Units, Severity::Warn);
    assert_eq!(warnings.len(), 2, "{report}");
    assert!(warnings[0].hint.contains("the attribute is probably wrong"));
    let notes = found(&report, Check::Units, Severity::Note);
    assert_eq!(notes.len(), 4, "{report}");
}

#[test]
fn units_are_refused_by_magnitude() {
    type Change = fn(f32) -> f32;
    let cases: [(Variable, Change, &str); 7] = [
        (Variable::TEMPERATURE_2M, |x| x - 273.15, "degC"),
        (Variable::TEMPERATURE, |x| x - 273.15, "degC"),
        (Variable::MEAN_SEA_LEVEL_PRESSURE, |x| x / 100.0, "hPa"),
        (Variable::TOTAL_PRECIPITATION_6HR, |x| x * 1000.0, "mm"),
        (Variable::GEOPOTENTIAL, |x| x / 9.80665, "as in m"),
        (
            Variable::GEOPOTENTIAL_AT_SURFACE,
            |x| x / 9.80665,
            "as in m",
        ),
        (Variable::SPECIFIC_HUMIDITY, |x| x * 1000.0, "g kg-1"),
    ];
    for (variable, change, unit) in cases {
        let report = refused(Check::Units, &[], |planet| {
            planet.array(&variable).units = None;
            planet.map(&variable, change);
        });
        let finding = found(&report, Check::Units, Severity::Refuse)[0];
        assert!(finding.found.contains(unit), "{finding:?}");
        assert_eq!(finding.variable, Some(variable));
    }
}

#[test]
fn winds_in_knots_are_a_warning_and_impossible_numbers_a_refusal() {
    let mut planet = Planet::new();
    planet.array(&Variable::V_WIND).units = None;
    planet.map(&Variable::V_WIND, |x| x * 1.94384);
    let knots = report(&planet);
    assert!(!knots.is_refused(), "{knots}");
    assert!(
        found(&knots, Check::Units, Severity::Warn)[0]
            .found
            .contains("knots")
    );

    refused(Check::Magnitude, &[], |planet| {
        planet.map(&Variable::MEAN_SEA_LEVEL_PRESSURE, |x| x + 60_000.0);
    });
}

#[test]
fn precipitation_of_another_window() {
    let rain = Variable::TOTAL_PRECIPITATION_6HR;
    for (factor, window) in [(1.0 / 6.0, "1 hour"), (4.0, "24 hours")] {
        let report = refused(Check::Accumulation, &[], |planet| {
            planet.map(&rain, |x| x * factor);
        });
        let finding = found(&report, Check::Accumulation, Severity::Refuse)[0];
        assert!(finding.found.contains(window), "{finding:?}");
    }
    for (factor, window) in [
        (0.5, "3 hours"),
        (2.0, "12 hours"),
        (0.0, "zero everywhere"),
    ] {
        let mut planet = Planet::new();
        planet.map(&rain, |x| x * factor);
        let report = report(&planet);
        assert!(!report.is_refused(), "{report}");
        let finding = found(&report, Check::Accumulation, Severity::Warn)[0];
        assert!(finding.found.contains(window), "{finding:?}");
    }
}
