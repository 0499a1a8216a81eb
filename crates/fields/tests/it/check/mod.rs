//! The check of inputs: an Earth made of formulas is accepted, and refused once it is spoilt.

mod complete;
mod orientation;
mod sun;
mod units;

use std::sync::OnceLock;

use crate::common::planet::{INIT, LEVELS, Planet, task};
use dropsonde_fields::check::{Check, Finding, InputReport, Severity, check_inputs};
use dropsonde_fields::{
    Frame, Source, SourceOptions, Statistics, Task, TaskInputs, Time, Variable, compute_statistics,
};

/// Statistics of the planet as it should be.
pub(crate) fn statistics() -> &'static Statistics {
    static STATISTICS: OnceLock<Statistics> = OnceLock::new();
    STATISTICS.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let source = Planet::new().open(&directory.path().join("planet.zarr"));
        let times = source.times().to_vec();
        compute_statistics(&source, &task(), &times, |_| ()).unwrap()
    })
}

pub(crate) fn report_with(planet: &Planet, statistics: &Statistics, init: Time) -> InputReport {
    let directory = tempfile::tempdir().unwrap();
    let source = planet.open(&directory.path().join("planet.zarr"));
    let inputs = TaskInputs::new(task(), source, None).unwrap();
    check_inputs(&inputs, statistics, init).unwrap()
}

pub(crate) fn report(planet: &Planet) -> InputReport {
    report_with(planet, statistics(), INIT)
}

/// What is said of one check, of this severity or more.
pub(crate) fn found(report: &InputReport, check: Check, severity: Severity) -> Vec<&Finding> {
    let matches = |f: &&Finding| f.check == check && f.severity >= severity;
    report.findings.iter().filter(matches).collect()
}

/// Spoils the planet and expects a refusal by this check, and by no other but those listed.
pub(crate) fn refused(check: Check, others: &[Check], spoil: impl Fn(&mut Planet)) -> InputReport {
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
        Source::open_with(crate::common::data(name), options).unwrap()
    };
    let statistics = Statistics::from_dir(crate::common::data("stats")).unwrap();
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
