//! Reading, stacking and normalising against the reference implementation.

use crate::common::data;
use dropsonde_fields::{
    Error, Frame, MissingStats, Source, SourceOptions, Stacker, State, Statistics, Task, Time,
    Variable,
};
use ndarray::Array2;

const START: Time = Time(1_630_195_200); // 2021-08-29T00

fn open(name: &str) -> Source {
    let options = SourceOptions {
        origin: Some(START),
        ..SourceOptions::default()
    };
    Source::open_with(data(name), options).unwrap()
}

fn frames() -> (Source, [State; 3]) {
    let (inputs, forcings) = (open("inputs.nc"), open("forcings.nc"));
    let states = [
        inputs.state(START.plus_hours(-6)).unwrap(),
        inputs.state(START).unwrap(),
        forcings.state(START.plus_hours(6)).unwrap(),
    ];
    (inputs, states)
}

#[test]
fn rows_are_those_of_the_reference() {
    let (source, [previous, current, forcings]) = frames();
    let task = Task::graphcast_13();
    let rows = Stacker::new(&task, source.grid()).unwrap();
    let rows = rows.inputs(&previous, &current, &forcings).unwrap();
    let normalizer = Statistics::from_dir(data("stats"))
        .unwrap()
        .normalizer(&task)
        .unwrap();
    let normalised = rows
        .rows()
        .into_iter()
        .flat_map(|row| {
            let pairs = row.to_vec().into_iter().zip(normalizer.inputs.clone());
            pairs.map(|(x, affine)| f64::from(affine.apply(x)))
        })
        .collect::<Vec<_>>();
    let expected = crate::common::npz("normalised_inputs.npz", "grid_input_features");
    let error = crate::common::max_error(normalised, &expected);
    assert!(error < 2e-6, "{error}");
}

#[test]
fn missing_forcings_are_derived() {
    let (source, [mut previous, mut current, forcings]) = frames();
    let task = Task::graphcast_13();
    let stacker = Stacker::new(&task, source.grid()).unwrap();
    let given = stacker.inputs(&previous, &current, &forcings).unwrap();
    for state in [&mut previous, &mut current] {
        state
            .fields
            .retain(|variable, _| !variable.is_derived_forcing());
    }
    let empty = State::new(forcings.time);
    let derived = stacker.inputs(&previous, &current, &empty).unwrap();
    for (index, channel) in stacker.input_channels().iter().enumerate() {
        // The reference's radiation has f32 time steps: up to 1e4 J m-2 from f64.
        let tolerance = match channel.variable.name() {
            "toa_incident_solar_radiation" => 1e4,
            _ if channel.variable.is_derived_forcing() => 5e-7,
            _ => 0.0,
        };
        let error = (&given.column(index) - &derived.column(index))
            .fold(0.0_f32, |worst, x| worst.max(x.abs()));
        assert!(error <= tolerance, "{channel}: {error}");
    }
}

#[test]
fn states_go_to_rows_and_back() {
    let (source, [_, current, _]) = frames();
    let stacker = Stacker::new(&Task::graphcast_13(), source.grid()).unwrap();
    let rows = stacker.targets(&current).unwrap();
    assert_eq!(rows.dim(), (684, 83));
    let next = stacker
        .state(START.plus_hours(6), rows.view(), &current)
        .unwrap();
    assert_eq!(stacker.targets(&next).unwrap(), rows);
    assert_eq!(
        next.get(&Variable::LAND_SEA_MASK).unwrap(),
        current.get(&Variable::LAND_SEA_MASK).unwrap()
    );
    assert_eq!(
        next.get(&Variable::TEMPERATURE).unwrap(),
        current.get(&Variable::TEMPERATURE).unwrap()
    );
    assert!(next.get(&Variable::DAY_PROGRESS_SIN).is_err());
    let error = stacker
        .state(START, Array2::zeros((684, 82)).view(), &current)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected shape [684, 83], found [684, 82]"),
        "{error}"
    );
}

