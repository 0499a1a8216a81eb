//! Temperature of a layer.

use ndarray::Array2;

use super::STANDARD_GRAVITY;
use crate::{Error, Result, State, Variable};

/// Mean temperature of some levels in K, `[lat, lon]`, each level with the same weight: the warm core of a
/// tropical low stands out in 300 and 500 hPa.
///
/// # Errors
/// [`Error::MissingVariable`] or [`Error::MissingLevel`]; [`Error::InvalidParameter`] without a level.
pub fn mean_temperature(state: &State, levels: &[u32]) -> Result<Array2<f32>> {
    let mut sum: Option<Array2<f64>> = None;
    for &level in levels {
        let plane = state
            .plane(&Variable::TEMPERATURE, Some(level))?
            .mapv(f64::from);
        sum = Some(match sum {
            Some(sum) => sum + plane,
            None => plane,
        });
    }
    let sum = sum.ok_or_else(|| Error::InvalidParameter {
        name: "levels",
        expected: "one pressure level at least".to_owned(),
        found: "none".to_owned(),
    })?;
    Ok(sum.mapv(|x| (x / levels.len() as f64) as f32))
}

/// Thickness in m of the layer between two pressure levels (hPa), `[lat, lon]`: the difference of geopotential
/// over gravity, proportional to the layer's mean virtual temperature.
///
/// # Errors
/// [`Error::MissingVariable`] or [`Error::MissingLevel`].
pub fn thickness(state: &State, upper: u32, lower: u32) -> Result<Array2<f32>> {
    let top = state.plane(&Variable::GEOPOTENTIAL, Some(upper))?;
    let bottom = state.plane(&Variable::GEOPOTENTIAL, Some(lower))?;
    Ok((&top - &bottom).mapv(|x| (f64::from(x) / STANDARD_GRAVITY) as f32))
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::derived::DRY_AIR_GAS_CONSTANT;
    use crate::{Field, Time};

    #[test]
    fn isothermal_layer() {
        let levels = vec![300, 500, 850];
        let temperature = 260.0_f64;
        let mut state = State::new(Time(0));
        let heights = Array3::from_shape_fn((3, 2, 2), |(k, _, _)| {
            (DRY_AIR_GAS_CONSTANT * temperature * (1000.0 / f64::from(levels[k])).ln()) as f32
        });
        let profile = Array3::from_shape_fn((3, 2, 2), |(k, _, _)| 260.0 + 10.0 * k as f32);
        state.insert(
            Variable::GEOPOTENTIAL,
            Field::on_levels(levels.clone(), heights).unwrap(),
        );
        state.insert(
            Variable::TEMPERATURE,
            Field::on_levels(levels, profile).unwrap(),
        );
        let expected = DRY_AIR_GAS_CONSTANT * temperature / STANDARD_GRAVITY * (5.0_f64 / 3.0).ln();
        let found = thickness(&state, 300, 500).unwrap()[[0, 1]];
        assert!((f64::from(found) - expected).abs() < 0.01);
        assert_eq!(
            mean_temperature(&state, &[300, 500]).unwrap()[[1, 1]],
            265.0
        );
        assert!(mean_temperature(&state, &[]).is_err());
        assert!(matches!(
            thickness(&state, 300, 925),
            Err(Error::MissingLevel { level: 925, .. })
        ));
    }
}
