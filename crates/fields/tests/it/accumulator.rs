//! Statistics from data against plain sums.

use crate::common::planet::{LEVELS, Planet, task};
use dropsonde_fields::{
    Error, Field, Frame, State, StatisticsAccumulator, Task, Time, Variable, compute_statistics,
};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array3;

/// Values that differ everywhere, around 250 K.
fn state(step: i64) -> State {
    let value = |k: usize, i: usize, j: usize| {
        let phase = (step as usize * 131 + k * 37 + i * 11 + j * 7) % 97;
        250.0 + 10.0 * k as f32 + phase as f32 * 0.125
    };
    let data = Array3::from_shape_fn((2, 5, 8), |(k, i, j)| value(k, i, j));
    let mut state = State::new(Time(0).plus_hours(6 * step));
    state.insert(
        Variable::TEMPERATURE,
        Field::on_levels(vec![850, 500], data).unwrap(),
    );
    state
}

/// Weighted mean and standard deviation over steps and nodes, in two passes.
fn plain(grid: &LatLonGrid, planes: &[Vec<f64>]) -> (f64, f64) {
    let weights = grid.node_weights();
    let mean_of = |f: &dyn Fn(f64) -> f64| -> f64 {
        let sum = |plane: &Vec<f64>| {
            plane
                .iter()
                .zip(&weights)
                .map(|(&x, w)| w * f(x))
                .sum::<f64>()
        };
        planes.iter().map(sum).sum::<f64>() / planes.len() as f64
    };
    let mean = mean_of(&|x| x);
    (mean, mean_of(&|x| (x - mean).powi(2)).sqrt())
}

#[test]
fn moments_are_those_of_two_passes() {
    let grid = LatLonGrid::with_poles(45.0).unwrap();
    let states: Vec<State> = (0..7).map(state).collect();
    let mut accumulator = StatisticsAccumulator::new(&grid);
    for (index, state) in states.iter().enumerate() {
        accumulator
            .add(state, index.checked_sub(1).map(|i| &states[i]))
            .unwrap();
    }
    let statistics = accumulator.finish("a test");
    let found = &statistics.variables[&Variable::TEMPERATURE];
    for (k, level) in [850, 500].into_iter().enumerate() {
        let plane = |state: &State| -> Vec<f64> {
            let data = &state.get(&Variable::TEMPERATURE).unwrap().data;
            data.index_axis(ndarray::Axis(0), k)
                .iter()
                .map(|&x| f64::from(x))
                .collect()
        };
        let planes: Vec<_> = states.iter().map(plane).collect();
        let change = |pair: &[Vec<f64>]| pair[1].iter().zip(&pair[0]).map(|(b, a)| b - a).collect();
        let changes: Vec<_> = planes.windows(2).map(change).collect();
        let (mean, stddev) = plain(&grid, &planes);
        let (_, diffs_stddev) = plain(&grid, &changes);
        let get = |table: &Option<dropsonde_fields::LevelTable>| {
            table.as_ref().unwrap().get(Some(level)).unwrap()
        };
        assert!((get(&found.mean) - mean).abs() < 1e-9);
        assert!((get(&found.stddev) - stddev).abs() < 1e-9);
        assert!((get(&found.diffs_stddev) - diffs_stddev).abs() < 1e-9);
    }
}

#[test]
fn other_grids_levels_and_times_are_errors() {
    let grid = LatLonGrid::with_poles(45.0).unwrap();
    let mut accumulator = StatisticsAccumulator::new(&grid);
    accumulator.add(&state(0), None).unwrap();
    assert!(matches!(
        accumulator.add(&state(2), Some(&state(0))),
        Err(Error::TimeMismatch { .. })
    ));
    let mut other = state(1);
    other.fields.get_mut(&Variable::TEMPERATURE).unwrap().levels = vec![500, 850];
    assert!(matches!(
        accumulator.add(&other, None),
        Err(Error::LevelMismatch { .. })
    ));
    let mut wide = StatisticsAccumulator::new(&LatLonGrid::with_poles(30.0).unwrap());
    assert!(matches!(
        wide.add(&state(0), None),
        Err(Error::Shape { .. })
    ));
}

#[test]
fn statistics_of_a_task_from_a_source() {
    let directory = tempfile::tempdir().unwrap();
    let source = Planet::new().open(&directory.path().join("planet.zarr"));
    let times = source.times().to_vec();
    let mut done = Vec::new();
    let found = compute_statistics(&source, &task(), &times, |n| done.push(n)).unwrap();
    assert_eq!(done, [1, 2, 3]);
    assert!(
        found
            .source
            .starts_with("3 states from 2022-11-07T18 to 2022-11-08T06 of ")
    );
    // Complete: a normaliser can be made.
    found.normalizer(&task()).unwrap();
    let temperature = &found.variables[&Variable::TEMPERATURE];
    assert_eq!(
        temperature.mean.as_ref().unwrap().levels,
        task().pressure_levels
    );

    let grid = source.grid().clone();
    let mut accumulator = StatisticsAccumulator::new(&grid);
    let states: Vec<State> = times
        .iter()
        .map(|&time| source.state(time).unwrap())
        .collect();
    accumulator.add(&states[0], None).unwrap();
    accumulator.add(&states[1], Some(&states[0])).unwrap();
    accumulator.add(&states[2], Some(&states[1])).unwrap();
    let all = accumulator.finish("all levels");
    for level in task().pressure_levels {
        let get = |s: &dropsonde_fields::Statistics| {
            let entry = &s.variables[&Variable::GEOPOTENTIAL];
            entry
                .diffs_stddev
                .as_ref()
                .unwrap()
                .get(Some(level))
                .unwrap()
        };
        assert!((get(&all) - get(&found)).abs() < 1e-9);
    }

    // Times that are no 6 hours apart give no changes.
    let apart = compute_statistics(&source, &task(), &[times[0], times[2]], |_| ()).unwrap();
    let entry = &apart.variables[&Variable::TEMPERATURE];
    assert!(entry.mean.is_some() && entry.diffs_stddev.is_none());
}

#[test]
fn what_a_source_lacks_for_statistics_is_listed_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut planet = Planet::new();
    planet.arrays.remove("land_sea_mask");
    let source = planet.open(&directory.path().join("planet.zarr"));
    let times = source.times().to_vec();
    let error = compute_statistics(&source, &Task::graphcast_13(), &times, |_| ()).unwrap_err();
    let Error::MissingInputs { missing } = &error else {
        panic!("{error}")
    };
    assert_eq!(missing.len(), 7, "{error}");
    assert!(missing.iter().all(|m| m.frame == Frame::Current));
    let levels = &missing
        .iter()
        .find(|m| !m.levels.is_empty())
        .unwrap()
        .levels;
    assert!(
        levels.iter().all(|level| !LEVELS.contains(level)),
        "{error}"
    );
    for times in [vec![], vec![times[1], times[0]]] {
        let error = compute_statistics(&source, &task(), &times, |_| ()).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { .. }), "{error}");
    }
}
