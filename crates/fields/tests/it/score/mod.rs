//! Scores of fields whose scores are known in closed form.

mod names;
mod numpy;
mod precipitation;
mod wind;

use dropsonde_fields::{
    Error, Field, Score, ScoreAccumulator, ScoreTarget, State, Time, Variable,
    score_latitude_weights,
};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

pub(crate) fn init() -> Time {
    "2022-11-08T00".parse().unwrap()
}

pub(crate) fn target(text: &str) -> ScoreTarget {
    text.parse().unwrap()
}

/// A state of 2 m temperature only, from latitude and longitude in radians.
pub(crate) fn state(grid: &LatLonGrid, lead: i64, value: impl Fn(f64, f64) -> f64) -> State {
    let mut state = State::new(init().plus_hours(lead));
    let at = |(i, j): (usize, usize)| {
        let (lat, lon) = (f64::from(grid.lat()[i]), f64::from(grid.lon()[j]));
        value(lat.to_radians(), lon.to_radians()) as f32
    };
    let data = Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), at);
    state.insert(Variable::TEMPERATURE_2M, Field::surface(data));
    state
}

/// A variable that has one value everywhere.
pub(crate) fn constant(grid: &LatLonGrid, name: &str, time: Time, value: f32) -> State {
    let mut state = State::new(time);
    let data = Array2::from_elem((grid.n_lat(), grid.n_lon()), value);
    state.insert(Variable::new(name), Field::surface(data));
    state
}

pub(crate) fn single(
    grid: &LatLonGrid,
    forecast: &State,
    truth: &State,
    normal: Option<&State>,
) -> Score {
    let mut scores = ScoreAccumulator::new(grid, vec![target("t2m")]);
    scores.add(6, forecast, truth, normal).unwrap();
    scores.finish().remove(0)
}

pub(crate) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found}, expected {expected}"
    );
}

#[test]
fn a_constant_error_is_both_rmse_and_bias() {
    let grid = LatLonGrid::with_poles(10.0).unwrap();
    let truth = state(&grid, 6, |lat, _| 64.0 * lat.sin().signum());
    for error in [1.5, -1.5] {
        let forecast = state(&grid, 6, |lat, _| 64.0 * lat.sin().signum() + error);
        let score = single(&grid, &forecast, &truth, None);
        assert_close(score.rmse, 1.5, 1e-12);
        assert_close(score.bias.unwrap(), error, 1e-12);
        assert_eq!((score.acc, score.n, score.n_missing), (None, 1, 0));
    }
}

#[test]
fn an_error_of_sin_lat_has_its_integral() {
    // The mean of sin^2 over the sphere is 1/3; on n rows the sum over cells is off by O(n^-2).
    let grid = LatLonGrid::with_poles(1.0).unwrap();
    let (forecast, truth) = (
        state(&grid, 6, |lat, _| lat.sin()),
        state(&grid, 6, |_, _| 0.0),
    );
    let score = single(&grid, &forecast, &truth, None);
    assert_close(score.rmse, (1.0_f64 / 3.0).sqrt(), 1e-4);
    assert_close(score.bias.unwrap(), 0.0, 1e-9);
    // An error of cos(lat) on half of the longitudes: mean pi/8, mean square 1/3.
    let half = |lat: f64, lon: f64| {
        if lon < std::f64::consts::PI - 1e-6 {
            lat.cos()
        } else {
            0.0
        }
    };
    let score = single(&grid, &state(&grid, 6, half), &truth, None);
    assert_close(score.bias.unwrap(), std::f64::consts::PI / 8.0, 1e-4);
    assert_close(score.rmse, (1.0_f64 / 3.0).sqrt(), 1e-4);
}

#[test]
fn scaled_anomalies_correlate_fully_and_orthogonal_ones_not() {
    let grid = LatLonGrid::with_poles(10.0).unwrap();
    let normal = state(&grid, 6, |lat, _| 256.0 + 32.0 * lat.cos());
    let plus = |anomaly: fn(f64, f64) -> f64| {
        let mut state = state(&grid, 6, anomaly);
        let normal = normal.get(&Variable::TEMPERATURE_2M).unwrap();
        let field = state.fields.get_mut(&Variable::TEMPERATURE_2M).unwrap();
        field.data += &normal.data;
        state
    };
    let truth = plus(|lat, lon| lat.cos() * lon.sin());
    let acc = |forecast: &State| single(&grid, forecast, &truth, Some(&normal)).acc.unwrap();
    assert_close(
        acc(&plus(|lat, lon| 3.0 * lat.cos() * lon.sin())),
        1.0,
        1e-6,
    );
    assert_close(
        acc(&plus(|lat, lon| -0.5 * lat.cos() * lon.sin())),
        -1.0,
        1e-6,
    );
    assert_close(acc(&plus(|lat, lon| lat.cos() * lon.cos())), 0.0, 1e-6);
    // Without an anomaly there is no correlation, but there is an error.
    let score = single(&grid, &normal, &truth, Some(&normal));
    assert_eq!((score.acc, score.n_acc, score.n), (None, 0, 1));
    // Nor is there one where the climatology lacks the variable.
    let score = single(&grid, &truth, &truth, Some(&State::new(init())));
    assert_eq!((score.acc, score.rmse), (None, 0.0));
}

