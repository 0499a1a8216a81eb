//! The check of inputs: an Earth made of formulas is accepted, and refused once it is spoilt.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::OnceLock;

use common::planet::{INIT, LEVELS, Planet, task, turn};
use dropsonde_fields::check::{Check, Finding, InputReport, Severity, check_inputs};
use dropsonde_fields::{
    Frame, Source, SourceOptions, Statistics, Task, TaskInputs, Time, Variable, compute_statistics,
};

const TISR: Variable = Variable::TOA_INCIDENT_SOLAR_RADIATION;

/// Statistics of the planet as it should be.
fn statistics() -> &'static Statistics {
    static STATISTICS: OnceLock<Statistics> = OnceLock::new();
    STATISTICS.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let source = Planet::new().open(&directory.path().join("planet.zarr"));
        let times = source.times().to_vec();
        compute_statistics(&source, &task(), &times, |_| ()).unwrap()
    })
}

fn report_with(planet: &Planet, statistics: &Statistics, init: Time) -> InputReport {
    let directory = tempfile::tempdir().unwrap();
    let source = planet.open(&directory.path().join("planet.zarr"));
    let inputs = TaskInputs::new(task(), source, None).unwrap();
    check_inputs(&inputs, statistics, init).unwrap()
}

fn report(planet: &Planet) -> InputReport {
    report_with(planet, statistics(), INIT)
}

/// What is said of one check, of this severity or more.
fn found(report: &InputReport, check: Check, severity: Severity) -> Vec<&Finding> {
    let matches = |f: &&Finding| f.check == check && f.severity >= severity;
    report.findings.iter().filter(matches).collect()
}

/// Spoils the planet and expects a refusal by this check, and by no other but those listed.
fn refused(check: Check, others: &[Check], spoil: impl Fn(&mut Planet)) -> InputReport {
    let mut planet = Planet::new();
    spoil(&mut planet);
    let report = report(&planet);
    assert!(
        !found(&report, check, Severity::Refuse).is_empty(),
        "{report}"
    );
    for finding in &report.findings {
        let known = finding.check == check || others.contains(&finding.check);
        assert!(known || finding.severity < Severity::Refuse, "{finding:?}");
    }
    report
}

#[test]
fn a_sound_planet_is_accepted_without_a_word() {
    let report = report(&Planet::new());
    assert_eq!(report.findings, [], "{report}");
    assert!(!report.is_refused());
    let frames: Vec<Frame> = report.frames.iter().map(|f| f.frame).collect();
    let expected = [
        Frame::Static,
        Frame::Previous,
        Frame::Current,
        Frame::Target,
    ];
    assert_eq!(frames, expected);
    assert_eq!(report.frames[0].variables.len(), 2);
    assert_eq!(report.frames[1].variables.len(), 16);
    assert_eq!(report.frames[3].variables.len(), 5);
}

#[test]
fn numbers_of_the_table() {
    let mut planet = Planet::new();
    planet.array(&Variable::TEMPERATURE_2M).frames[1].fill(300.0);
    planet.array(&Variable::TEMPERATURE_2M).frames[1][[0, 18, 0]] = 310.0;
    let report = report(&planet);
    let row = report.frames[2]
        .variables
        .iter()
        .find(|row| row.variable == Variable::TEMPERATURE_2M)
        .unwrap();
    assert_eq!((row.min, row.max), (Some(300.0), Some(310.0)));
    let weight = planet.grid.node_weights()[18 * 72];
    assert!((row.mean.unwrap() - 300.0 - 10.0 * weight).abs() < 1e-4);
    let entry = &statistics().variables[&Variable::TEMPERATURE_2M];
    let number =
        |table: &Option<dropsonde_fields::LevelTable>| table.as_ref().unwrap().get(None).unwrap();
    let z = (row.mean.unwrap() - number(&entry.mean)) / number(&entry.stddev);
    assert!((row.mean_z.unwrap() - z).abs() < 1e-9);
    assert_eq!(row.max_abs_z, Some(z.abs()));
    assert_eq!(row.latitude.as_deref(), Some("S to N"));
}

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