#[test]
fn prescribed_forcings_persist() {
    let (source, [mut previous, mut current, _]) = frames();
    let sea = Variable::SEA_SURFACE_TEMPERATURE;
    let mut task = Task::graphcast_13();
    task.input_variables.push(sea.clone());
    task.forcing_variables.push(sea.clone());
    let field = previous.get(&Variable::TEMPERATURE_2M).unwrap().clone();
    previous.insert(sea.clone(), field);
    let field = current.get(&Variable::TEMPERATURE_2M).unwrap().clone();
    current.insert(sea.clone(), field.clone());
    let stacker = Stacker::new(&task, source.grid()).unwrap();
    let empty = State::new(START.plus_hours(6));
    let rows = stacker.inputs(&previous, &current, &empty).unwrap();
    let column = |frame: Frame| {
        let channels = stacker.input_channels().iter();
        let index = channels
            .clone()
            .position(|c| c.variable == sea && c.frame == frame);
        rows.column(index.unwrap()).to_vec()
    };
    assert_eq!(column(Frame::Target), column(Frame::Current));
    assert_ne!(column(Frame::Target), column(Frame::Previous));

    let outputs = stacker.targets(&current).unwrap();
    let next = stacker.state(empty.time, outputs.view(), &current).unwrap();
    assert_eq!(next.get(&sea).unwrap(), &field);
}

#[test]
fn times_that_do_not_follow_are_an_error() {
    let (source, [previous, current, forcings]) = frames();
    let stacker = Stacker::new(&Task::graphcast_13(), source.grid()).unwrap();
    let error = stacker.inputs(&current, &previous, &forcings).unwrap_err();
    let expected = "previous state: expected time 2021-08-28T12, found 2021-08-29T00";
    assert_eq!(error.to_string(), expected);
    assert!(stacker.inputs(&previous, &current, &current).is_err());
}

#[test]
fn residuals_point_to_the_current_frame() {
    let statistics = Statistics::from_dir(data("stats")).unwrap();
    for task in [Task::graphcast_13(), Task::graphcast_13_precip_out()] {
        let normalizer = statistics.normalizer(&task).unwrap();
        let inputs = task.input_channels();
        for (channel, affine) in task.output_channels().iter().zip(&normalizer.outputs) {
            match affine.residual {
                Some(index) => {
                    let input = &inputs[index];
                    assert_eq!(
                        (&input.variable, input.level),
                        (&channel.variable, channel.level)
                    );
                    assert_eq!((input.frame, affine.offset), (Frame::Current, 0.0));
                }
                None => assert_eq!(channel.variable, Variable::TOTAL_PRECIPITATION_6HR),
            }
        }
        let n_direct = normalizer
            .outputs
            .iter()
            .filter(|o| o.residual.is_none())
            .count();
        assert_eq!(
            n_direct,
            usize::from(task == Task::graphcast_13_precip_out())
        );
    }
}

#[test]
fn missing_and_bad_statistics_are_named() {
    let task = Task::graphcast_13();
    let mut statistics = Statistics::from_dir(data("stats")).unwrap();
    statistics.variables.remove(&Variable::LAND_SEA_MASK);
    statistics
        .variables
        .get_mut(&Variable::TEMPERATURE_2M)
        .unwrap()
        .diffs_stddev = None;
    let Error::MissingStatistics { names } = statistics.normalizer(&task).unwrap_err() else {
        panic!("expected missing statistics");
    };
    let expected = [
        "2m_temperature (diffs_stddev)",
        "land_sea_mask (mean)",
        "land_sea_mask (stddev)",
    ];
    assert_eq!(names, expected);

    let mut statistics = Statistics::from_dir(data("stats")).unwrap();
    let table = statistics
        .variables
        .get_mut(&Variable::TEMPERATURE)
        .unwrap();
    table.stddev.as_mut().unwrap().values.fill(0.0);
    let error = statistics.normalizer(&task).unwrap_err().to_string();
    assert!(
        error.contains("`temperature@50 (stddev)`: expected a positive number"),
        "{error}"
    );
}

#[test]
fn variables_without_statistics_pass_unchanged_if_allowed() {
    let task = Task::graphcast_13();
    let mut statistics = Statistics::from_dir(data("stats")).unwrap();
    let all = statistics.normalizer(&task).unwrap();
    assert_eq!(
        statistics
            .normalizer_with(&task, MissingStats::Allow)
            .unwrap(),
        (all, Vec::new())
    );
    statistics.variables.remove(&Variable::LAND_SEA_MASK);
    let humidity = Variable::SPECIFIC_HUMIDITY;
    statistics
        .variables
        .get_mut(&humidity)
        .unwrap()
        .diffs_stddev = None;
    let (normalizer, raw) = statistics
        .normalizer_with(&task, MissingStats::Allow)
        .unwrap();
    let expected = [
        "land_sea_mask (mean)",
        "land_sea_mask (stddev)",
        "specific_humidity (diffs_stddev)",
    ];
    assert_eq!(raw, expected);
    let position = |channels: &[dropsonde_fields::Channel], variable: &Variable| {
        channels
            .iter()
            .position(|c| c.variable == *variable)
            .unwrap()
    };
    let land = normalizer.inputs[position(&task.input_channels(), &Variable::LAND_SEA_MASK)];
    assert_eq!((land.offset, land.scale), (0.0, 1.0));
    let output = normalizer.outputs[position(&task.output_channels(), &humidity)];
    assert_eq!((output.scale, output.offset), (1.0, 0.0));
    assert!(output.residual.is_some());
}

