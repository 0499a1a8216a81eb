//! What a forecast reads, from whichever place has it, and all that is missing at once.

use std::path::Path;

use crate::common::planet::{INIT, Planet, task};
use crate::common::{data, max_error, npz};
use dropsonde_fields::{
    Error, Frame, MissingInput, Provenance, Source, SourceOptions, Stacker, Statistics, Task,
    TaskInputs, Time, Variable,
};

const START: Time = Time(1_630_195_200); // 2021-08-29T00
const TISR: Variable = Variable::TOA_INCIDENT_SOLAR_RADIATION;

fn open(name: &str) -> Source {
    let options = SourceOptions {
        origin: Some(START),
        ..SourceOptions::default()
    };
    Source::open_with(data(name), options).unwrap()
}

fn missing(error: Error) -> Vec<MissingInput> {
    let Error::MissingInputs { missing } = error else {
        panic!("{error}")
    };
    missing
}

fn inputs(planet: &Planet, directory: &Path) -> TaskInputs {
    let source = planet.open(&directory.join("planet.zarr"));
    TaskInputs::new(task(), source, None).unwrap()
}

#[test]
fn frames_and_forcings_give_the_rows_of_the_reference() {
    let task = Task::graphcast_13();
    for dated in [true, false] {
        let inputs = TaskInputs::new(task.clone(), open("inputs.nc"), Some(open("forcings.nc")));
        let inputs = inputs.unwrap();
        let inputs = if dated {
            inputs
        } else {
            inputs.without_dates()
        };
        assert_eq!(inputs.default_init().unwrap(), START);
        inputs.check_steps(START, 4).unwrap();
        let (previous, current) = inputs.initial_states(START).unwrap();
        let forcings = inputs.forcings(START.plus_hours(6)).unwrap();
        let stacker = Stacker::new(&task, inputs.grid()).unwrap();
        let rows = stacker.inputs(&previous, &current, &forcings).unwrap();
        let statistics = Statistics::from_dir(data("stats")).unwrap();
        let normalizer = statistics.normalizer(&task).unwrap();
        let normalised = rows.rows().into_iter().flat_map(|row| {
            let pairs = row.to_vec().into_iter().zip(normalizer.inputs.clone());
            pairs
                .map(|(x, affine)| f64::from(affine.apply(x)))
                .collect::<Vec<_>>()
        });
        let expected = npz("normalised_inputs.npz", "grid_input_features");
        assert!(max_error(normalised, &expected) < 2e-6);
    }
}

#[test]
fn provenance_follows_the_order_of_the_sources() {
    let only_input = TaskInputs::new(Task::graphcast_13(), open("inputs.nc"), None).unwrap();
    assert_eq!(
        only_input.provenance(&Variable::TEMPERATURE),
        Provenance::Input
    );
    assert_eq!(only_input.provenance(&TISR), Provenance::Input);
    assert_eq!(
        only_input.provenance(&Variable::SEA_ICE_COVER),
        Provenance::Missing
    );

    let directory = tempfile::tempdir().unwrap();
    let mut planet = Planet::new();
    let mut extra = planet.clone();
    planet.arrays.remove("land_sea_mask");
    extra.arrays.retain(|name, _| name == "land_sea_mask");
    let input = planet.open(&directory.path().join("planet.zarr"));
    let forcings = extra.open(&directory.path().join("extra.zarr"));
    let inputs = TaskInputs::new(task(), input, Some(forcings)).unwrap();
    assert_eq!(
        inputs.provenance(&Variable::LAND_SEA_MASK),
        Provenance::Forcings
    );
    assert_eq!(inputs.provenance(&TISR), Provenance::Derived);
    let (previous, current) = inputs.initial_states(INIT).unwrap();
    assert_eq!(previous.time, INIT.plus_hours(-6));
    for state in [&previous, &current] {
        let names: Vec<_> = state.fields.keys().cloned().collect();
        let mut expected = task().input_variables;
        expected.sort();
        assert_eq!(names, expected);
    }
    let field = current.get(&Variable::TEMPERATURE).unwrap();
    assert_eq!(field.levels, task().pressure_levels);
    let undated = inputs.without_dates();
    assert_eq!(undated.provenance(&TISR), Provenance::Missing);
}

