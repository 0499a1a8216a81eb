//! The detector on made-up storms.

#[allow(dead_code)]
#[path = "../../examples/storms.rs"]
pub(crate) mod storms;

use dropsonde_fields::events::{Low, TropicalLowConfig, TropicalLows};
use dropsonde_fields::{Field, State, Time, Variable};
use dropsonde_mesh::{LatLonGrid, great_circle_km};
use ndarray::Array2;
use storms::{made_up_states, storm};

fn grid() -> LatLonGrid {
    LatLonGrid::with_poles(2.0).unwrap()
}

fn detect(state: &State) -> Vec<Low> {
    let lows = TropicalLows::new(&grid(), TropicalLowConfig::default()).unwrap();
    lows.detect(state).unwrap()
}

fn at(centre: (f64, f64)) -> State {
    storm(&grid(), Time::from_unix_seconds(0), centre, 2000.0)
}

#[test]
fn the_example_finds_the_storm_it_made() {
    let lows = TropicalLows::new(&grid(), TropicalLowConfig::default()).unwrap();
    let tracks = lows.tracks(made_up_states(&grid())).unwrap();
    assert_eq!(tracks.len(), 1);
    let last = tracks[0].points.last().unwrap();
    assert_eq!((tracks[0].points.len(), tracks[0].hours()), (13, 72));
    assert!(
        great_circle_km((last.lat, last.lon), (24.0, 124.0)) < 25.0,
        "{last:?}"
    );
    assert!((last.pressure_pa - 99_000.0).abs() < 5.0, "{last:?}");
}

#[test]
fn centres_between_nodes_and_in_both_hemispheres() {
    for centre in [(14.6, 200.7), (-15.3, 359.6), (-21.9, 0.5), (40.3, 61.0)] {
        let found = detect(&at(centre));
        assert_eq!(found.len(), 1, "{centre:?}");
        let low = found[0];
        assert!(
            great_circle_km((low.lat, low.lon), centre) < 40.0,
            "{centre:?} {low:?}"
        );
        assert!((0.0..360.0).contains(&low.lon));
        assert!((800.0..2000.0).contains(&low.depth_pa), "{low:?}");
        assert!((2.0..5.0).contains(&low.warm_core_k), "{low:?}");
        assert!((50.0..90.0).contains(&low.max_wind), "{low:?}");
    }
}

#[test]
fn what_is_not_a_tropical_low() {
    let still = |state: &mut State, variable: Variable| {
        let shape = (grid().n_lat(), grid().n_lon());
        let level = state.fields[&variable].levels.clone();
        let zero = Field {
            levels: level,
            ..Field::surface(Array2::zeros(shape))
        };
        state.insert(variable, zero);
    };
    let base = || at((15.0, 150.0));
    assert_eq!(detect(&base()).len(), 1);

    let mut calm = base();
    still(&mut calm, Variable::U_WIND_10M);
    still(&mut calm, Variable::V_WIND_10M);
    assert!(detect(&calm).is_empty(), "no wind");

    let mut irrotational = base();
    still(&mut irrotational, Variable::U_WIND);
    still(&mut irrotational, Variable::V_WIND);
    assert!(detect(&irrotational).is_empty(), "no vorticity");

    let mut cold = base();
    cold.fields
        .get_mut(&Variable::TEMPERATURE)
        .unwrap()
        .data
        .fill(250.0);
    assert!(detect(&cold).is_empty(), "no warm core");

    let mut ashore = base();
    ashore
        .fields
        .get_mut(&Variable::LAND_SEA_MASK)
        .unwrap()
        .data
        .fill(1.0);
    assert!(detect(&ashore).is_empty(), "over land");

    // Weak enough for the ring of opposite shear around it to stay below the threshold.
    let mut anticyclone = storm(&grid(), Time::from_unix_seconds(0), (15.0, 150.0), 600.0);
    assert_eq!(detect(&anticyclone).len(), 1);
    for variable in [Variable::U_WIND, Variable::V_WIND] {
        let field = anticyclone.fields.get_mut(&variable).unwrap();
        field.data.mapv_inplace(|x| -x);
    }
    assert!(detect(&anticyclone).is_empty(), "turning the wrong way");

    let shallow = storm(&grid(), Time::from_unix_seconds(0), (15.0, 150.0), 300.0);
    assert!(detect(&shallow).is_empty(), "not deep");
    assert!(
        detect(&at((55.0, 150.0))).is_empty(),
        "too far from the equator"
    );
}

#[test]
fn a_missing_variable_and_another_grid_are_named() {
    let lows = TropicalLows::new(&grid(), TropicalLowConfig::default()).unwrap();
    let mut state = at((15.0, 150.0));
    state.fields.remove(&Variable::LAND_SEA_MASK);
    let error = lows.detect(&state).unwrap_err().to_string();
    assert!(error.contains("`land_sea_mask`"), "{error}");

    let other = LatLonGrid::with_poles(3.0).unwrap();
    let state = storm(&other, Time::from_unix_seconds(0), (15.0, 150.0), 2000.0);
    let error = lows.detect(&state).unwrap_err().to_string();
    assert!(
        error.contains("expected shape [91, 180], found [61, 120]"),
        "{error}"
    );

    let config = TropicalLowConfig {
        vorticity_level: 925,
        ..TropicalLowConfig::default()
    };
    let error = TropicalLows::new(&grid(), config)
        .unwrap()
        .detect(&at((15.0, 150.0)))
        .unwrap_err();
    assert!(error.to_string().contains("925 hPa"), "{error}");
}
