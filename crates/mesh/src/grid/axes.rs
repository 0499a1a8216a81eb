//! Rules and arithmetic of single axes.

use super::GridKind;
use crate::error::{Axis, Error, Result};

/// Largest deviation from equal spacing, as a fraction of the step, that single-precision files show.
const SPACING_TOLERANCE: f64 = 1e-3;

pub(super) fn check_latitudes(lat: &[f32]) -> Result<()> {
    check_length(Axis::Latitude, lat.len())?;
    check_range(
        Axis::Latitude,
        lat,
        |x| x.abs() <= 90.0,
        ("-90 to 90", "the axes may be swapped"),
    )?;
    let (descending, expected) = match lat[1] < lat[0] {
        true => (true, "strictly descending"),
        false => (false, "strictly ascending"),
    };
    check_order(Axis::Latitude, lat, descending, expected)
}

pub(super) fn check_longitudes(lon: &[f32]) -> Result<()> {
    check_length(Axis::Longitude, lon.len())?;
    check_range(
        Axis::Longitude,
        lon,
        |x| (0.0..360.0).contains(&x),
        (
            "0 (included) to 360 (excluded)",
            "add 360 to negative longitudes and roll the axis and the data to ascending order",
        ),
    )?;
    check_order(Axis::Longitude, lon, false, "strictly ascending")?;
    let step = mean_step(lon);
    let uneven = lon.windows(2).position(|w| {
        let found = f64::from(w[1]) - f64::from(w[0]);
        (found - step).abs() > SPACING_TOLERANCE * step
    });
    match uneven {
        None => Ok(()),
        Some(before) => Err(Error::NotUniform {
            index: before + 1,
            found: f64::from(lon[before + 1]) - f64::from(lon[before]),
            expected: step,
        }),
    }
}

fn check_length(axis: Axis, found: usize) -> Result<()> {
    match found {
        0 | 1 => Err(Error::TooFewPoints { axis, found }),
        _ => Ok(()),
    }
}

fn check_range(
    axis: Axis,
    values: &[f32],
    allowed: impl Fn(f32) -> bool,
    (expected, hint): (&'static str, &'static str),
) -> Result<()> {
    for (index, &found) in values.iter().enumerate() {
        if !found.is_finite() {
            return Err(Error::NotFinite { axis, index, found });
        }
        if !allowed(found) {
            return Err(Error::OutOfRange {
                axis,
                index,
                found,
                expected,
                hint,
            });
        }
    }
    Ok(())
}

fn check_order(axis: Axis, values: &[f32], descending: bool, expected: &'static str) -> Result<()> {
    let broken = values.windows(2).position(|w| match descending {
        true => w[1] >= w[0],
        false => w[1] <= w[0],
    });
    match broken {
        None => Ok(()),
        Some(before) => Err(Error::NotMonotonic {
            axis,
            index: before + 1,
            previous: values[before],
            found: values[before + 1],
            expected,
        }),
    }
}

pub(super) fn kind(lat: &[f32]) -> GridKind {
    let step = mean_step(lat).abs();
    let even = lat.windows(2).all(|w| {
        let found = (f64::from(w[1]) - f64::from(w[0])).abs();
        (found - step).abs() <= SPACING_TOLERANCE * step
    });
    let (first, last) = (f64::from(lat[0]).abs(), f64::from(lat[lat.len() - 1]).abs());
    let ends_at = |x: f64| {
        let tolerance = SPACING_TOLERANCE * step;
        (first - x).abs() <= tolerance
            && (last - x).abs() <= tolerance
            && lat[0] * lat[lat.len() - 1] < 0.0
    };
    match even {
        true if ends_at(90.0) => GridKind::WithPoles,
        true if ends_at(90.0 - step / 2.0) => GridKind::CellCentres,
        _ => GridKind::General,
    }
}

pub(super) fn is_periodic(lon: &[f32]) -> bool {
    let step = mean_step(lon);
    (step * lon.len() as f64 - 360.0).abs()
        <= SPACING_TOLERANCE * 360.0_f64.min(step * lon.len() as f64)
}

/// The (southern, northern) edge in degrees of the band each row stands for.
pub(super) fn bands(lat: &[f32]) -> Vec<(f64, f64)> {
    let row = |i: usize| f64::from(lat[i]);
    let n = lat.len();
    let mut edges = Vec::with_capacity(n + 1);
    edges.push(outer_edge(row(0), row(1)));
    edges.extend((1..n).map(|i| (row(i - 1) + row(i)) / 2.0));
    edges.push(outer_edge(row(n - 1), row(n - 2)));
    edges
        .windows(2)
        .map(|w| (w[0].min(w[1]), w[0].max(w[1])))
        .collect()
}

/// The edge beyond the outermost row: the pole, or half a step where the pole is more than a step away.
fn outer_edge(outermost: f64, inner: f64) -> f64 {
    let step = outermost - inner;
    let pole = 90.0_f64.copysign(step);
    match (pole - outermost).abs() <= step.abs() {
        true => pole,
        false => outermost + step / 2.0,
    }
}

/// `sin(north) - sin(south)`, written as a product so that thin bands at the poles lose no digits.
pub(super) fn band_area((south, north): (f64, f64)) -> f64 {
    let middle_from_pole = 90.0 - ((south + north) / 2.0).abs();
    2.0 * middle_from_pole.to_radians().sin() * ((north - south) / 2.0).to_radians().sin()
}

/// The rows around `lat` and the weight of the second one.
pub(super) fn bracket_latitude(rows: &[f32], lat: f64) -> (usize, usize, f64) {
    let ascending = rows[0] < rows[1];
    let n_before = rows.partition_point(|&row| match ascending {
        true => f64::from(row) <= lat,
        false => f64::from(row) >= lat,
    });
    match n_before {
        0 => (0, 0, 0.0),
        n if n == rows.len() => (n - 1, n - 1, 0.0),
        n => {
            let (before, after) = (f64::from(rows[n - 1]), f64::from(rows[n]));
            (n - 1, n, (lat - before) / (after - before))
        }
    }
}

/// The columns around `lon` and the weight of the second one.
pub(super) fn bracket_longitude(columns: &[f32], lon: f64) -> (usize, usize, f64) {
    let n = columns.len();
    let step = mean_step(columns);
    let offset = (lon - f64::from(columns[0])).rem_euclid(360.0) / step;
    let west = offset.floor();
    if is_periodic(columns) {
        return (west as usize % n, (west as usize + 1) % n, offset - west);
    }
    let last = (n - 1) as f64;
    match offset <= last {
        true => (west as usize, (west as usize + 1).min(n - 1), offset - west),
        // Outside the columns: the nearer end, seen around the circle.
        false if offset - last <= 360.0 / step - offset => (n - 1, n - 1, 0.0),
        false => (0, 0, 0.0),
    }
}

fn mean_step(values: &[f32]) -> f64 {
    (f64::from(values[values.len() - 1]) - f64::from(values[0])) / (values.len() - 1) as f64
}
