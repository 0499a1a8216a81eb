//! Statistics from data against plain sums.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use dropsonde_fields::{Error, Field, State, StatisticsAccumulator, Time, Variable};
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
