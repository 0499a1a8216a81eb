//! Finds tropical lows and moisture plumes.
//!
//!     cargo run -p dropsonde-fields --example storms [STORE]
//!
//! With a store (Zarr v3 or NetCDF with the variables of `TropicalLows`), its tracks and the area of its plumes.
//! Without, one made-up storm that moves over an empty sea: the reader should see a single track that ends
//! 990 hPa deep at 24.0 N 124.0 E, as put in.

use dropsonde_fields::derived::integrated_vapour_transport;
use dropsonde_fields::events::{
    MoisturePlumeConfig, Track, TropicalLowConfig, TropicalLows, moisture_plume_mask,
};
use dropsonde_fields::{Field, Result, Source, State, Time, Variable};
use dropsonde_mesh::{LatLonGrid, great_circle_km};
use ndarray::{Array2, Array3};

/// A storm of Gaussian pressure, warmth and swirl at (lat, lon) in degrees, `depth_pa` deep.
pub(crate) fn storm(grid: &LatLonGrid, time: Time, centre: (f64, f64), depth_pa: f64) -> State {
    let shape = (grid.n_lat(), grid.n_lon());
    let radius = 250.0; // km
    let place = |i: usize, j: usize| (f64::from(grid.lat()[i]), f64::from(grid.lon()[j]));
    let bump = |i, j| (-0.5 * (great_circle_km(centre, place(i, j)) / radius).powi(2)).exp();
    let plane =
        |f: &dyn Fn(usize, usize) -> f64| Array2::from_shape_fn(shape, |(i, j)| f(i, j) as f32);
    // Swirl, cyclonic in both hemispheres; strongest (0.04 m/s per Pa) at the radius.
    let swirl = |i, j| 0.04 * depth_pa * 1.65 * bump(i, j) * centre.0.signum() / radius;
    let east_km = |i, j| {
        let (lat, lon): (f64, f64) = place(i, j);
        ((lon - centre.1 + 540.0).rem_euclid(360.0) - 180.0) * 111.2 * lat.to_radians().cos()
    };
    let u = plane(&|i, j| -swirl(i, j) * 111.2 * (place(i, j).0 - centre.0));
    let v = plane(&|i, j| swirl(i, j) * east_km(i, j));
    let level = |plane: &Array2<f32>| plane.clone().insert_axis(ndarray::Axis(0));
    let mut state = State::new(time);
    let mut surface = |variable, plane| state.insert(variable, Field::surface(plane));
    surface(
        Variable::MEAN_SEA_LEVEL_PRESSURE,
        plane(&|i, j| 101_000.0 - depth_pa * bump(i, j)),
    );
    surface(Variable::U_WIND_10M, u.clone());
    surface(Variable::V_WIND_10M, v.clone());
    surface(Variable::LAND_SEA_MASK, Array2::zeros(shape));
    surface(
        Variable::SEA_SURFACE_TEMPERATURE,
        Array2::from_elem(shape, 301.0),
    );
    let warm = Array3::from_shape_fn((2, shape.0, shape.1), |(_, i, j)| {
        (250.0 + 5.0 * bump(i, j)) as f32
    });
    let on = |levels: &[u32], data| Field {
        levels: levels.to_vec(),
        data,
    };
    state.insert(Variable::TEMPERATURE, on(&[300, 500], warm));
    state.insert(Variable::U_WIND, on(&[850], level(&u)));
    state.insert(Variable::V_WIND, on(&[850], level(&v)));
    state
}

/// Three days of a storm that deepens from 14 N 130 E to 24 N 124 E.
pub(crate) fn made_up_states(grid: &LatLonGrid) -> Vec<Result<State>> {
    let start: Time = Time::from_unix_seconds(0);
    (0..=12)
        .map(|k| {
            let done = f64::from(k) / 12.0;
            let centre = (14.0 + 10.0 * done, 130.0 - 6.0 * done);
            Ok(storm(
                grid,
                start.plus_hours(6 * i64::from(k)),
                centre,
                800.0 + 1200.0 * done,
            ))
        })
        .collect()
}

fn print_tracks(tracks: &[Track]) {
    println!("{} tracks", tracks.len());
    for track in tracks {
        let (Some(first), Some(last), Some(deepest)) =
            (track.points.first(), track.points.last(), track.deepest())
        else {
            continue;
        };
        let wind = track.points.iter().map(|p| p.max_wind).fold(0.0, f32::max);
        let warm = track
            .points
            .iter()
            .map(|p| p.warm_core_k)
            .fold(0.0, f32::max);
        println!(
            "{:3}: {} {:4.1} days, {:5.1} {:5.1} to {:5.1} {:5.1}, {:.0} hPa, {wind:.0} m/s, warm core {warm:.1} K",
            track.id,
            first.time,
            track.hours() as f64 / 24.0,
            first.lat,
            first.lon,
            last.lat,
            last.lon,
            deepest.pressure_pa / 100.0,
        );
    }
}

/// Mean share of the nodes poleward of 20 degrees that lie in a plume.
fn plume_share(source: &Source) -> Result<f64> {
    let config = MoisturePlumeConfig::default();
    let grid = source.grid();
    let outside: f64 = grid.lat().iter().filter(|lat| lat.abs() >= 20.0).count() as f64;
    let mut share = 0.0;
    for &time in source.times() {
        let state = source.state(time)?;
        let transport = integrated_vapour_transport(&state, grid)?;
        let mask = moisture_plume_mask(transport.magnitude.view(), grid, &config)?;
        share +=
            mask.iter().filter(|inside| **inside).count() as f64 / (outside * grid.n_lon() as f64);
    }
    Ok(share / source.times().len() as f64)
}

fn main() -> Result<()> {
    let config = TropicalLowConfig::default();
    let Some(path) = std::env::args().nth(1) else {
        let grid = LatLonGrid::with_poles(2.0).map_err(|source| dropsonde_fields::Error::Grid {
            path: "the example's grid".into(),
            source,
        })?;
        let lows = TropicalLows::new(&grid, config)?;
        print_tracks(&lows.tracks(made_up_states(&grid))?);
        return Ok(());
    };
    let source = Source::open(path)?;
    let lows = TropicalLows::new(source.grid(), config)?;
    print_tracks(&lows.tracks(source.times().iter().map(|&time| source.state(time)))?);
    println!(
        "plumes cover {:.1} % of the nodes poleward of 20 degrees",
        100.0 * plume_share(&source)?
    );
    Ok(())
}
