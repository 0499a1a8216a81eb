//! Which GRIB2 parameters are ERA5's variables.

use crate::derived::STANDARD_GRAVITY;

/// A parameter at a kind of surface, and what it is called and measured in by ERA5.
pub(super) struct Parameter {
    /// Discipline, category and number (WMO code tables 0.0, 4.1, 4.2).
    code: Code,
    surface: Surface,
    /// Length of the accumulation, for sums over time.
    hours: Option<u32>,
    /// ERA5's name.
    pub(super) name: &'static str,
    /// ERA5's units.
    pub(super) units: &'static str,
    /// From the units of GRIB2 to those of ERA5.
    pub(super) factor: f64,
}

/// Fixed surfaces of WMO code table 4.5.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Surface {
    /// 100, with the pressure in Pa as the level.
    Isobaric,
    /// 103, metres above ground.
    AboveGround(f64),
    /// Any surface of this type.
    Type(u8),
}

const ISOBARIC: Surface = Surface::Isobaric;
const GROUND: Surface = Surface::Type(1);
const TWO_METRES: Surface = Surface::AboveGround(2.0);
const TEN_METRES: Surface = Surface::AboveGround(10.0);
const MEAN_SEA_LEVEL: Surface = Surface::Type(101);

type Code = (u8, u8, u8);

/// A field of one moment, in ERA5's units.
const fn at(code: Code, surface: Surface, name: &'static str, units: &'static str) -> Parameter {
    Parameter {
        code,
        surface,
        hours: None,
        name,
        units,
        factor: 1.0,
    }
}

/// A sum over hours, at the ground.
const fn sum(code: Code, hours: u32, name: &'static str, units: &'static str) -> Parameter {
    Parameter {
        hours: Some(hours),
        ..at(code, GROUND, name, units)
    }
}

impl Parameter {
    /// The same in other units, which this factor turns into ERA5's.
    const fn times(self, factor: f64) -> Self {
        Self { factor, ..self }
    }
}

/// Source: WMO GRIB2 code table 4.2, <https://codes.ecmwf.int/grib/format/grib2/ctables/4/>.
const PARAMETERS: &[Parameter] = &[
    at((0, 3, 5), ISOBARIC, "geopotential", "m2 s-2").times(STANDARD_GRAVITY),
    at((0, 3, 4), ISOBARIC, "geopotential", "m2 s-2"),
    at((0, 0, 0), ISOBARIC, "temperature", "K"),
    at((0, 2, 2), ISOBARIC, "u_component_of_wind", "m s-1"),
    at((0, 2, 3), ISOBARIC, "v_component_of_wind", "m s-1"),
    at((0, 2, 8), ISOBARIC, "vertical_velocity", "Pa s-1"),
    at((0, 1, 0), ISOBARIC, "specific_humidity", "kg kg-1"),
    at((0, 0, 0), TWO_METRES, "2m_temperature", "K"),
    at((0, 2, 2), TEN_METRES, "10m_u_component_of_wind", "m s-1"),
    at((0, 2, 3), TEN_METRES, "10m_v_component_of_wind", "m s-1"),
    at((0, 3, 1), MEAN_SEA_LEVEL, "mean_sea_level_pressure", "Pa"),
    at((0, 3, 0), MEAN_SEA_LEVEL, "mean_sea_level_pressure", "Pa"),
    at((0, 3, 0), GROUND, "surface_pressure", "Pa"),
    at((0, 0, 0), GROUND, "skin_temperature", "K"),
    at((0, 3, 5), GROUND, "geopotential_at_surface", "m2 s-2").times(STANDARD_GRAVITY),
    at((0, 3, 4), GROUND, "geopotential_at_surface", "m2 s-2"),
    at((2, 0, 0), GROUND, "land_sea_mask", "1"),
    at((10, 2, 0), GROUND, "sea_ice_cover", "1"),
    at((10, 3, 0), GROUND, "sea_surface_temperature", "K"),
    sum((0, 1, 8), 6, "total_precipitation_6hr", "m").times(1e-3),
    sum((0, 1, 8), 1, "total_precipitation", "m").times(1e-3),
];

/// What a message says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description {
    /// Discipline, category and number.
    pub(super) code: Code,
    /// Type and value of the first fixed surface.
    pub(super) surface: (u8, f64),
    /// Hours of accumulation, `None` for a field of one moment.
    pub(super) hours: Option<u32>,
}

impl Description {
    /// The parameter and, on pressure levels, the level in hPa (whole numbers only).
    pub(super) fn parameter(&self) -> Option<(&'static Parameter, Option<u32>)> {
        let parameter = PARAMETERS
            .iter()
            .find(|p| p.code == self.code && p.hours == self.hours && p.surface.is(self.surface))?;
        if parameter.surface != Surface::Isobaric {
            return Some((parameter, None));
        }
        let level = self.surface.1 / 100.0;
        let is_whole = (1.0..=2000.0).contains(&level) && (level - level.round()).abs() < 1e-6;
        is_whole.then_some((parameter, Some(level.round() as u32)))
    }
}

impl Surface {
    fn is(self, (kind, value): (u8, f64)) -> bool {
        match self {
            Self::Isobaric => kind == 100,
            Self::AboveGround(metres) => kind == 103 && value == metres,
            Self::Type(expected) => kind == expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(
        code: (u8, u8, u8),
        surface: (u8, f64),
        hours: Option<u32>,
    ) -> Option<(&'static str, Option<u32>)> {
        let found = Description {
            code,
            surface,
            hours,
        }
        .parameter();
        found.map(|(parameter, level)| (parameter.name, level))
    }

    #[test]
    fn parameters_are_told_apart_by_surface_and_accumulation() {
        let temperature = (0, 0, 0);
        assert_eq!(
            name(temperature, (100, 85_000.0), None),
            Some(("temperature", Some(850)))
        );
        assert_eq!(
            name(temperature, (103, 2.0), None),
            Some(("2m_temperature", None))
        );
        assert_eq!(name(temperature, (103, 80.0), None), None);
        assert_eq!(
            name(temperature, (100, 40.0), None),
            None,
            "0.4 hPa is no whole level"
        );
        let rain = (0, 1, 8);
        assert_eq!(
            name(rain, (1, 0.0), Some(6)),
            Some(("total_precipitation_6hr", None))
        );
        assert_eq!(name(rain, (1, 0.0), Some(24)), None);
        assert_eq!(name(rain, (1, 0.0), None), None);
    }
}
