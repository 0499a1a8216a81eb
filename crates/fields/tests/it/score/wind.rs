//! Targets that are computed from other variables.

use super::{assert_close, constant, init, target};
use dropsonde_fields::{Field, ScoreAccumulator, State, Variable};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

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
    let mut speed = constant(&grid, "10m_wind_speed", init(), 7.0);
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
