//! Scores of fields whose scores are known in closed form, and of fields scored by another program.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use dropsonde_fields::{
    Error, Field, Score, ScoreAccumulator, ScoreTarget, State, Time, Variable,
    score_latitude_weights,
};
use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3};

fn init() -> Time {
    "2022-11-08T00".parse().unwrap()
}

fn target(text: &str) -> ScoreTarget {
    text.parse().unwrap()
}

/// A state of 2 m temperature only, from latitude and longitude in radians.
fn state(grid: &LatLonGrid, lead: i64, value: impl Fn(f64, f64) -> f64) -> State {
    let mut state = State::new(init().plus_hours(lead));
    let at = |(i, j): (usize, usize)| {
        let (lat, lon) = (f64::from(grid.lat()[i]), f64::from(grid.lon()[j]));
        value(lat.to_radians(), lon.to_radians()) as f32
    };
    let data = Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), at);
    state.insert(Variable::TEMPERATURE_2M, Field::surface(data));
    state
}

fn single(grid: &LatLonGrid, forecast: &State, truth: &State, normal: Option<&State>) -> Score {
    let mut scores = ScoreAccumulator::new(grid, vec![target("t2m")]);
    scores.add(6, forecast, truth, normal).unwrap();
    scores.finish().remove(0)
}

fn assert_close(found: f64, expected: f64, tolerance: f64) {
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

/// The formula of the fields that the other program scored: small integers of a hash.
fn pattern(a: usize, b: usize, c: usize, seed: usize) -> f32 {
    ((a * 7 + b * 13 + c * 29 + seed * 31 + a * b * 5 + b * c * 3) % 23) as f32 - 11.0
}

fn patterned(grid: &LatLonGrid, time: Time, seed: usize) -> State {
    let (n_lat, n_lon) = (grid.n_lat(), grid.n_lon());
    let mut state = State::new(time);
    let surface = [
        Variable::TEMPERATURE_2M,
        Variable::U_WIND_10M,
        Variable::V_WIND_10M,
        Variable::TOTAL_PRECIPITATION_6HR,
        Variable::new("10m_wind_speed"),
    ];
    for (k, variable) in surface.into_iter().enumerate() {
        let data = Array2::from_shape_fn((n_lat, n_lon), |(i, j)| pattern(k, i, j, seed));
        state.insert(variable, Field::surface(data));
    }
    for (offset, variable) in [Variable::U_WIND, Variable::V_WIND].into_iter().enumerate() {
        let data = Array3::from_shape_fn((2, n_lat, n_lon), |(k, i, j)| {
            pattern(10 + 2 * offset + k, i, j, seed)
        });
        state.insert(variable, Field::on_levels(vec![500, 850], data).unwrap());
    }
    state
}

#[test]
fn same_numbers_as_numpy() {
    // Made with numpy in f64 from the same patterns, with the definitions of WeatherBench 2 written out:
    // edges = concat([-pi/2], (lat[:-1] + lat[1:]) / 2, [pi/2]); w = diff(sin(edges)); w /= mean(w);
    // E(x) = sum(w[:, None] * x) / (sum(w) * n_lon); RMSE = sqrt(mean over times of E((f - t)**2)).
    let expected = [
        (
            "t2m",
            6,
            7.83188843140612,
            Some(0.07873390599958861),
            Some(0.6768804403992712),
        ),
        (
            "t2m",
            30,
            5.8020402339775226,
            Some(-1.5491958307827098),
            Some(0.8169109082246431),
        ),
        ("wind850", 6, 12.829545045908194, None, None),
        ("wind850", 18, 10.067084847908323, None, None),
        (
            "ws10",
            6,
            2.417291878833459,
            Some(-0.051248207673454005),
            Some(0.9804458846339343),
        ),
        (
            "ws10",
            24,
            2.6135792359082735,
            Some(-0.25707822559499605),
            Some(0.974164511193848),
        ),
        (
            "tp24h",
            24,
            14.157322117402124,
            Some(0.12849623823850775),
            Some(0.4290581864116771),
        ),
        (
            "tp24h",
            30,
            16.42190342939911,
            Some(2.072205274707533),
            Some(0.3520852533219627),
        ),
    ];
    let grid = LatLonGrid::new(
        vec![-75.0, -40.0, 0.0, 35.0, 80.0],
        (0..6).map(|j| 60.0 * j as f32).collect(),
    )
    .unwrap();
    let names = ["t2m", "wind850", "ws10", "tp24h"];
    let mut scores = ScoreAccumulator::new(&grid, names.map(target).to_vec());
    for start in 0..2_usize {
        for step in 1..=5_usize {
            let time = init().plus_hours(24 * start as i64 + 6 * step as i64);
            let of = |seed: usize| patterned(&grid, time, seed + step + 7 * start);
            scores
                .add(6 * step as i64, &of(1), &of(102), Some(&of(203)))
                .unwrap();
        }
    }
    let scores = scores.finish();
    assert_eq!(scores.len(), 5 * 3 + 2);
    for (name, lead, rmse, bias, acc) in expected {
        let is_it = |score: &&Score| score.target.to_string() == name && score.lead_hours == lead;
        let score = scores.iter().find(is_it).unwrap();
        assert_eq!(score.n, 2);
        assert_close(score.rmse, rmse, 1e-12);
        assert_eq!(score.bias.is_some(), bias.is_some(), "{name}");
        assert_close(score.bias.unwrap_or(0.0), bias.unwrap_or(0.0), 1e-12);
        assert_eq!(score.acc.is_some(), acc.is_some(), "{name}");
        assert_close(score.acc.unwrap_or(0.0), acc.unwrap_or(0.0), 1e-12);
    }
}

/// Precipitation of a constant amount.
fn rain(grid: &LatLonGrid, name: &str, time: Time, amount: f32) -> State {
    let mut state = State::new(time);
    let data = Array2::from_elem((grid.n_lat(), grid.n_lon()), amount);
    state.insert(Variable::new(name), Field::surface(data));
    state
}

#[test]
fn precipitation_of_a_day_is_the_sum_of_four() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let (six, day) = ("total_precipitation_6hr", "total_precipitation_24hr");
    let mut scores = ScoreAccumulator::new(&grid, vec![target("tp24h")]);
    // Two initial times take turns; the truth of the second one is of 24 hours already.
    for step in 0..=6 {
        for (start, name) in [(0, six), (12, day)] {
            let time = init().plus_hours(start + 6 * step);
            let forecast = rain(&grid, six, time, step as f32);
            scores
                .add(6 * step, &forecast, &rain(&grid, name, time, 2.0), None)
                .unwrap();
        }
    }
    let scores = scores.finish();
    let leads: Vec<i64> = scores.iter().map(|score| score.lead_hours).collect();
    assert_eq!(leads, [24, 30, 36]);
    // 1 + 2 + 3 + 4 against 8 and against 2.
    assert_close(scores[0].bias.unwrap(), (2.0 + 8.0) / 2.0, 1e-12);
    assert_close(scores[0].rmse, f64::sqrt((4.0 + 64.0) / 2.0), 1e-12);
    // 3 + 4 + 5 + 6 against the same.
    assert_close(scores[2].bias.unwrap(), (10.0 + 16.0) / 2.0, 1e-12);
}