#[test]
fn three_rows_by_hand() {
    // Rows at -60, 0, 60 with edges at -30 and 30: areas 1/2, 1, 1/2 and weights 3/4, 3/2, 3/4.
    let grid = LatLonGrid::new(vec![-60.0, 0.0, 60.0], vec![0.0, 180.0]).unwrap();
    for (found, expected) in score_latitude_weights(&grid).iter().zip([0.75, 1.5, 0.75]) {
        assert_close(*found, expected, 1e-12);
    }
    let of = |values: [f32; 6], lead| {
        let mut state = State::new(init().plus_hours(lead));
        let data = Array2::from_shape_vec((3, 2), values.to_vec()).unwrap();
        state.insert(Variable::TEMPERATURE_2M, Field::surface(data));
        state
    };
    let (truth, forecast) = (of([0.0; 6], 6), of([2.0, 0.0, 1.0, 1.0, 0.0, -4.0], 6));
    let score = single(&grid, &forecast, &truth, None);
    // (0.75 * 4 + 1.5 * 2 + 0.75 * 16) / 6 = 3 and (1.5 + 3 - 3) / 6 = 0.25.
    assert_close(score.rmse, 3_f64.sqrt(), 1e-12);
    assert_close(score.bias.unwrap(), 0.25, 1e-12);

    // Without the last point the weights sum to 5.25: (3 + 3) / 5.25 and (1.5 + 3) / 5.25.
    let gap = of([0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN], 6);
    let score = single(&grid, &forecast, &gap, None);
    assert_close(score.rmse, (6.0_f64 / 5.25).sqrt(), 1e-12);
    assert_close(score.bias.unwrap(), 4.5 / 5.25, 1e-12);
    assert_eq!((score.n, score.n_missing), (1, 1));
    // Where both are missing nothing is wrong; where only the forecast is, it is.
    assert_eq!(single(&grid, &gap, &gap, None).n_missing, 1);
    let mut scores = ScoreAccumulator::new(&grid, vec![target("t2m")]);
    let error = scores.add(6, &gap, &truth, None).unwrap_err().to_string();
    assert!(
        error.contains("1 values of `t2m` at 2022-11-08T06"),
        "{error}"
    );

    // A truth without values is no pair.
    scores
        .add(6, &forecast, &of([f32::NAN; 6], 6), None)
        .unwrap();
    assert!(scores.finish().is_empty());
}

#[test]
fn the_root_is_taken_after_the_mean_over_times() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let mut scores = ScoreAccumulator::new(&grid, vec![target("t2m")]);
    for (start, error) in [(0, 1.0), (24, -7.0)] {
        let shift = |mut state: State| {
            state.time = state.time.plus_hours(start);
            state
        };
        let (forecast, truth) = (state(&grid, 12, |_, _| error), state(&grid, 12, |_, _| 0.0));
        scores
            .add(12, &shift(forecast), &shift(truth), None)
            .unwrap();
    }
    let score = scores.finish().remove(0);
    assert_close(score.rmse, 5.0, 1e-12);
    assert_close(score.bias.unwrap(), -3.0, 1e-12);
    assert_eq!((score.n, score.lead_hours), (2, 12));
}

#[test]
fn what_does_not_belong_together_is_an_error() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let good = state(&grid, 6, |_, _| 1.0);
    let mut scores = ScoreAccumulator::new(&grid, vec![target("t2m")]);
    let late = state(&grid, 12, |_, _| 1.0);
    assert!(matches!(
        scores.add(6, &good, &late, None),
        Err(Error::TimeMismatch { .. })
    ));
    let fine = state(&LatLonGrid::with_poles(15.0).unwrap(), 6, |_, _| 1.0);
    let error = scores.add(6, &good, &fine, None).unwrap_err().to_string();
    assert!(
        error.contains("`2m_temperature` of the truth: expected shape [7, 12], found [13, 24]"),
        "{error}"
    );
    let error = scores
        .add(6, &State::new(good.time), &good, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no variable `2m_temperature` in the forecast for 2022-11-08T06"),
        "{error}"
    );
    let error = scores.add(-6, &good, &good, None).unwrap_err().to_string();
    assert!(error.contains("`lead_hours`"), "{error}");
    scores.add(6, &good, &good, None).unwrap();
    let error = scores.add(6, &good, &good, None).unwrap_err().to_string();
    assert!(error.contains("2022-11-08T00 and 6 h again"), "{error}");
    assert_eq!(scores.finish()[0].n, 1);
}

#[test]
fn a_score_survives_json() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let score = single(
        &grid,
        &state(&grid, 6, |_, _| 1.0),
        &state(&grid, 6, |_, _| 0.5),
        None,
    );
    let text = serde_json::to_string(&score).unwrap();
    assert!(text.contains("\"target\":\"t2m\""), "{text}");
    assert_eq!(serde_json::from_str::<Score>(&text).unwrap(), score);
}
