//! Conservative averages on known fields.

use dropsonde_fields::{Coarsening, Field, TargetGrid};
use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3, Axis, s};

/// Gaussian-like rows: unequally spaced, none on a pole.
fn gaussian(n_lat: usize, n_lon: usize) -> LatLonGrid {
    let row = |i: usize| {
        let even = (i as f64 + 0.5) / n_lat as f64 * 180.0 - 90.0;
        (even + 0.3 * (even * 4.0).to_radians().sin()) as f32
    };
    let lon = (0..n_lon).map(|j| (j as f64 * 360.0 / n_lon as f64) as f32);
    LatLonGrid::new((0..n_lat).map(row).collect(), lon.collect()).unwrap()
}

fn coarsening(source: &LatLonGrid, target: &str) -> Coarsening {
    Coarsening::new(source, &target.parse::<TargetGrid>().unwrap()).unwrap()
}

fn waves(grid: &LatLonGrid) -> Array2<f32> {
    Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), |(i, j)| {
        (250 + (i * 37 + j * 101) % 83) as f32 + (i as f32 * 0.7).sin()
    })
}

#[test]
fn constants_stay_constant_on_every_pair_of_grids() {
    let sources = [
        gaussian(24, 48),
        LatLonGrid::with_poles(3.0).unwrap(),
        gaussian(25, 50),
    ];
    for source in &sources {
        for target in ["24x12", "16x8", "17x9", "10.0", "2x2"] {
            let coarsening = coarsening(source, target);
            let plane = Array2::from_elem((source.n_lat(), source.n_lon()), 271.3_f32);
            let found = coarsening.plane(plane.view()).unwrap();
            assert!(found.iter().all(|&x| x == 271.3), "{target}");
            let shares: f64 = coarsening.row_shares().iter().sum();
            assert!((shares - 1.0).abs() < 1e-14);
        }
    }
}

#[test]
fn row_shares_are_the_area_weights_of_regular_grids() {
    for (source, target) in [
        (LatLonGrid::with_poles(3.0).unwrap(), "10.0"),
        (gaussian(25, 50), "20x10"),
    ] {
        let coarsening = coarsening(&source, target);
        let grid = coarsening.grid();
        for (share, weight) in coarsening.row_shares().iter().zip(grid.latitude_weights()) {
            assert!(
                (share - weight / grid.n_lat() as f64).abs() < 1e-9,
                "{target}"
            );
        }
    }
}

#[test]
fn a_field_linear_in_the_sine_of_latitude_is_exact() {
    // The mean of the sine over a band is the mean of its edges' sines.
    let middle =
        |&(south, north): &(f64, f64)| (south.to_radians().sin() + north.to_radians().sin()) / 2.0;
    let source = gaussian(36, 24);
    let bands = source.latitude_bands();
    let plane = Array2::from_shape_fn((36, 24), |(i, _)| middle(&bands[i]) as f32);
    let coarsening = coarsening(&source, "12x18");
    let found = coarsening.plane(plane.view()).unwrap();
    for (k, row) in found.rows().into_iter().enumerate() {
        let expected = middle(&(bands[2 * k].0, bands[2 * k + 1].1));
        assert!(
            row.iter().all(|&x| (f64::from(x) - expected).abs() < 1e-7),
            "{k}"
        );
    }
}

#[test]
fn blocks_are_weighted_means_of_their_cells() {
    let source = gaussian(8, 16);
    let (plane, weights) = (waves(&source), source.latitude_weights());
    let coarsening = coarsening(&source, "8x4");
    assert_eq!(coarsening.grid().lon()[..2], [11.25, 56.25]);
    let found = coarsening.plane(plane.view()).unwrap();
    for i in 0..4 {
        for j in 0..8 {
            let block = plane.slice(s![2 * i..2 * i + 2, 2 * j..2 * j + 2]);
            let row = |k: usize| block.row(k).iter().map(|&x| f64::from(x)).sum::<f64>();
            let (a, b) = (weights[2 * i], weights[2 * i + 1]);
            let expected = (a * row(0) + b * row(1)) / (2.0 * (a + b));
            assert!((f64::from(found[[i, j]]) - expected).abs() < 2e-5);
        }
    }
}

#[test]
fn missing_cells_have_no_weight() {
    let source = LatLonGrid::new(
        vec![-60.0, -20.0, 20.0, 60.0],
        vec![0.0, 90.0, 180.0, 270.0],
    )
    .unwrap();
    let mut plane = Array2::from_shape_fn((4, 4), |(i, j)| (10 * i + j) as f32);
    for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (3, 3)] {
        plane[[i, j]] = f32::NAN;
    }
    let found = coarsening(&source, "2x2").plane(plane.view()).unwrap();
    assert!(found[[0, 0]].is_nan());
    let weights = source.latitude_weights();
    let expected = (weights[2] * 23.0 + weights[3] * 32.0) / (weights[2] + weights[3]);
    assert!((f64::from(found[[1, 1]]) - expected).abs() < 1e-5);
    // Rows and columns that do not divide: one known cell is all there is.
    let mut lonely = Array2::from_elem((4, 4), f32::NAN);
    lonely[[3, 0]] = 7.0;
    let found = coarsening(&source, "3x3").plane(lonely.view()).unwrap();
    assert_eq!((found[[2, 0]], found[[2, 1]].is_nan()), (7.0, true));
}

#[test]
fn every_level_is_averaged() {
    let source = gaussian(8, 16);
    let data = Array3::from_shape_fn((2, 8, 16), |(k, i, j)| (100 * k + i * j) as f32);
    let field = Field::on_levels(vec![500, 850], data.clone()).unwrap();
    let coarsening = coarsening(&source, "4x2");
    let found = coarsening.field(&field).unwrap();
    assert_eq!(
        (found.levels, found.data.shape()),
        (vec![500, 850], &[2, 2, 4][..])
    );
    let lower = coarsening.plane(data.index_axis(Axis(0), 1)).unwrap();
    assert_eq!(found.data.index_axis(Axis(0), 1), lower);
}

#[test]
fn what_cannot_be_averaged() {
    let source = gaussian(24, 48);
    let said = |source: &LatLonGrid, target: &str| {
        Coarsening::new(source, &target.parse().unwrap())
            .unwrap_err()
            .to_string()
    };
    assert!(
        said(&source, "96x48").contains("not finer"),
        "{}",
        said(&source, "96x48")
    );
    let region = LatLonGrid::new(vec![0.0, 10.0, 20.0], vec![0.0, 10.0, 20.0]).unwrap();
    assert!(said(&region, "2x2").contains("close the circle"));
    let wrong = coarsening(&source, "24x12").plane(Array2::zeros((12, 24)).view());
    assert!(wrong.unwrap_err().to_string().contains("[24, 48]"));
}
