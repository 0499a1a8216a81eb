//! Water vapour of a column and its horizontal transport.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Array3};

use super::{check_shape, column, layer_masses, surface_pressure, wind_speed};
use crate::{Error, Field, Result, State, Variable};

/// Integrated vapour transport in kg m-1 s-1, `[lat, lon]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct VapourTransport {
    /// Eastward component.
    pub u: Array2<f32>,
    /// Northward component.
    pub v: Array2<f32>,
    /// Length of the vector.
    pub magnitude: Array2<f32>,
}

/// Integrated vapour transport, the integral of `q u` and `q v` over `dp / g`.
///
/// Trapezoids over the levels that the state has, down to the ground as in [`layer_masses`]
/// if the state tells where that is ([`surface_pressure`]). With few levels this is a coarse
/// estimate: with 850 hPa as the lowest level its value stands for all the air below.
///
/// # Errors
/// [`Error::MissingVariable`] without humidity or winds, [`Error::Shape`] if their levels differ or they are
/// not on `grid`, [`Error::InvalidParameter`] if there are fewer than two levels.
pub fn integrated_vapour_transport(state: &State, grid: &LatLonGrid) -> Result<VapourTransport> {
    let (masses, humidity) = moist_column(state, grid)?;
    let flux = |wind: &Variable| -> Result<Array2<f32>> {
        let wind = state.get(wind)?;
        same_levels(state.get(&Variable::SPECIFIC_HUMIDITY)?, wind)?;
        let transport = &humidity * &wind.data.mapv(f64::from);
        Ok(column::integrate(&masses, &transport))
    };
    let (u, v) = (flux(&Variable::U_WIND)?, flux(&Variable::V_WIND)?);
    let magnitude = wind_speed(u.view(), v.view());
    Ok(VapourTransport { u, v, magnitude })
}

/// Water vapour of the column in kg m-2, `[lat, lon]`, from specific humidity on levels, with the same rule
/// for the integral as [`integrated_vapour_transport`].
///
/// # Errors
/// As [`integrated_vapour_transport`].
pub fn total_column_water(state: &State, grid: &LatLonGrid) -> Result<Array2<f32>> {
    let (masses, humidity) = moist_column(state, grid)?;
    Ok(column::integrate(&masses, &humidity))
}

/// Layer masses and specific humidity, both `[level, lat, lon]`.
fn moist_column(state: &State, grid: &LatLonGrid) -> Result<(Array3<f64>, Array3<f64>)> {
    let humidity = state.get(&Variable::SPECIFIC_HUMIDITY)?;
    check_shape("specific humidity", grid, &humidity.grid_shape())?;
    let ground = surface_pressure(state);
    if let Some(ground) = &ground {
        check_shape("surface pressure", grid, ground.shape())?;
    }
    let masses = layer_masses(
        &humidity.levels,
        ground.as_ref().map(|plane| plane.view()),
        humidity.grid_shape(),
    )?;
    Ok((masses, humidity.data.mapv(f64::from)))
}

fn same_levels(humidity: &Field, wind: &Field) -> Result<()> {
    if humidity.levels == wind.levels && humidity.data.dim() == wind.data.dim() {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!(
            "wind on levels {:?} hPa, humidity on {:?} hPa",
            wind.levels, humidity.levels
        ),
        expected: humidity.data.shape().to_vec(),
        found: wind.data.shape().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;

    fn state(levels: &[u32], shape: (usize, usize)) -> State {
        let field = |value: f32| {
            let data = Array3::from_elem((levels.len(), shape.0, shape.1), value);
            Field::on_levels(levels.to_vec(), data).unwrap()
        };
        let mut state = State::new(Time(0));
        state.insert(Variable::SPECIFIC_HUMIDITY, field(0.01));
        state.insert(Variable::U_WIND, field(-3.0));
        state.insert(Variable::V_WIND, field(4.0));
        state
    }

    #[test]
    fn uniform_column_in_closed_form() {
        let grid = LatLonGrid::with_poles(90.0).unwrap();
        let mut state = state(&[850, 500], (3, 4));
        let water = total_column_water(&state, &grid).unwrap();
        let expected = (0.01 * 35_000.0 / super::super::STANDARD_GRAVITY) as f32;
        assert!((water[[1, 2]] - expected).abs() < 1e-4);
        let surface = Field::surface(Array2::from_elem((3, 4), 100_000.0));
        state.insert(Variable::SURFACE_PRESSURE, surface);
        let transport = integrated_vapour_transport(&state, &grid).unwrap();
        let expected = (0.01 * 50_000.0 / super::super::STANDARD_GRAVITY) as f32;
        assert!((transport.magnitude[[0, 0]] - 5.0 * expected).abs() < 1e-3);
        assert!((transport.u[[2, 3]] + 3.0 * expected).abs() < 1e-3);
    }

    #[test]
    fn a_wrong_grid_is_an_error() {
        let grid = LatLonGrid::with_poles(45.0).unwrap();
        let error = total_column_water(&state(&[850, 500], (3, 4)), &grid).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected shape [5, 8], found [3, 4]"),
            "{error}"
        );
    }

    #[test]
    fn winds_on_other_levels_are_an_error() {
        let grid = LatLonGrid::with_poles(90.0).unwrap();
        let mut mixed = state(&[850, 500], (3, 4));
        let other = state(&[850, 700], (3, 4));
        mixed.insert(Variable::V_WIND, other.fields[&Variable::V_WIND].clone());
        let error = integrated_vapour_transport(&mixed, &grid)
            .unwrap_err()
            .to_string();
        assert!(error.contains("[850, 700] hPa"), "{error}");
    }
}
