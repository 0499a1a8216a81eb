//! Fields that another program scored.

use super::{assert_close, init, target};
use dropsonde_fields::{Field, Score, ScoreAccumulator, State, Time, Variable};
use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3};

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