#[test]
fn a_day_with_a_gap_has_no_sum() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let mut scores = ScoreAccumulator::new(&grid, vec![target("tp24h")]);
    for lead in [6, 12, 24, 30, 36] {
        let state = rain(
            &grid,
            "total_precipitation_6hr",
            init().plus_hours(lead),
            1.0,
        );
        scores.add(lead, &state, &state, None).unwrap();
    }
    assert!(scores.finish().is_empty());
}

#[test]
fn one_forecast_after_another_needs_no_more_memory_but_turns_are_limited() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let mut scores = ScoreAccumulator::new(&grid, vec![target("tp24h")]);
    let mut add = |start: i64, lead| {
        let time = init().plus_hours(240 * start + lead);
        let state = rain(&grid, "total_precipitation_6hr", time, 1.0);
        scores.add(lead, &state, &state, None)
    };
    for start in 0..20 {
        for step in 1..=4 {
            add(start, 6 * step).unwrap();
        }
    }
    let error = add(0, 30).unwrap_err().to_string();
    assert!(
        error.contains("at most 16 initial times that take turns"),
        "{error}"
    );
    assert_eq!(scores.finish()[0].n, 20);
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
fn wind_speed_is_computed_before_it_is_compared() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let wind = |u: f32, v: f32| {
        let mut state = State::new(init());
        for (variable, value) in [(Variable::U_WIND_10M, u), (Variable::V_WIND_10M, v)] {
            state.insert(variable, Field::surface(Array2::from_elem((7, 12), value)));
        }
        state
    };
    let mut speed = rain(&grid, "10m_wind_speed", init(), 7.0);
    let mut scores = ScoreAccumulator::new(&grid, vec![target("ws10")]);
    scores
        .add(0, &wind(3.0, 4.0), &wind(-6.0, 8.0), Some(&speed))
        .unwrap();
    speed.time = init().plus_hours(6);
    let mut forecast = wind(0.0, -4.0);
    forecast.time = speed.time;
    scores.add(6, &forecast, &speed, None).unwrap();
    let scores = scores.finish();
    assert_close(scores[0].bias.unwrap(), -5.0, 1e-12);
    assert_close(scores[0].acc.unwrap(), -1.0, 1e-12);
    assert_close(scores[1].bias.unwrap(), -3.0, 1e-12);
}

#[test]
fn targets_say_what_they_read() {
    let names = |variables: Vec<Variable>| -> Vec<String> {
        variables.iter().map(ToString::to_string).collect()
    };
    let everything = |_: &Variable| true;
    let nothing = |_: &Variable| false;
    for (text, with_all, with_none) in [
        ("z500", vec!["geopotential"], vec!["geopotential"]),
        (
            "tp24h",
            vec!["total_precipitation_24hr"],
            vec!["total_precipitation_6hr"],
        ),
    ] {
        assert_eq!(names(target(text).variables(everything)), with_all);
        assert_eq!(names(target(text).variables(nothing)), with_none);
        assert!(target(text).climatology_variables(nothing).is_empty());
    }
    let speed = |variable: &Variable| variable.name() == "10m_wind_speed";
    assert_eq!(names(target("ws10").variables(speed)), ["10m_wind_speed"]);
    assert_eq!(
        names(target("ws10").climatology_variables(everything)),
        ["10m_wind_speed"]
    );
    assert_eq!(target("wind850").variables(nothing).len(), 2);
    assert!(
        target("wind850")
            .climatology_variables(everything)
            .is_empty()
    );
    assert_eq!(target("tp24h").units(), Some("m"));
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
