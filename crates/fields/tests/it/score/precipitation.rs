//! Precipitation of a day, summed over steps.

use super::{assert_close, constant, init, target};
use dropsonde_fields::ScoreAccumulator;
use dropsonde_mesh::LatLonGrid;

#[test]
fn precipitation_of_a_day_is_the_sum_of_four() {
    let grid = LatLonGrid::with_poles(30.0).unwrap();
    let (six, day) = ("total_precipitation_6hr", "total_precipitation_24hr");
    let mut scores = ScoreAccumulator::new(&grid, vec![target("tp24h")]);
    // Two initial times take turns; the truth of the second one is of 24 hours already.
    for step in 0..=6 {
        for (start, name) in [(0, six), (12, day)] {
            let time = init().plus_hours(start + 6 * step);
            let forecast = constant(&grid, six, time, step as f32);
            scores
                .add(6 * step, &forecast, &constant(&grid, name, time, 2.0), None)
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
        let state = constant(
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
        let state = constant(&grid, "total_precipitation_6hr", time, 1.0);
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
