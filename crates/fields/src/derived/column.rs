//! Mass of the layers of a column, for integrals over pressure.

use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::{Error, Result, State, Variable};

/// Standard gravity in m s-2 (CGPM 1901).
pub const STANDARD_GRAVITY: f64 = 9.80665;

/// Gas constant of dry air in J kg-1 K-1.
pub const DRY_AIR_GAS_CONSTANT: f64 = 287.05;

/// Pressure at the ground in Pa, `[lat, lon]`: `surface_pressure` if the state has it, else sea-level pressure
/// brought up to the orography with the 2 m temperature, `p exp(-z / (R T))`; `None` if the state has neither.
pub fn surface_pressure(state: &State) -> Option<Array2<f32>> {
    if let Ok(plane) = state.plane(&Variable::SURFACE_PRESSURE, None) {
        return Some(plane.to_owned());
    }
    let sea_level = state.plane(&Variable::MEAN_SEA_LEVEL_PRESSURE, None).ok()?;
    let ground = state.plane(&Variable::GEOPOTENTIAL_AT_SURFACE, None).ok()?;
    let temperature = state.plane(&Variable::TEMPERATURE_2M, None).ok()?;
    let scale = &ground / &temperature.mapv(|t| DRY_AIR_GAS_CONSTANT as f32 * t);
    Some(&sea_level * &scale.mapv(|x| (-x).exp()))
}

/// Mass in kg m-2 that each level stands for, `[level, lat, lon]` in the order of `levels` (hPa):
/// the integral over `dp / g` of a profile is the sum of its values times these.
///
/// Profiles are linear between levels (trapezoids). With a surface pressure (Pa, `[lat, lon]`) the integral ends
/// there: a layer below the ground does not count, and where the ground is below the lowest level that
/// level's value holds down to it. Without one it ends at the lowest level. Nothing above the highest level counts.
///
/// # Errors
/// [`Error::InvalidParameter`] unless there are two levels at least and all differ.
pub fn layer_masses(
    levels: &[u32],
    surface_pressure: Option<ArrayView2<'_, f32>>,
    shape: [usize; 2],
) -> Result<Array3<f64>> {
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by_key(|&k| levels[k]);
    let distinct = order.windows(2).all(|w| levels[w[0]] < levels[w[1]]);
    if levels.len() < 2 || !distinct {
        return Err(Error::InvalidParameter {
            name: "levels",
            expected: "two or more different pressure levels".to_owned(),
            found: format!("{levels:?}"),
        });
    }
    let mut masses = Array3::zeros((levels.len(), shape[0], shape[1]));
    let pressures: Vec<f64> = order
        .iter()
        .map(|&k| 100.0 * f64::from(levels[k]))
        .collect();
    let lowest = pressures[pressures.len() - 1];
    for i in 0..shape[0] {
        for j in 0..shape[1] {
            let ground = surface_pressure.map_or(lowest, |p| f64::from(p[[i, j]]));
            let column = column_masses(&pressures, ground);
            for (&k, mass) in order.iter().zip(column) {
                masses[[k, i, j]] = mass;
            }
        }
    }
    Ok(masses)
}

/// Masses of one column whose levels go down in the air, `pressures` ascending, ending at `ground` (Pa).
fn column_masses(pressures: &[f64], ground: f64) -> Vec<f64> {
    let mut masses = vec![0.0; pressures.len()];
    for (k, pair) in pressures.windows(2).enumerate() {
        let depth = pair[1] - pair[0];
        let above_ground = ground.clamp(pair[0], pair[1]) - pair[0];
        let lower_part = above_ground * above_ground / (2.0 * depth);
        masses[k] += (above_ground - lower_part) / STANDARD_GRAVITY;
        masses[k + 1] += lower_part / STANDARD_GRAVITY;
    }
    let last = pressures.len() - 1;
    masses[last] += (ground - pressures[last]).max(0.0) / STANDARD_GRAVITY;
    masses
}

/// Sum over levels of `masses * profile`, `[lat, lon]`.
pub(crate) fn integrate(masses: &Array3<f64>, profile: &Array3<f64>) -> Array2<f32> {
    (masses * profile).sum_axis(Axis(0)).mapv(|x| x as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Integral of a linear profile a + b p over dp / g, in closed form.
    fn linear_integral(a: f64, b: f64, top: f64, bottom: f64) -> f64 {
        (a * (bottom - top) + b * (bottom.powi(2) - top.powi(2)) / 2.0) / STANDARD_GRAVITY
    }

    #[test]
    fn linear_profiles_are_exact_down_to_the_ground() {
        let levels = [850, 200, 500, 700];
        for ground in [62_000.0_f32, 84_999.0, 50_000.0, 85_000.0] {
            let surface = Array2::from_elem((1, 1), ground);
            let masses = layer_masses(&levels, Some(surface.view()), [1, 1]).unwrap();
            let total: f64 = levels
                .iter()
                .zip(&masses)
                .map(|(&level, mass)| (3.0 + 1e-4 * f64::from(level) * 100.0) * mass)
                .sum();
            let expected = linear_integral(3.0, 1e-4, 20_000.0, f64::from(ground));
            assert!((total / expected - 1.0).abs() < 1e-12, "{ground}");
        }
    }

    #[test]
    fn the_lowest_value_holds_down_to_the_ground() {
        let surface = Array2::from_elem((1, 2), 101_000.0);
        let masses = layer_masses(&[500, 850], Some(surface.view()), [1, 2]).unwrap();
        let expected = (17_500.0 + 16_000.0) / STANDARD_GRAVITY;
        assert!((masses[[1, 0, 1]] - expected).abs() < 1e-9);
        let without = layer_masses(&[500, 850], None, [1, 2]).unwrap();
        assert!((without.sum() - 2.0 * 35_000.0 / STANDARD_GRAVITY).abs() < 1e-9);
    }

    #[test]
    fn repeated_levels_are_an_error() {
        for levels in [vec![850], vec![850, 500, 850]] {
            let error = layer_masses(&levels, None, [1, 1]).unwrap_err().to_string();
            assert!(error.contains("different pressure levels"), "{error}");
        }
    }
}