#[test]
fn target_forcings_come_from_the_forcings_then_the_input_then_the_date() {
    let directory = tempfile::tempdir().unwrap();
    let mut planet = Planet::new();
    planet.add_forcing(&TISR, 0);
    planet.map(&TISR, |_| 1.0);
    let mut extra = planet.clone();
    extra.arrays.retain(|name, _| name == TISR.name());
    extra.times.truncate(2);
    extra.array(&TISR).frames.truncate(2);
    extra.map(&TISR, |_| 2.0);
    let input = planet.open(&directory.path().join("planet.zarr"));
    let forcings = extra.open(&directory.path().join("extra.zarr"));
    let inputs = TaskInputs::new(task(), input, Some(forcings)).unwrap();
    let value = |time: Time| inputs.forcings(time).unwrap().get(&TISR).unwrap().data[[0, 18, 0]];
    assert_eq!(value(INIT), 2.0);
    assert_eq!(value(INIT.plus_hours(6)), 1.0);
    let derived = value(INIT.plus_hours(12));
    assert!(derived > 1e6, "{derived}");
    let (_, current) = inputs.initial_states(INIT).unwrap();
    assert_eq!(current.get(&TISR).unwrap().data[[0, 0, 0]], 1.0);
}

#[test]
fn prescribed_forcings_persist_beyond_the_sources() {
    let directory = tempfile::tempdir().unwrap();
    let sea = Variable::SEA_SURFACE_TEMPERATURE;
    let mut planet = Planet::new();
    planet.add(&sea);
    let mut task = task();
    task.input_variables.push(sea.clone());
    task.forcing_variables.push(sea.clone());
    let source = planet.open(&directory.path().join("planet.zarr"));
    let inputs = TaskInputs::new(task, source, None).unwrap();
    assert!(
        inputs
            .forcings(INIT.plus_hours(6))
            .unwrap()
            .get(&sea)
            .is_ok()
    );
    assert!(
        inputs
            .forcings(INIT.plus_hours(12))
            .unwrap()
            .get(&sea)
            .is_err()
    );
    inputs.check_steps(INIT, 100).unwrap();
}

