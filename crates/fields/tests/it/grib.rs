//! GRIB2 files; the expected numbers were read from the same file with ECMWF's ecCodes 2.50.

use crate::common::data;
use dropsonde_fields::{Source, Time, Variable};

fn valid() -> Time {
    "2022-11-08T00".parse().unwrap()
}

/// Mean, north pole, 0N 10E, 27N 71W, last point of the south pole; in ERA5's units.
fn check(variable: &Variable, level: Option<u32>, expected: [f64; 5]) {
    let source = Source::open(data("gfs.grib2")).unwrap();
    let state = source.state(valid()).unwrap();
    let plane = state.plane(variable, level).unwrap();
    let mean = plane.iter().map(|&x| f64::from(x)).sum::<f64>() / plane.len() as f64;
    let point = |lat: usize, lon: usize| f64::from(plane[[lat + 90, lon]]);
    let south_pole = f64::from(plane[[0, 359]]);
    let found = [
        mean,
        f64::from(plane[[180, 0]]),
        point(0, 10),
        point(27, 289),
        south_pole,
    ];
    for (found, expected) in found.iter().zip(expected) {
        let tolerance = 1e-6 * expected.abs().max(1e-3);
        assert!(
            (found - expected).abs() < tolerance,
            "{variable}: {found}, expected {expected}"
        );
    }
}

#[test]
fn fields_have_the_names_and_units_of_era5() {
    let g = 9.806_65;
    let height = [
        5_478.589_627_647_33,
        5_111.707_187_5,
        5_871.267_187_5,
        5_786.427_187_5,
        4_826.467_187_5,
    ];
    check(&Variable::GEOPOTENTIAL, Some(500), height.map(|h| h * g));
    let orography = [
        384.412_612_946_437_15,
        0.061_862_793,
        46.141_862_793,
        0.061_862_793,
        2_775.421_862_793,
    ];
    check(
        &Variable::GEOPOTENTIAL_AT_SURFACE,
        None,
        orography.map(|h| h * g),
    );
    check(
        &Variable::LAND_SEA_MASK,
        None,
        [0.338_720_073_664_825_04, 0.0, 1.0, 0.0, 1.0],
    );
    check(
        &Variable::SEA_ICE_COVER,
        None,
        [0.127_454_619_398_404, 0.96, 0.0, 0.0, 0.0],
    );
}

#[test]
fn six_hour_precipitation_is_not_mistaken_for_the_sum_of_the_day() {
    let millimetres = [0.549_761_164_825_046, 0.0, 4.0625, 2.625, 0.125];
    check(
        &Variable::TOTAL_PRECIPITATION_6HR,
        None,
        millimetres.map(|mm| mm * 1e-3),
    );
}

#[test]
fn the_file_describes_itself() {
    let source = Source::open(data("gfs.grib2")).unwrap();
    assert_eq!(source.times(), [valid()]);
    assert_eq!(source.levels(), [500]);
    assert_eq!((source.grid().n_lat(), source.grid().n_lon()), (181, 360));
    assert!(source.is_flipped());
    assert_eq!(source.variables().len(), 5);
}

#[test]
fn a_directory_of_files_is_one_source() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(data("gfs.grib2"), directory.path().join("gfs.f024")).unwrap();
    std::fs::write(directory.path().join("README"), "not weather").unwrap();
    let source = Source::open(directory.path()).unwrap();
    assert_eq!(source.times(), [valid()]);
    assert!(source.state(valid()).is_ok());
}

#[test]
fn damaged_files_are_errors() {
    let bytes = std::fs::read(data("gfs.grib2")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.grib2");
    let error_of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let source = Source::open(&path);
        source
            .and_then(|s| s.state(valid()))
            .unwrap_err()
            .to_string()
    };
    let cut = error_of(&bytes[..bytes.len() - 1000]);
    assert!(
        cut.contains("damaged.grib2") && cut.contains("bytes left"),
        "{cut}"
    );
    let mut absurd = bytes.clone();
    absurd[8] = 0x7f;
    let absurd = error_of(&absurd);
    assert!(absurd.contains("a length of"), "{absurd}");
    let mut edition = bytes.clone();
    edition[7] = 1;
    let edition = error_of(&edition);
    assert!(edition.contains("edition 1"), "{edition}");
    let empty = error_of(&bytes[36_000..36_020]);
    assert!(empty.contains("damaged.grib2"), "{empty}");
}
