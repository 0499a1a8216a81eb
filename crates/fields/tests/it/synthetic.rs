//! Weather made of formulas: the same each time, smooth, of order one after normalisation, and right for every check.

use dropsonde_fields::check::check_inputs;
use dropsonde_fields::{
    Error, Frame, Source, Stacker, State, Statistics, Task, TaskInputs, Time, Variable,
};
use dropsonde_mesh::LatLonGrid;

fn init() -> Time {
    "2022-01-01T06".parse().unwrap()
}

fn inputs(task: &Task, grid: LatLonGrid) -> TaskInputs {
    let times = [init(), init().plus_hours(-6)];
    let source = Source::synthetic(grid, &task.pressure_levels, &times).unwrap();
    TaskInputs::new(task.clone(), source, None).unwrap()
}

fn states(task: &Task, degrees: f64) -> (State, State) {
    let grid = LatLonGrid::with_poles(degrees).unwrap();
    inputs(task, grid).initial_states(init()).unwrap()
}

#[test]
fn every_check_accepts_every_published_task() {
    for task in [
        Task::graphcast(),
        Task::graphcast_13(),
        Task::graphcast_13_precip_out(),
    ] {
        let inputs = inputs(&task, LatLonGrid::with_poles(4.0).unwrap());
        let statistics = Statistics::synthetic(&task).unwrap();
        let report = check_inputs(&inputs, &statistics, init()).unwrap();
        assert_eq!(report.findings, [], "{report}");
    }
}

#[test]
fn inputs_are_of_order_one_and_changes_too() {
    let task = Task::graphcast();
    let grid = LatLonGrid::with_poles(4.0).unwrap();
    let inputs = inputs(&task, grid.clone());
    let (previous, current) = inputs.initial_states(init()).unwrap();
    let forcings = inputs.forcings(init().plus_hours(6)).unwrap();
    let stacker = Stacker::new(&task, &grid).unwrap();
    let raw = stacker.inputs(&previous, &current, &forcings).unwrap();
    let statistics = Statistics::synthetic(&task).unwrap();
    let normalizer = statistics.normalizer(&task).unwrap();
    let weights = grid.node_weights();
    for ((column, channel), affine) in raw
        .columns()
        .into_iter()
        .zip(stacker.input_channels())
        .zip(&normalizer.inputs)
    {
        let normalised = column.iter().map(|&x| f64::from(affine.apply(x)));
        let square: f64 = normalised.zip(&weights).map(|(z, w)| w * z * z).sum();
        assert!(square.sqrt() < 2.5, "{channel}: {square}");
        // The sine of the year's progress is zero at new year, everywhere.
        let can_be_zero = channel.variable.name().starts_with("year_progress");
        assert!(can_be_zero || square.sqrt() > 0.3, "{channel}: {square}");
    }
    // The change between the two frames in units of `diffs_stddev`.
    for variable in &task.target_variables {
        let table = &statistics.variables[variable].diffs_stddev;
        let (new, old) = (
            current.get(variable).unwrap(),
            previous.get(variable).unwrap(),
        );
        for (k, plane) in new.data.outer_iter().enumerate() {
            let scale = table.as_ref().unwrap().get(new.levels.get(k).copied());
            let change = (&plane - &old.data.index_axis(ndarray::Axis(0), k))
                .mapv(|x| (f64::from(x) / scale.unwrap()).powi(2));
            let square: f64 = change.iter().zip(&weights).map(|(x, w)| w * x).sum();
            assert!(
                (0.3..2.0).contains(&square.sqrt()),
                "{variable} {k}: {square}"
            );
        }
    }
}

#[test]
fn values_are_those_of_the_place_and_not_of_the_grid() {
    let task = Task::graphcast_13();
    let (_, coarse) = states(&task, 10.0);
    let (_, fine) = states(&task, 5.0);
    assert_eq!(coarse, states(&task, 10.0).1);
    for (variable, field) in &coarse.fields {
        let every_second = fine
            .get(variable)
            .unwrap()
            .data
            .slice(ndarray::s![.., ..;2, ..;2])
            .to_owned();
        assert_eq!(every_second, field.data, "{variable}");
    }
}

#[test]
fn the_atmosphere_is_plausible() {
    let (_, state) = states(&Task::graphcast(), 4.0);
    let mean = |variable: &Variable, level: Option<u32>, row: usize| {
        let plane = state.plane(variable, level).unwrap();
        plane.row(row).iter().map(|&x| f64::from(x)).sum::<f64>() / plane.ncols() as f64
    };
    let (pole, north, equator) = (45, 33, 22);
    assert!(mean(&Variable::TEMPERATURE_2M, None, equator) > 290.0);
    assert!(mean(&Variable::TEMPERATURE_2M, None, pole) < 270.0);
    // Westerlies above trades; heights rise upwards, vapour falls.
    assert!(mean(&Variable::U_WIND, Some(250), north) > 20.0);
    assert!(mean(&Variable::U_WIND_10M, None, equator) < -3.0);
    let levels = Task::graphcast().pressure_levels;
    for pair in levels.windows(2) {
        let above = |v: &Variable| mean(v, Some(pair[0]), north) - mean(v, Some(pair[1]), north);
        assert!(above(&Variable::GEOPOTENTIAL) > 0.0, "{pair:?}");
        assert!(above(&Variable::SPECIFIC_HUMIDITY) <= 0.0, "{pair:?}");
    }
    let height = mean(&Variable::GEOPOTENTIAL, Some(500), equator) / 9.80665;
    assert!((4500.0..6000.0).contains(&height), "{height}");
}

#[test]
fn what_there_is_no_formula_for_is_listed() {
    let mut task = Task::graphcast_13();
    for list in [&mut task.input_variables, &mut task.target_variables] {
        list.push(Variable::TOTAL_COLUMN_WATER_VAPOUR);
    }
    let error = Statistics::synthetic(&task).unwrap_err();
    let Error::MissingInputs { missing } = &error else {
        panic!("{error}");
    };
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].variable, Variable::TOTAL_COLUMN_WATER_VAPOUR);
    assert_eq!(missing[0].frame, Frame::Current);
    let grid = LatLonGrid::with_poles(10.0).unwrap();
    let error = Source::synthetic(grid, &[500], &[]).unwrap_err();
    assert!(error.to_string().contains("synthetic weather"), "{error}");
}

#[test]
fn levels_and_subsets_as_of_any_source() {
    let grid = LatLonGrid::with_poles(10.0).unwrap();
    let source = Source::synthetic(grid.clone(), &[850, 500, 50], &[init()]).unwrap();
    let all = source
        .state_of(init(), &[Variable::TEMPERATURE])
        .unwrap()
        .get(&Variable::TEMPERATURE)
        .unwrap()
        .clone();
    assert_eq!(all.levels, [850, 500, 50]);
    let some = source.with_levels(&[50, 850]).unwrap();
    let some = some.unfilled(&Variable::TEMPERATURE, init()).unwrap();
    assert_eq!(some.levels, [50, 850]);
    assert_eq!(some.data, all.data.select(ndarray::Axis(0), &[2, 0]));
    let surface = Source::synthetic(grid, &[], &[init()]).unwrap();
    assert!(!surface.has(&Variable::TEMPERATURE) && surface.has(&Variable::TEMPERATURE_2M));
}