#[test]
fn everything_missing_is_reported_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut planet = Planet::new();
    planet.arrays.remove("2m_temperature");
    planet.arrays.remove("geopotential_at_surface");
    planet.array(&Variable::TEMPERATURE).frames[0]
        .index_axis_mut(ndarray::Axis(0), 3)
        .fill(f32::NAN);
    planet.array(&Variable::MEAN_SEA_LEVEL_PRESSURE).frames[1][[0, 0, 0]] = f32::NAN;
    let source = planet.open(&directory.path().join("planet.zarr"));
    let mut wide = task();
    wide.pressure_levels.push(925);
    let inputs = TaskInputs::new(wide, source, None).unwrap();
    let error = inputs.initial_states(INIT).unwrap_err();
    let text = error.to_string();
    let missing = missing(error);
    // 6 atmospheric variables and 2m_temperature in two frames, one static, one gap.
    assert_eq!(missing.len(), 2 * 7 + 1 + 1, "{text}");
    let temperature = |m: &&MissingInput| m.variable == Variable::TEMPERATURE;
    let temperature: Vec<_> = missing.iter().filter(temperature).collect();
    assert_eq!(temperature[0].levels, [500, 925]);
    assert_eq!(temperature[1].levels, [925]);
    assert_eq!(
        (temperature[0].frame, temperature[1].frame),
        (Frame::Previous, Frame::Current)
    );
    for expected in [
        "16 of the inputs cannot be had",
        "2022-11-07T18 (-6 h)",
        "`geopotential_at_surface` at any time",
        "`v_component_of_wind`, `vertical_velocity` at 2022-11-08T00 (0 h) on [925] hPa: ",
        "1 of 2664 values are missing (NaN)",
        "hint: static fields may lie in the input or in the forcings file",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

#[test]
fn a_clock_without_dates_needs_a_forcings_file() {
    let inputs = TaskInputs::new(Task::graphcast_13(), open("inputs.nc"), None).unwrap();
    let inputs = inputs.without_dates();
    // The two frames hold their forcings; the target time has none.
    inputs.initial_states(START).unwrap();
    let time = START.plus_hours(6);
    let error = inputs.forcings(time).unwrap_err();
    let text = error.to_string();
    assert_eq!(missing(error).len(), 5);
    for expected in [
        "it cannot be derived, since the times have no date",
        "hint: give a forcings file that has these times, or the date of the first time",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(missing(inputs.check_steps(START, 3).unwrap_err()).len(), 15);

    let with = TaskInputs::new(
        Task::graphcast_13(),
        open("inputs.nc"),
        Some(open("forcings.nc")),
    );
    let with = with.unwrap().without_dates();
    with.check_steps(START, 4).unwrap();
    assert_eq!(missing(with.check_steps(START, 5).unwrap_err()).len(), 5);
}

#[test]
fn orography_in_metres_becomes_geopotential() {
    let directory = tempfile::tempdir().unwrap();
    let mut planet = Planet::new();
    let mut height = planet.arrays.remove("geopotential_at_surface").unwrap();
    let expected = height.frames[0].clone();
    height.frames[0].mapv_inplace(|x| x / 9.80665);
    height.units = Some("m".to_owned());
    planet.arrays.insert("orography".to_owned(), height.clone());
    let derived = inputs(&planet, directory.path());
    let variable = Variable::GEOPOTENTIAL_AT_SURFACE;
    assert_eq!(derived.provenance(&variable), Provenance::Derived);
    let (_, current) = derived.initial_states(INIT).unwrap();
    let error = (&current.get(&variable).unwrap().data - &expected)
        .fold(0.0_f32, |worst, x| worst.max(x.abs()));
    assert!(error < 0.02, "{error}");

    // A height in unknown units is not used.
    height.units = None;
    planet.arrays.insert("orography".to_owned(), height);
    let other = tempfile::tempdir().unwrap();
    assert_eq!(
        inputs(&planet, other.path()).provenance(&variable),
        Provenance::Missing
    );
}

#[test]
fn dates_before_1900_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let inputs = inputs(&Planet::new(), directory.path());
    let early: Time = "1899-12-31T18".parse().unwrap();
    // The start itself may be the first date, but the frame before it is too early.
    let error = inputs.initial_states(early.plus_hours(6)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::DateTooEarly { .. }), "{text}");
    assert!(
        text.contains("1899-12-31T18") && text.contains("1900-01-01T00 or later"),
        "{text}"
    );
    assert!(matches!(
        inputs.forcings(early),
        Err(Error::DateTooEarly { .. })
    ));
    assert!(inputs.forcings(early.plus_hours(6)).is_ok());
}

#[test]
fn other_grids_and_times_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let planet = Planet::new();
    let input = planet.open(&directory.path().join("planet.zarr"));
    let error = TaskInputs::new(task(), input, Some(open("forcings.nc"))).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("37 x 72 points") && text.contains("found 19 x 36 points"),
        "{text}"
    );

    let inputs = inputs(&planet, directory.path());
    let error = inputs.initial_states(INIT.plus_hours(3)).unwrap_err();
    assert!(matches!(error, Error::MissingTime { .. }), "{error}");
    // The first time has no predecessor: every variable that changes is listed.
    let listed = missing(inputs.initial_states(INIT.plus_hours(-6)).unwrap_err());
    assert_eq!(listed.len(), 11);
    assert!(listed.iter().all(|m| m.frame == Frame::Previous));
    assert!(listed[0].reason.contains("has no such time"));

    let mut single = Planet::new();
    single.times.truncate(1);
    for array in single.arrays.values_mut() {
        array.frames.truncate(1);
    }
    let other = tempfile::tempdir().unwrap();
    let source = single.open(&other.path().join("planet.zarr"));
    let error = TaskInputs::new(task(), source, None)
        .unwrap()
        .default_init()
        .unwrap_err();
    assert!(
        error.to_string().contains("found only 2022-11-07T18"),
        "{error}"
    );
}
