//! Sunlight at the top of the atmosphere, accumulated over an hour as in ERA5.
//!
//! The orbit is that of ECMWF's IFS (documentation of cycle 47r1, part III, section 3.2.1, and `sucst.F90` of
//! OpenIFS) as used by GraphCast.

use std::f64::consts::TAU;

use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;
use rayon::prelude::*;

use super::total_solar_irradiance;
use crate::Time;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// 2000-01-01T12 in seconds since 1970-01-01T00.
const J2000_UNIX_SECONDS: i64 = 946_728_000;

const DAYS_PER_JULIAN_YEAR: f64 = 365.25;

/// The hour is cut in this many intervals.
const INTERVALS: i64 = 360;

const SECONDS_PER_INTERVAL: i64 = 3600 / INTERVALS;

/// What the position of the Sun is at one moment.
struct Sun {
    sin_declination: f64,
    cos_declination: f64,
    /// Hour angle at longitude zero in radians.
    hour_angle: f64,
    /// Square of mean distance over distance.
    proximity: f64,
}

impl Sun {
    /// The Sun this many seconds after J2000.
    fn at(seconds: i64) -> Self {
        let days = seconds as f64 / SECONDS_PER_DAY;
        let t = days / DAYS_PER_JULIAN_YEAR;
        let mean_longitude = 1.7535 + TAU_PER_YEAR * t;
        let anomaly = 6.240041 + 6.283020 * t;
        let ecliptic = 4.8951 + TAU_PER_YEAR * t;
        let longitude = 4.8952 + 6.283320 * t
            - 0.0075 * mean_longitude.sin()
            - 0.0326 * mean_longitude.cos()
            - 0.0003 * (2.0 * mean_longitude).sin()
            + 0.0002 * (2.0 * mean_longitude).cos();
        let sin_declination = OBLIQUITY.sin() * longitude.sin();
        let distance = 1.0001 - 0.0163 * mean_longitude.sin() + 0.0037 * mean_longitude.cos();
        let day_share = seconds.rem_euclid(86_400) as f64 / SECONDS_PER_DAY;
        let equation_of_time = equation_of_time(ecliptic, anomaly);
        Self {
            sin_declination,
            cos_declination: (1.0 - sin_declination * sin_declination).sqrt(),
            hour_angle: TAU * (day_share + equation_of_time / SECONDS_PER_DAY),
            proximity: distance.powi(-2),
        }
    }
}

const TAU_PER_YEAR: f64 = 6.283076;

const OBLIQUITY: f64 = 0.409093;

/// Apparent minus mean solar time in seconds.
fn equation_of_time(ecliptic: f64, anomaly: f64) -> f64 {
    591.8 * (2.0 * ecliptic).sin() - 459.4 * anomaly.sin()
        + 39.5 * anomaly.sin() * (2.0 * ecliptic).cos()
        - 12.7 * (4.0 * ecliptic).sin()
        - 4.8 * (2.0 * anomaly).sin()
}

/// Solar energy per horizontal area at the top of the atmosphere over the hour that ends at `time`.
///
/// Returns `[lat, lon]` in J m-2: the trapezoid rule over 361 moments, in f64.
pub fn toa_incident_solar_radiation(grid: &LatLonGrid, time: Time) -> Array2<f64> {
    let end = time.unix_seconds().saturating_sub(J2000_UNIX_SECONDS);
    let suns: Vec<Sun> = (0..=INTERVALS)
        .map(|sample| Sun::at(end.saturating_sub((INTERVALS - sample) * SECONDS_PER_INTERVAL)))
        .collect();
    let cos_hour_angles = cos_hour_angles(&suns, grid.lon());
    let irradiance = total_solar_irradiance(time);
    let n_lon = grid.n_lon();
    let mut energy = vec![0.0; grid.n_nodes()];
    energy
        .par_chunks_mut(n_lon)
        .zip(grid.lat().par_iter())
        .for_each(|(row, &lat)| {
            for (index, (sun, cosines)) in
                suns.iter().zip(cos_hour_angles.chunks(n_lon)).enumerate()
            {
                let is_end = index == 0 || index == suns.len() - 1;
                let seconds = SECONDS_PER_INTERVAL as f64 * if is_end { 0.5 } else { 1.0 };
                add_sample(
                    row,
                    cosines,
                    sun,
                    f64::from(lat).to_radians(),
                    seconds * irradiance,
                );
            }
        });
    Array2::from_shape_fn((grid.n_lat(), n_lon), |(i, j)| energy[i * n_lon + j])
}

/// Sunlight on a horizontal area at the top of the atmosphere at one moment: `[lat, lon]` in W m-2, in f64.
pub fn toa_solar_flux(grid: &LatLonGrid, time: Time) -> Array2<f64> {
    let suns = [Sun::at(
        time.unix_seconds().saturating_sub(J2000_UNIX_SECONDS),
    )];
    let cosines = cos_hour_angles(&suns, grid.lon());
    let irradiance = total_solar_irradiance(time);
    let mut flux = Array2::zeros((grid.n_lat(), grid.n_lon()));
    for (mut row, &lat) in flux.rows_mut().into_iter().zip(grid.lat()) {
        let mut values = vec![0.0; grid.n_lon()];
        add_sample(
            &mut values,
            &cosines,
            &suns[0],
            f64::from(lat).to_radians(),
            irradiance,
        );
        row.assign(&ndarray::ArrayView1::from(&values));
    }
    flux
}

/// Cosine of the hour angle, `[moment, lon]`.
fn cos_hour_angles(suns: &[Sun], longitudes: &[f32]) -> Vec<f64> {
    let longitudes: Vec<(f64, f64)> = longitudes
        .iter()
        .map(|&lon| f64::from(lon).to_radians().sin_cos())
        .collect();
    let mut cosines = Vec::with_capacity(suns.len() * longitudes.len());
    for sun in suns {
        let (sin, cos) = sun.hour_angle.sin_cos();
        cosines.extend(
            longitudes
                .iter()
                .map(|&(sin_lon, cos_lon)| cos * cos_lon - sin * sin_lon),
        );
    }
    cosines
}

/// Adds one moment's share to a row of constant latitude.
fn add_sample(row: &mut [f64], cos_hour_angles: &[f64], sun: &Sun, lat: f64, weight: f64) {
    let weight = weight * sun.proximity;
    let along = weight * lat.cos() * sun.cos_declination;
    let constant = weight * lat.sin() * sun.sin_declination;
    for (energy, cos_hour_angle) in row.iter_mut().zip(cos_hour_angles) {
        *energy += (along * cos_hour_angle + constant).max(0.0);
    }
}
