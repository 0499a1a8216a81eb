//! The census of a made-up record: two pieces, a storm in each, one plume, rain and ice where they were put.

use dropsonde_fields::events::{
    Basin, Census, CensusBuilder, CensusConfig, Season, write_daily_csv,
};
use dropsonde_fields::{Error, Field, State, Time, Variable};
use dropsonde_mesh::{EARTH_RADIUS_KM, LatLonGrid};
use ndarray::{Array2, Axis};

use crate::tropical_lows::storms;

const LEVELS: [u32; 2] = [500, 850];

fn grid() -> LatLonGrid {
    LatLonGrid::with_poles(2.0).unwrap()
}

/// A storm, with what a census looks at besides: vapour transport of about 900 kg/m/s on a strip at 40 N, 10 mm of
/// rain north of 60 N and 2 mm elsewhere, ice south of 70 S.
fn state(time: Time, centre: (f64, f64)) -> State {
    let grid = grid();
    let shape = (grid.n_lat(), grid.n_lon());
    let mut state = storms::storm(&grid, time, centre, 2000.0);
    let surface = |f: &dyn Fn(f32) -> f32| {
        Field::surface(Array2::from_shape_fn(shape, |(i, _)| f(grid.lat()[i])))
    };
    let on_levels = |below: Array2<f32>, above: Array2<f32>| {
        let planes = [above.view(), below.view()].map(|plane| plane.insert_axis(Axis(0)));
        Field::on_levels(
            LEVELS.to_vec(),
            ndarray::concatenate(Axis(0), &planes).unwrap(),
        )
        .unwrap()
    };
    for (variable, aloft) in [(Variable::U_WIND, 30.0), (Variable::V_WIND, 0.0)] {
        let below = state.plane(&variable, Some(850)).unwrap().to_owned();
        state.insert(variable, on_levels(below, Array2::from_elem(shape, aloft)));
    }
    let strip = Array2::from_shape_fn(shape, |(i, j)| {
        let inside = (grid.lat()[i] - 40.0).abs() < 3.0 && (150.0..=220.0).contains(&grid.lon()[j]);
        if inside { 0.02 } else { 0.0 }
    });
    state.insert(
        Variable::SPECIFIC_HUMIDITY,
        on_levels(Array2::zeros(shape), strip),
    );
    state.insert(
        Variable::TOTAL_PRECIPITATION_6HR,
        surface(&|lat| if lat > 61.0 { 0.010 } else { 0.002 }),
    );
    state.insert(
        Variable::SEA_ICE_COVER,
        surface(&|lat| if lat < -71.0 { 1.0 } else { 0.0 }),
    );
    state
}

/// Eight days from July 1982 with a storm in the western Pacific, then, after a gap, four from January 1996 with one
/// in the southern Indian Ocean that is there for two days.
fn record() -> Vec<State> {
    let piece = |first: &str, n: i64, centre: &dyn Fn(f64) -> (f64, f64)| -> Vec<State> {
        let first: Time = first.parse().unwrap();
        (0..n)
            .map(|k| state(first.plus_hours(6 * k), centre(k as f64)))
            .collect()
    };
    let pacific = piece("1982-07-30T06", 32, &|k| (14.0 + 0.3 * k, 130.0 - 0.2 * k));
    // beyond 45 degrees nothing is a tropical low
    let indian = piece("1996-01-10T06", 16, &|k| {
        if k < 8.0 {
            (-15.0, 60.0 + k)
        } else {
            (-60.0, 60.0)
        }
    });
    [pacific, indian].concat()
}

fn census(states: &[State]) -> Census {
    let mut builder = CensusBuilder::new(&grid(), CensusConfig::default()).unwrap();
    for state in states {
        builder.add(state).unwrap();
    }
    builder.finish()
}

#[test]
fn storms_are_counted_where_and_when_they_form() {
    let census = census(&record());
    let counts = census.counts();
    assert_eq!((counts.storms, counts.strong, counts.days), (2, 2, 12));
    let of = |basin: Basin| {
        counts
            .basins
            .iter()
            .find(|count| count.basin == basin)
            .unwrap()
    };
    assert_eq!(of(Basin::WesternNorthPacific).by_season, [0, 0, 1, 0]);
    assert_eq!(of(Basin::SouthIndian).by_season, [1, 0, 0, 0]);
    assert_eq!(
        counts.basins.iter().map(|count| count.storms).sum::<u32>(),
        2
    );
    assert_eq!(counts.days_by_season, [4, 0, 8, 0]);
    // 30 and 31 July, six days of August, four of January
    let days: Vec<(u32, u32)> = counts
        .months
        .iter()
        .map(|m| (m.month, m.days))
        .filter(|m| m.1 > 0)
        .collect();
    assert_eq!(days, [(1, 4), (7, 2), (8, 6)]);
    assert_eq!(counts.months[6].per_30_days(), Some([15.0, 0.0]));
    assert_eq!(counts.months[1].per_30_days(), None);
    let storms = census.storms();
    assert_eq!((storms[0].hours, storms[1].hours), (186, 42));
    assert!((storms[0].lowest_pressure_pa - 99_000.0).abs() < 60.0);
    assert!(storms[0].is_strong && (storms[1].places[1][1] - 67.0).abs() < 0.5);
}