/// Numbers in 0 to 1 from a counter (splitmix64).
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Random fields, white or of a few waves, whose means and deviations are near those of the statistics.
#[test]
fn random_fields_are_not_refused() {
    for seed in 0..8 {
        let mut random = noise(seed);
        let mut planet = Planet::new();
        let smooth = seed % 2 == 0;
        for (name, array) in &mut planet.arrays {
            let entry = &statistics().variables[&Variable::new(name)];
            for frame in &mut array.frames {
                for (k, mut plane) in frame.outer_iter_mut().enumerate() {
                    let level = array.on_levels.then(|| LEVELS[k]);
                    let get = |table: &Option<dropsonde_fields::LevelTable>| {
                        table.as_ref().unwrap().get(level)
                    };
                    let (Some(mean), Some(stddev)) = (get(&entry.mean), get(&entry.stddev)) else {
                        continue;
                    };
                    let mean = mean + 2.0 * (random() - 0.5) * stddev;
                    let stddev = stddev * (0.4 + 0.8 * random());
                    let waves: Vec<[f64; 4]> = (0..6)
                        .map(|_| [random() * 4.0, random() * 5.0, random() * 6.3, random()])
                        .collect();
                    let shape = plane.dim();
                    for ((i, j), x) in plane.indexed_iter_mut() {
                        let (y, x_rad) = (
                            std::f64::consts::PI * i as f64 / shape.0 as f64,
                            std::f64::consts::TAU * j as f64 / shape.1 as f64,
                        );
                        let wave =
                            |w: &[f64; 4]| w[3] * (w[0] * y + w[1].round() * x_rad + w[2]).sin();
                        let value = match smooth {
                            true => waves.iter().map(wave).sum::<f64>(),
                            false => 3.4 * (random() - 0.5),
                        };
                        *x = (mean + stddev * value) as f32;
                    }
                }
            }
        }
        let report = report(&planet);
        assert!(!report.is_refused(), "seed {seed}: {report}");
    }
}

/// The reference's own random inputs, whose times count from an unknown start.
#[test]
fn the_fields_of_the_reference_are_accepted() {
    let start: Time = "2021-08-29T00".parse().unwrap();
    let open = |name| {
        let options = SourceOptions {
            origin: Some(start),
            ..SourceOptions::default()
        };
        Source::open_with(common::data(name), options).unwrap()
    };
    let statistics = Statistics::from_dir(common::data("stats")).unwrap();
    for dated in [true, false] {
        let task = Task::graphcast_13();
        let inputs = TaskInputs::new(task, open("inputs.nc"), Some(open("forcings.nc"))).unwrap();
        let inputs = if dated {
            inputs
        } else {
            inputs.without_dates()
        };
        let report = check_inputs(&inputs, &statistics, start).unwrap();
        assert_eq!(report.findings, [], "{report}");
        assert_eq!(report.init, dated.then_some(start));
    }
}

#[test]
fn the_report_is_json_and_a_table() {
    let mut planet = Planet::new();
    planet.map(&Variable::TEMPERATURE_2M, |x| x - 273.15);
    let report = report(&planet);
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["init"], "2022-11-08T00");
    assert_eq!(value["frames"][2]["frame"], "current");
    assert_eq!(value["findings"][0]["severity"], "refuse");
    assert_eq!(value["findings"][0]["check"], "units");
    assert_eq!(value["findings"][0]["variable"], "2m_temperature");
    let table = report.to_table();
    assert_eq!(table, report.to_string());
    for expected in [
        "2022-11-07T18 (-6 h)",
        "2022-11-08T06 (+6 h)",
        "any time",
        "refused `2m_temperature` (0 h): expected K, mean",
        "hint: ",
        "refused: 2 reasons to refuse, 0 warnings, 0 notes",
    ] {
        assert!(table.contains(expected), "{expected} in\n{table}");
    }
    let rows: Vec<&str> = table
        .lines()
        .skip_while(|line| !line.starts_with("2022-11-08T00"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    let column = rows[0].find("from").unwrap();
    assert!(
        rows[1..].iter().all(|row| row[column..].starts_with("input ")
            || row[column..].starts_with("derived ")),
        "{table}"
    );
}
