//! Derived forcings against the reference implementation.

use crate::common::{max_error, npz};
use dropsonde_fields::{
    Time, Variable, day_progress, derive_forcings, toa_incident_solar_radiation, toa_solar_flux,
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
fn flux_at_one_moment() {
    let (grid, expected) = (grid(), npz(FILE, "tisr_f64_instant"));
    for (time, expected) in times().into_iter().zip(expected.chunks(grid.n_nodes())) {
        let error = max_error(toa_solar_flux(&grid, time), expected);
        assert!(error < 1e-5, "{time}: {error} W m-2");
    }
}

#[test]
fn the_reference_rounds_time() {
    let grid = grid();
    for name in ["tisr_f32_jit", "tisr_f32_nojit"] {
        let expected = npz(FILE, name);
        for (time, expected) in times().into_iter().zip(expected.chunks(grid.n_nodes())) {
            let error = max_error(toa_incident_solar_radiation(&grid, time), expected);
            // 42 to 84 s of single-precision dates: up to 0.2 % of the largest value.
            assert!(error < 1e4, "{name} {time}: {error} J m-2");
        }
    }
}

#[test]
fn days_since_j2000() {
    let noon: Time = "2000-01-01T12".parse().unwrap();
    let days = times()
        .into_iter()
        .map(|time| (time.unix_seconds() - noon.unix_seconds()) as f64 / 86_400.0);
    assert!(max_error(days, &npz(FILE, "j2000_days")) < 1e-6);
}

/// Before and after the table of irradiance the Sun shines as at its ends.
#[test]
fn radiation_outside_the_table_of_irradiance() {
    let grid = grid();
    let mean = |text: &str| {
        let field = toa_incident_solar_radiation(&grid, text.parse().unwrap());
        field.mean().unwrap()
    };
    for (early, late) in [
        ("1900-03-21T12", "1951-03-21T12"),
        ("2090-03-20T12", "2036-03-20T12"),
    ] {
        let ratio = mean(early) / mean(late);
        assert!((ratio - 1.0).abs() < 2e-3, "{early}: {ratio}");
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