#[test]
fn days_begin_after_midnight_and_pieces_end_at_gaps() {
    let census = census(&record());
    let pieces: Vec<(String, String, usize)> = census
        .pieces
        .iter()
        .map(|piece| {
            (
                piece.first.to_string(),
                piece.last.to_string(),
                piece.n_states,
            )
        })
        .collect();
    assert_eq!(
        pieces,
        [
            ("1982-07-30T06".to_owned(), "1982-08-07T00".to_owned(), 32),
            ("1996-01-10T06".to_owned(), "1996-01-14T00".to_owned(), 16)
        ]
    );
    assert!(census.days.iter().all(|day| day.n_states == 4));
    let lows: Vec<u32> = census.days.iter().map(|day| day.tropical_lows).collect();
    assert_eq!(lows, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
}

#[test]
fn shares_and_areas_are_those_put_in() {
    let census = census(&record()[..4]);
    let day = census.days[0];
    let band = |south: f64, north: f64| north.to_radians().sin() - south.to_radians().sin();
    // rows at 38, 40 and 42 N, 36 columns of 2 degrees; the rows from 20 to 64 on both sides
    let strip = band(37.0, 43.0) * 72.0 / 360.0;
    let expected = strip / (2.0 * band(19.0, 65.0));
    assert!(
        (day.plume_share / expected - 1.0).abs() < 0.01,
        "{} {expected}",
        day.plume_share
    );
    let wet = band(61.0, 90.0) / 2.0;
    assert!((day.heavy_precipitation_share.unwrap() / wet - 1.0).abs() < 0.02);
    let rain = 4.0 * (10.0 * wet + 2.0 * (1.0 - wet));
    assert!((day.precipitation_mm_per_day.unwrap() / rain - 1.0).abs() < 0.01);
    let cap = std::f64::consts::TAU * EARTH_RADIUS_KM.powi(2) * band(71.0, 90.0);
    let [north, south] = day.ice.unwrap();
    assert_eq!((north.area_km2, north.extent_km2), (0.0, 0.0));
    assert!((south.area_km2 / cap - 1.0).abs() < 0.02, "{south:?} {cap}");
    let july = Season::JuneToAugust.months();
    let node = grid().nearest(40.0, 180.0);
    assert_eq!(census.plumes.mean(july).unwrap()[node], 1.0);
    assert_eq!(
        census.plumes.mean(july).unwrap()[grid().nearest(40.0, 100.0)],
        0.0
    );
    assert!((census.precipitation.mean([7]).unwrap()[node] - 8.0).abs() < 1e-5);
    assert_eq!(census.ice.mean([1]), None);
}

#[test]
fn what_a_record_may_lack_is_left_empty_and_the_rest_is_named() {
    let mut bare = state("1982-07-01T06".parse().unwrap(), (15.0, 130.0));
    bare.fields.remove(&Variable::SEA_ICE_COVER);
    bare.fields.remove(&Variable::TOTAL_PRECIPITATION_6HR);
    let found = census(std::slice::from_ref(&bare));
    assert_eq!(
        (found.days[0].ice, found.days[0].heavy_precipitation_share),
        (None, None)
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("daily.csv");
    write_daily_csv(&path, &found.days).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().nth(1).unwrap().ends_with(",,,,,,"), "{text}");
    bare.fields.remove(&Variable::SPECIFIC_HUMIDITY);
    let mut builder = CensusBuilder::new(&grid(), CensusConfig::default()).unwrap();
    let error = builder.add(&bare).unwrap_err().to_string();
    assert!(error.contains("specific_humidity"), "{error}");
}

#[test]
fn states_out_of_order_are_refused() {
    let states = record();
    let mut builder = CensusBuilder::new(&grid(), CensusConfig::default()).unwrap();
    builder.add(&states[1]).unwrap();
    for earlier in [&states[1], &states[0]] {
        let error = builder.add(earlier).unwrap_err();
        assert!(
            matches!(error, Error::InvalidParameter { name: "time", .. }),
            "{error}"
        );
    }
}

#[test]
fn only_what_is_there_is_asked_for() {
    let all = CensusBuilder::variables(|_| true);
    let least = CensusBuilder::variables(|_| false);
    assert!(all.contains(&Variable::SEA_ICE_COVER) && !least.contains(&Variable::SEA_ICE_COVER));
    assert!(least.contains(&Variable::SPECIFIC_HUMIDITY) && least.len() < all.len());
}
