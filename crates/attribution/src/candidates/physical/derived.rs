//! Quantities that forecasters compute from the fields.

use std::fmt;

use dropsonde_fields::derived::{
    divergence, integrated_vapour_transport, relative_vorticity, thickness, total_column_water,
    wind_speed,
};
use dropsonde_fields::{Result, Source, State, Variable};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

/// One derived field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DerivedField {
    /// m s-1, on a level or (`None`) at 10 m.
    WindSpeed(Option<u32>),
    /// s-1, positive in the sense of a low on either hemisphere.
    CyclonicVorticity(u32),
    /// s-1.
    Divergence(u32),
    /// kg m-1 s-1.
    VapourTransport,
    /// kg m-2.
    ColumnWater,
    /// m between two levels.
    Thickness { upper: u32, lower: u32 },
}

impl fmt::Display for DerivedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WindSpeed(Some(level)) => write!(f, "wind speed@{level}"),
            Self::WindSpeed(None) => write!(f, "wind speed at 10 m"),
            Self::CyclonicVorticity(level) => write!(f, "cyclonic vorticity@{level}"),
            Self::Divergence(level) => write!(f, "divergence@{level}"),
            Self::VapourTransport => write!(f, "integrated vapour transport"),
            Self::ColumnWater => write!(f, "total column water (integrated)"),
            Self::Thickness { upper, lower } => write!(f, "thickness {upper}-{lower}"),
        }
    }
}

impl DerivedField {
    /// What can be computed from the variables of a source.
    pub(super) fn available(source: &Source) -> Vec<Self> {
        let has = |variables: &[Variable]| variables.iter().all(|v| source.has(v));
        let levels = source.levels();
        let mut out = Vec::new();
        if has(&[Variable::U_WIND, Variable::V_WIND]) {
            for &level in levels {
                out.push(Self::WindSpeed(Some(level)));
                out.push(Self::CyclonicVorticity(level));
                out.push(Self::Divergence(level));
            }
            if has(&[Variable::SPECIFIC_HUMIDITY]) && levels.len() > 1 {
                out.push(Self::VapourTransport);
            }
        }
        if has(&[Variable::U_WIND_10M, Variable::V_WIND_10M]) {
            out.push(Self::WindSpeed(None));
        }
        if has(&[Variable::SPECIFIC_HUMIDITY]) && levels.len() > 1 {
            out.push(Self::ColumnWater);
        }
        let (upper, lower) = (levels.iter().min(), levels.iter().max());
        if let (true, Some(&upper), Some(&lower)) = (has(&[Variable::GEOPOTENTIAL]), upper, lower) {
            let pairs = [(upper.max(300), lower.min(850)), (500, 1000), (500, 850)];
            let there =
                |p: &(u32, u32)| p.0 < p.1 && levels.contains(&p.0) && levels.contains(&p.1);
            out.extend(
                pairs
                    .into_iter()
                    .filter(there)
                    .map(|(upper, lower)| Self::Thickness { upper, lower }),
            );
        }
        out
    }

    /// The field at one time, `[lat, lon]`.
    pub(super) fn compute(self, state: &State, grid: &LatLonGrid) -> Result<Array2<f32>> {
        let wind = |level: u32| -> Result<_> {
            let u = state.plane(&Variable::U_WIND, Some(level))?;
            Ok((u, state.plane(&Variable::V_WIND, Some(level))?))
        };
        match self {
            Self::WindSpeed(Some(level)) => {
                let (u, v) = wind(level)?;
                Ok(wind_speed(u, v))
            }
            Self::WindSpeed(None) => {
                let u = state.plane(&Variable::U_WIND_10M, None)?;
                Ok(wind_speed(u, state.plane(&Variable::V_WIND_10M, None)?))
            }
            Self::CyclonicVorticity(level) => {
                let (u, v) = wind(level)?;
                let mut vorticity = relative_vorticity(u, v, grid)?;
                for (mut row, lat) in vorticity.rows_mut().into_iter().zip(grid.lat()) {
                    row.mapv_inplace(|x| if *lat < 0.0 { -x } else { x });
                }
                Ok(vorticity)
            }
            Self::Divergence(level) => {
                let (u, v) = wind(level)?;
                divergence(u, v, grid)
            }
            Self::VapourTransport => Ok(integrated_vapour_transport(state, grid)?.magnitude),
            Self::ColumnWater => total_column_water(state, grid),
            Self::Thickness { upper, lower } => thickness(state, upper, lower),
        }
    }
}
