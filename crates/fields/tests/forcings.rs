//! Derived forcings against the reference implementation.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{max_error, npz};
use dropsonde_fields::{
    Time, Variable, day_progress, derive_forcings, toa_incident_solar_radiation,
    total_solar_irradiance, year_progress,
};
use dropsonde_mesh::LatLonGrid;

const FILE: &str = "forcings.npz";

fn times() -> Vec<Time> {
    npz(FILE, "datetime_unix_s")
        .iter()
        .map(|&s| Time(s as i64))
        .collect()
}

fn grid() -> LatLonGrid {
    let axis = |name| npz(FILE, name).iter().map(|&x| x as f32).collect();
    LatLonGrid::new(axis("lat"), axis("lon")).unwrap()
}

#[test]
fn irradiance() {
    let found = times().into_iter().map(total_solar_irradiance);
    assert!(max_error(found, &npz(FILE, "tsi")) < 1e-9);
}

#[test]
fn radiation() {
    let (grid, expected) = (grid(), npz(FILE, "tisr_f64"));
    for (time, expected) in times().into_iter().zip(expected.chunks(grid.n_nodes())) {
        let found = toa_incident_solar_radiation(&grid, time);
        let error = max_error(found.iter().copied(), expected);
        // The fields reach 5e6 J m-2; the reference rounds a Julian date of 2.4e6 days to 1e-10 days.
        assert!(error < 1e-2, "{time}: {error} J m-2");
    }
}

#[test]
fn progress() {
    let (times, grid) = (times(), grid());
    let year: Vec<f64> = times.iter().map(|&t| f64::from(year_progress(t))).collect();
    assert_eq!(year, npz(FILE, "year_progress"));
    let at = |time: Time| {
        grid.lon()
            .iter()
            .map(move |&lon| f64::from(day_progress(time, lon)))
    };
    let day: Vec<f64> = times.iter().copied().flat_map(at).collect();
    assert_eq!(day, npz(FILE, "day_progress"));
}

#[test]
fn sines_and_cosines() {
    let (times, grid) = (times(), grid());
    let variables = [
        "year_progress_sin",
        "year_progress_cos",
        "day_progress_sin",
        "day_progress_cos",
    ];
    for name in variables {
        let expected = npz(FILE, &format!("add_derived_vars.{name}"));
        let n_columns = expected.len() / times.len();
        for (&time, expected) in times.iter().zip(expected.chunks(n_columns)) {
            let variable = Variable::new(name);
            let fields = derive_forcings(&grid, time, std::slice::from_ref(&variable));
            let data = &fields[&variable].data;
            assert_eq!(data.shape(), [1, grid.n_lat(), grid.n_lon()]);
            for row in data.rows() {
                let found = row.iter().take(n_columns).map(|&x| f64::from(x));
                assert!(max_error(found, expected) < 2e-7, "{name} {time}");
            }
        }
    }
}

#[test]
fn what_cannot_be_derived_is_left_out() {
    let wanted = [Variable::TEMPERATURE, Variable::SEA_ICE_COVER];
    assert!(derive_forcings(&grid(), Time(0), &wanted).is_empty());
}
