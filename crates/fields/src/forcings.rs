//! Forcings that follow from the date and the position: progress of the year and the day, and sunlight.

mod irradiance;
mod sun;

use std::collections::BTreeMap;
use std::f32::consts::{PI, TAU};

use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

pub use irradiance::total_solar_irradiance;
pub use sun::{toa_incident_solar_radiation, toa_solar_flux};

use crate::{Error, Field, Result, Time, Variable};

/// The earliest date for which forcings are derived, 1900-01-01T00.
///
/// The Sun's orbit is a fit to the present, the irradiance begins in 1951, and the most frequent cause of an
/// earlier date is a time axis with a wrong origin.
pub const FIRST_DATE: Time = Time(-2_208_988_800);

/// An error for a date before [`FIRST_DATE`].
pub(crate) fn check_date(time: Time) -> Result<()> {
    if time < FIRST_DATE {
        return Err(Error::DateTooEarly { time });
    }
    Ok(())
}

/// Mean tropical year in days, as GraphCast rounds it.
const DAYS_PER_YEAR: f64 = 365.24219;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// The derived forcings among `wanted` at one time: fields of shape `[1, lat, lon]`.
///
/// Knows the sine and cosine of the year's and the day's progress and `toa_incident_solar_radiation`;
/// other variables are left out of the result.
pub fn derive_forcings(
    grid: &LatLonGrid,
    time: Time,
    wanted: &[Variable],
) -> BTreeMap<Variable, Field> {
    let derive = |variable: &Variable| {
        Some((
            variable.clone(),
            Field::surface(derive_forcing(grid, time, variable)?),
        ))
    };
    wanted.iter().filter_map(derive).collect()
}

fn derive_forcing(grid: &LatLonGrid, time: Time, variable: &Variable) -> Option<Array2<f32>> {
    let shape = (grid.n_lat(), grid.n_lon());
    let year =
        |function: fn(f32) -> f32| Array2::from_elem(shape, function(TAU * year_progress(time)));
    let day = |function: fn(f32) -> f32| {
        let row: Vec<f32> = grid
            .lon()
            .iter()
            .map(|&lon| function(TAU * day_progress(time, lon)))
            .collect();
        Array2::from_shape_fn(shape, |(_, j)| row[j])
    };
    match variable.name() {
        "year_progress_sin" => Some(year(f32::sin)),
        "year_progress_cos" => Some(year(f32::cos)),
        "day_progress_sin" => Some(day(f32::sin)),
        "day_progress_cos" => Some(day(f32::cos)),
        "toa_incident_solar_radiation" => {
            Some(toa_incident_solar_radiation(grid, time).mapv(|joules| joules as f32))
        }
        _ => None,
    }
}

/// Share of the year that has passed, 0 to 1, counted from 1970-01-01T00.
pub fn year_progress(time: Time) -> f32 {
    (time.unix_seconds() as f64 / SECONDS_PER_DAY / DAYS_PER_YEAR).rem_euclid(1.0) as f32
}

/// Share of the day that has passed at a longitude in degrees, 0 to 1, from midnight of mean solar time.
pub fn day_progress(time: Time, longitude: f32) -> f32 {
    let greenwich = time.second_of_day() as f64 / SECONDS_PER_DAY;
    // Radians first, in f32, as the reference does it: the last bit depends on it.
    let turns = longitude * (PI / 180.0) / TAU;
    (greenwich + f64::from(turns)).rem_euclid(1.0) as f32
}
