//! Grids: which are accepted, their area weights, and looking up points.

use dropsonde_mesh::{Axis, Error, Graph, GraphConfig, GridKind, LatLonGrid, great_circle_km};
use proptest::prelude::*;

fn lon(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| (i as f64 * 360.0 / n as f64) as f32)
        .collect()
}

fn cell_centres(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| (-90.0 + (i as f64 + 0.5) * 180.0 / n as f64) as f32)
        .collect()
}

/// Rows of the N16 Gaussian grid: arcsines of the zeros of the 32nd Legendre polynomial.
fn gaussian(n: usize) -> (Vec<f32>, Vec<f64>) {
    let (mut lat, mut weights) = (Vec::new(), Vec::new());
    for i in (0..n).rev() {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 0.0;
        for _ in 0..20 {
            let (mut p, mut previous) = (1.0, 0.0);
            for k in 0..n {
                let k = k as f64;
                (p, previous) = (((2.0 * k + 1.0) * x * p - k * previous) / (k + 1.0), p);
            }
            slope = n as f64 * (x * p - previous) / (x * x - 1.0);
            x -= p / slope;
        }
        lat.push(x.asin().to_degrees() as f32);
        weights.push(2.0 / ((1.0 - x * x) * slope * slope));
    }
    (lat, weights)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn weights_with_poles_are_those_of_the_reference_loss() {
    for resolution in [0.25, 1.0, 10.0] {
        let grid = LatLonGrid::with_poles(resolution).unwrap();
        assert_eq!(grid.kind(), GridKind::WithPoles);
        let half = (resolution / 2.0).to_radians();
        let mut expected: Vec<f64> = grid
            .lat()
            .iter()
            .map(|&lat| f64::from(lat).to_radians().cos() * half.sin())
            .collect();
        let n = expected.len();
        expected[0] = (half / 2.0).sin().powi(2);
        expected[n - 1] = expected[0];
        let scale = mean(&expected);
        for (ours, theirs) in grid.latitude_weights().iter().zip(&expected) {
            assert!(
                (ours / (theirs / scale) - 1.0).abs() < 1e-9,
                "{resolution}: {ours} {}",
                theirs / scale
            );
        }
    }
}

#[test]
fn weights_of_cell_centres_are_cosines() {
    let grid = LatLonGrid::new(cell_centres(32), lon(64)).unwrap();
    assert_eq!(grid.kind(), GridKind::CellCentres);
    let cosines: Vec<f64> = grid
        .lat()
        .iter()
        .map(|&lat| f64::from(lat).to_radians().cos())
        .collect();
    for (ours, theirs) in grid.latitude_weights().iter().zip(&cosines) {
        assert!((ours - theirs / mean(&cosines)).abs() < 1e-12);
    }
}

#[test]
fn weights_of_gaussian_rows_are_close_to_the_quadrature() {
    let (lat, quadrature) = gaussian(32);
    let grid = LatLonGrid::new(lat, lon(64)).unwrap();
    assert_eq!(grid.kind(), GridKind::General);
    for (ours, exact) in grid.latitude_weights().iter().zip(&quadrature) {
        let exact = exact / mean(&quadrature);
        assert!((ours - exact).abs() < 0.02, "{ours} {exact}");
    }
}

#[test]
fn weights_of_paired_gaussian_rows_reach_the_poles() {
    let (fine, _) = gaussian(96);
    let lat: Vec<f32> = fine
        .chunks(2)
        .map(|pair| (pair[0] + pair[1]) / 2.0)
        .collect();
    let grid = LatLonGrid::new(lat.clone(), lon(96)).unwrap();
    let weights = grid.latitude_weights();
    assert!((mean(&weights) - 1.0).abs() < 1e-14);
    let edge = (f64::from(lat[0]) + f64::from(lat[1])) / 2.0;
    let share = (edge.to_radians().sin() + 1.0) / 2.0;
    assert!((weights[0] / weights.len() as f64 - share).abs() < 1e-12);
}

#[test]
fn weights_of_a_region_are_symmetric_bands() {
    let grid = LatLonGrid::new(vec![20.0, 21.0, 22.0], vec![100.0, 101.0]).unwrap();
    let weights = grid.latitude_weights();
    let cosines: Vec<f64> = grid
        .lat()
        .iter()
        .map(|&lat| f64::from(lat).to_radians().cos())
        .collect();
    for (ours, theirs) in weights.iter().zip(&cosines) {
        assert!((ours - theirs / mean(&cosines)).abs() < 1e-12);
    }
}

#[test]
fn weights_do_not_depend_on_the_direction() {
    let (mut lat, _) = gaussian(32);
    let northward = LatLonGrid::new(lat.clone(), lon(64))
        .unwrap()
        .latitude_weights();
    lat.reverse();
    let mut southward = LatLonGrid::new(lat, lon(64)).unwrap().latitude_weights();
    southward.reverse();
    assert_eq!(northward, southward);
}

#[test]
fn node_weights_sum_to_one() {
    let grid = LatLonGrid::with_poles(5.0).unwrap();
    let weights = grid.node_weights();
    assert_eq!(weights.len(), grid.n_nodes());
    assert!(weights.iter().all(|&w| w > 0.0));
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn axes_that_break_the_rules_are_named() {
    let good = || vec![-45.0, 0.0, 45.0];
    let error = |lat: Vec<f32>, lon: Vec<f32>| LatLonGrid::new(lat, lon).unwrap_err();

    let found = error(vec![-45.0, 10.0, 10.0], lon(4));
    assert!(matches!(
        found,
        Error::NotMonotonic {
            axis: Axis::Latitude,
            index: 2,
            ..
        }
    ));
    assert!(
        found
            .to_string()
            .contains("`latitude[2]` is `10` after `10`")
    );
    assert!(matches!(
        error(vec![45.0, 0.0, 10.0], lon(4)),
        Error::NotMonotonic { index: 2, .. }
    ));
    assert!(matches!(
        error(vec![0.0, f32::NAN], lon(4)),
        Error::NotFinite { index: 1, .. }
    ));
    assert!(matches!(
        error(vec![0.0, 91.0], lon(4)),
        Error::OutOfRange { index: 1, .. }
    ));
    assert!(matches!(
        error(vec![0.0], lon(4)),
        Error::TooFewPoints { found: 1, .. }
    ));
    assert!(matches!(
        error(good(), vec![]),
        Error::TooFewPoints {
            axis: Axis::Longitude,
            found: 0
        }
    ));
    assert!(matches!(
        error(good(), vec![-90.0, 0.0]),
        Error::OutOfRange {
            axis: Axis::Longitude,
            index: 0,
            ..
        }
    ));
    assert!(matches!(
        error(good(), vec![0.0, 360.0]),
        Error::OutOfRange { index: 1, .. }
    ));
    assert!(matches!(
        error(good(), vec![0.0, f32::INFINITY]),
        Error::NotFinite { .. }
    ));
    assert!(matches!(
        error(good(), vec![90.0, 0.0]),
        Error::NotMonotonic {
            axis: Axis::Longitude,
            ..
        }
    ));
    assert!(matches!(
        error(good(), vec![0.0, 1.0, 3.0]),
        Error::NotUniform { .. }
    ));
}

#[test]
fn resolutions_that_do_not_divide_the_sphere_are_an_error() {
    for resolution in [0.0, -1.0, 7.0, f64::NAN, f64::INFINITY, 180.0, 1e-9] {
        assert!(
            matches!(
                LatLonGrid::with_poles(resolution),
                Err(Error::Resolution { .. })
            ),
            "{resolution}"
        );
    }
}

#[test]
fn graph_configurations_out_of_range_are_an_error() {
    let grid = || LatLonGrid::with_poles(30.0).unwrap();
    let build = |change: fn(&mut GraphConfig)| {
        let mut config = GraphConfig::new(1);
        change(&mut config);
        Graph::build(grid(), &config)
    };
    assert!(build(|_| ()).is_ok());
    assert!(matches!(
        build(|c| c.mesh_size = 9),
        Err(Error::MeshSize { found: 9, .. })
    ));
    assert!(matches!(
        build(|c| c.radius_fraction = f64::NAN),
        Err(Error::RadiusFraction { .. })
    ));
    assert!(matches!(
        build(|c| c.radius_fraction = 0.0),
        Err(Error::RadiusFraction { .. })
    ));
    assert!(matches!(
        build(|c| c.mesh2grid_normalization = Some(-1.0)),
        Err(Error::Normalization { .. })
    ));
}

#[test]
fn bilinear_is_exact_for_bilinear_fields_and_wraps() {
    for descending in [false, true] {
        let mut lat = cell_centres(12);
        if descending {
            lat.reverse();
        }
        let grid = LatLonGrid::new(lat, lon(24)).unwrap();
        let interpolate = |lat: f64, lon: f64, field: &dyn Fn(f64, f64) -> f64| -> f64 {
            let terms = grid.bilinear(lat, lon);
            assert!((terms.iter().map(|t| t.1).sum::<f64>() - 1.0).abs() < 1e-12);
            terms
                .iter()
                .map(|&(node, w)| {
                    w * field(grid.position(node).0.into(), grid.position(node).1.into())
                })
                .sum()
        };
        let plane = |lat: f64, lon: f64| 2.0 * lat - 0.5 * lon + 0.01 * lat * lon;
        assert!((interpolate(33.3, 123.4, &plane) - plane(33.3, 123.4)).abs() < 1e-9);
        // Between the last and the first column.
        assert!(
            (interpolate(7.5, 352.5, &|_, lon| f64::from(u8::from(lon == 0.0))) - 0.5).abs() < 1e-9
        );
        // Beyond the outermost row only that row counts.
        assert!((interpolate(89.0, 10.0, &|lat, _| lat) - 82.5).abs() < 1e-9);
    }
}

proptest! {
    #[test]
    fn nearest_is_the_nearest(lat in -90.0..90.0_f64, lon_deg in -360.0..720.0_f64) {
        let grid = LatLonGrid::new(cell_centres(12), lon(20)).unwrap();
        let distance = |node: usize| {
            let (y, x) = grid.position(node);
            great_circle_km((lat, lon_deg), (y.into(), x.into()))
        };
        let best = (0..grid.n_nodes()).map(distance).fold(f64::MAX, f64::min);
        prop_assert!(distance(grid.nearest(lat, lon_deg)) - best < 1e-6);
    }
}