#[test]
fn a_level_without_statistics_is_always_an_error() {
    let mut statistics = Statistics::from_dir(data("stats")).unwrap();
    let table = statistics
        .variables
        .get_mut(&Variable::TEMPERATURE)
        .unwrap();
    let mean = table.mean.as_mut().unwrap();
    let position = mean.levels.iter().position(|&l| l == 850).unwrap();
    mean.levels.remove(position);
    mean.values.remove(position);
    for policy in [MissingStats::Error, MissingStats::Allow] {
        let error = statistics
            .normalizer_with(&Task::graphcast_13(), policy)
            .unwrap_err();
        let Error::MissingStatistics { names } = error else {
            panic!("{error}")
        };
        assert_eq!(names, ["temperature@850 (mean)"]);
    }
}

#[test]
fn statistics_are_completed_from_others() {
    let full = Statistics::from_dir(data("stats")).unwrap();
    let mut part = full.clone();
    assert_eq!(part.complete_from(&full), [] as [&str; 0]);
    assert_eq!(part, full);
    part.variables.remove(&Variable::LAND_SEA_MASK);
    let entry = part.variables.get_mut(&Variable::TEMPERATURE).unwrap();
    entry.diffs_stddev = None;
    let mean = entry.mean.as_mut().unwrap();
    let dropped = mean.levels.iter().position(|&l| l == 500).unwrap();
    mean.levels.remove(dropped);
    mean.values.remove(dropped);
    let position = mean.levels.iter().position(|&l| l == 850).unwrap();
    mean.values[position] = 1.0;
    let taken = part.complete_from(&full);
    let expected = [
        "land_sea_mask (mean)",
        "land_sea_mask (stddev)",
        "land_sea_mask (diffs_stddev)",
        "temperature@500 (mean)",
        "temperature (diffs_stddev)",
    ];
    assert_eq!(taken, expected);
    assert!(part.source.contains("completed from"), "{}", part.source);
    let temperature = |s: &Statistics| s.variables[&Variable::TEMPERATURE].mean.clone().unwrap();
    assert_eq!(
        temperature(&part).get(Some(500)),
        temperature(&full).get(Some(500))
    );
    assert_eq!(temperature(&part).get(Some(850)), Some(1.0));
}

#[test]
fn files_that_are_no_statistics_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["mean", "stddev", "diffs_stddev"].map(|kind| format!("{kind}_by_level.nc"));
    let copy = |from: &str, to: &str| {
        std::fs::copy(data(from), directory.path().join(to)).unwrap();
    };
    let refresh = || {
        for name in &names {
            copy(&format!("stats/{name}"), name);
        }
    };
    refresh();
    copy("inputs.nc", &names[1]);
    let error = Statistics::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("stddev_by_level.nc"), "{error}");
    assert!(error.contains("no file of statistics"), "{error}");
    refresh();
    copy("stats/mean_by_level.nc", &names[2]);
    let error = Statistics::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("expected standard deviations"), "{error}");
}

#[test]
fn statistics_survive_json() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("statistics.json");
    let statistics = Statistics::from_dir(data("stats")).unwrap();
    statistics.to_json(&path).unwrap();
    assert_eq!(Statistics::from_json(&path).unwrap(), statistics);

    std::fs::write(
        &path,
        r#"{"variables": {"temperature": {"mean": {"levels": [1], "values": []}}}}"#,
    )
    .unwrap();
    let error = Statistics::from_json(&path).unwrap_err().to_string();
    assert!(error.contains("expected one value per level"), "{error}");
    std::fs::write(&path, "{").unwrap();
    assert!(matches!(
        Statistics::from_json(&path),
        Err(Error::Malformed { .. })
    ));
    let error = Statistics::from_dir(directory.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("mean_by_level.nc"), "{error}");
}
