//! An edited run against the unedited one.

use dropsonde_fields::{State, Variable};
use dropsonde_forecaster::Forecaster;
use tch::{Kind, Tensor};

use crate::injection::host;
use crate::{AreaMean, Departure, Difference, Quantity, Result};

/// Where changes count as local: centre (degrees north and east), radius in km.
pub(crate) type Local = Option<((f64, f64), f64)>;

/// The name of the first field that differs in any bit.
pub(crate) fn first_difference(a: &State, b: &State) -> Option<String> {
    let names = |s: &State| s.fields.keys().cloned().collect::<Vec<_>>();
    if a.time != b.time || names(a) != names(b) {
        return Some("the set of fields".to_owned());
    }
    let same = |(variable, field): (&Variable, &dropsonde_fields::Field)| {
        let other = &b.fields[variable];
        let bits = field
            .data
            .iter()
            .zip(&other.data)
            .all(|(x, y)| x.to_bits() == y.to_bits());
        (field.levels == other.levels && field.data.dim() == other.data.dim() && bits)
            .then_some(())
            .map_or(Some(variable.to_string()), |()| None)
    };
    a.fields.iter().find_map(same)
}

/// How far `state` is from `base`.
pub(crate) fn departure(
    forecaster: &Forecaster,
    area: &AreaMean,
    (state, base): (&State, &State),
    local: Local,
) -> Result<Departure> {
    let squares = squares(forecaster, state, base)?;
    let share = local.and_then(|(c, km)| area.share_within(squares.iter().copied(), c, km));
    Ok(Departure {
        rms: area.mean(squares.iter().copied()).sqrt(),
        local_share: share,
        mean_pressure_pa: mean_pressure(area, state, base)?,
    })
}

/// Per grid node the mean over channels of the squared change in units of the deviation of 6 h changes, `[N]`.
fn squares(forecaster: &Forecaster, state: &State, base: &State) -> Result<Vec<f64>> {
    let change = forecaster.raw_targets(state)? - forecaster.raw_targets(base)?;
    let n_inputs = forecaster.task().input_channels().len() as i64;
    let nothing = Tensor::zeros(
        [change.size()[0], 1, n_inputs],
        (change.kind(), change.device()),
    );
    // The map to normalised outputs is affine: take off where it sends 0.
    let scaled = |target: &Tensor| forecaster.normalized_targets(target, &nothing);
    let scaled = scaled(&change) - scaled(&change.zeros_like());
    host(
        &scaled
            .to_kind(Kind::Double)
            .square()
            .mean_dim([-1i64].as_slice(), false, None),
    )
}

fn mean_pressure(area: &AreaMean, state: &State, base: &State) -> Result<Option<f64>> {
    let known = [
        Variable::SURFACE_PRESSURE,
        Variable::MEAN_SEA_LEVEL_PRESSURE,
    ];
    let Some(variable) = known.iter().find(|v| state.fields.contains_key(*v)) else {
        return Ok(None);
    };
    let (now, then) = (state.plane(variable, None)?, base.plane(variable, None)?);
    let change = now
        .iter()
        .zip(then)
        .map(|(a, b)| f64::from(*a) - f64::from(*b));
    Ok(Some(area.mean(change)))
}

impl Difference {
    /// `state` minus `base` of one quantity.
    pub(crate) fn new(
        (run, lead_hours): (&str, i64),
        quantity: &Quantity,
        area: &AreaMean,
        (state, base): (&State, &State),
        local: Local,
    ) -> Result<Self> {
        let change = quantity.of(state)? - quantity.of(base)?;
        let values = || change.iter().map(|&x| f64::from(x));
        let squares = || values().map(|x| x * x);
        Ok(Self {
            run: run.to_owned(),
            quantity: quantity.clone(),
            units: quantity.units().to_owned(),
            lead_hours,
            rms: area.rms(values()),
            max_abs: values().map(f64::abs).fold(0.0, f64::max),
            mean: area.mean(values()),
            local_share: local.and_then(|(c, km)| area.share_within(squares(), c, km)),
            change,
        })
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::Field;
    use dropsonde_mesh::LatLonGrid;

    use super::*;
    use crate::storm::vortex::{Vortex, plain_state};

    #[test]
    fn one_bit_is_a_difference_and_its_variable_is_named() {
        let grid = LatLonGrid::with_poles(10.0).unwrap();
        let (a, mut b) = (plain_state(&grid), plain_state(&grid));
        assert_eq!(first_difference(&a, &b), None);
        if let Some(field) = b.fields.get_mut(&Variable::V_WIND_10M) {
            field.data[[0, 3, 4]] = -0.0;
        }
        assert_eq!(
            first_difference(&a, &b).as_deref(),
            Some("10m_v_component_of_wind")
        );
        b.fields.remove(&Variable::V_WIND_10M);
        assert!(first_difference(&a, &b).is_some());
    }

    #[test]
    fn a_difference_of_one_vortex_is_local() {
        let grid = LatLonGrid::with_poles(5.0).unwrap();
        let (base, mut state) = (plain_state(&grid), plain_state(&grid));
        Vortex::at((10.0, 100.0)).add_to(&mut state, &grid);
        let local = Some(((10.0, 100.0), 1500.0));
        let quantity = Quantity::from("mean_sea_level_pressure".to_owned());
        let area = AreaMean::new(&grid);
        let found = Difference::new(("x", 6), &quantity, &area, (&state, &base), local).unwrap();
        assert!((found.max_abs - 2000.0).abs() < 1.0, "{found:?}");
        assert!(found.local_share.unwrap() > 0.999 && found.mean < 0.0);
        assert_eq!(found.units, "Pa");
        assert_eq!(
            mean_pressure(&area, &state, &base).unwrap(),
            Some(found.mean)
        );
        state.insert(
            Variable::SURFACE_PRESSURE,
            Field::surface(ndarray::Array2::ones((37, 72))),
        );
        let mut other = base.clone();
        other.insert(
            Variable::SURFACE_PRESSURE,
            Field::surface(ndarray::Array2::zeros((37, 72))),
        );
        let mean = mean_pressure(&area, &state, &other).unwrap().unwrap();
        assert!((mean - 1.0).abs() < 1e-9);
    }
}
