//! Names of weather variables and what is known about each.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a variable is laid out and who provides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// On pressure levels.
    Atmospheric,
    /// One value per column.
    Surface,
    /// One value per column that never changes.
    Static,
    /// Computed from the date and the position alone.
    DerivedForcing,
    /// A boundary condition taken from the source at the target time; it persists where the source ends.
    PrescribedForcing,
}

/// The name of a weather variable: ERA5 long names as used by WeatherBench 2 and GraphCast.
///
/// Any name is allowed; an unknown one counts as a surface variable without units and with loss weight 1.
/// The order is that of the bytes of the name, which is the order of GraphCast's channels.
///
/// ```
/// use dropsonde_fields::Variable;
/// let variable = Variable::new("temperature");
/// assert_eq!(variable, Variable::TEMPERATURE);
/// assert!(variable.is_atmospheric());
/// assert_eq!(variable.units(), Some("K"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Variable(Cow<'static, str>);

/// What the table below says of one variable.
struct Known {
    name: &'static str,
    kind: Kind,
    units: &'static str,
}

const fn known(name: &'static str, kind: Kind, units: &'static str) -> Known {
    Known { name, kind, units }
}

/// Units are ERA5's (<https://confluence.ecmwf.int/display/CKB/ERA5%3A+data+documentation>).
const KNOWN: [Known; 40] = [
    known("geopotential", Kind::Atmospheric, "m2 s-2"),
    known("temperature", Kind::Atmospheric, "K"),
    known("u_component_of_wind", Kind::Atmospheric, "m s-1"),
    known("v_component_of_wind", Kind::Atmospheric, "m s-1"),
    known("vertical_velocity", Kind::Atmospheric, "Pa s-1"),
    known("specific_humidity", Kind::Atmospheric, "kg kg-1"),
    known("potential_vorticity", Kind::Atmospheric, "K m2 kg-1 s-1"),
    known("vorticity", Kind::Atmospheric, "s-1"),
    known("divergence", Kind::Atmospheric, "s-1"),
    known("relative_humidity", Kind::Atmospheric, "%"),
    known("fraction_of_cloud_cover", Kind::Atmospheric, "1"),
    known("ozone_mass_mixing_ratio", Kind::Atmospheric, "kg kg-1"),
    known(
        "specific_cloud_liquid_water_content",
        Kind::Atmospheric,
        "kg kg-1",
    ),
    known(
        "specific_cloud_ice_water_content",
        Kind::Atmospheric,
        "kg kg-1",
    ),
    known("specific_rain_water_content", Kind::Atmospheric, "kg kg-1"),
    known("specific_snow_water_content", Kind::Atmospheric, "kg kg-1"),
    known("2m_temperature", Kind::Surface, "K"),
    known("2m_dewpoint_temperature", Kind::Surface, "K"),
    known("10m_u_component_of_wind", Kind::Surface, "m s-1"),
    known("10m_v_component_of_wind", Kind::Surface, "m s-1"),
    known("mean_sea_level_pressure", Kind::Surface, "Pa"),
    known("surface_pressure", Kind::Surface, "Pa"),
    known("skin_temperature", Kind::Surface, "K"),
    known("total_precipitation_6hr", Kind::Surface, "m"),
    known("convective_precipitation_6hr", Kind::Surface, "m"),
    known("total_column_water_vapour", Kind::Surface, "kg m-2"),
    known("total_column_water", Kind::Surface, "kg m-2"),
    known("total_cloud_cover", Kind::Surface, "1"),
    known(
        "vertical_integral_of_eastward_water_vapour_flux",
        Kind::Surface,
        "kg m-1 s-1",
    ),
    known(
        "vertical_integral_of_northward_water_vapour_flux",
        Kind::Surface,
        "kg m-1 s-1",
    ),
    known("geopotential_at_surface", Kind::Static, "m2 s-2"),
    known("land_sea_mask", Kind::Static, "1"),
    known(
        "toa_incident_solar_radiation",
        Kind::DerivedForcing,
        "J m-2",
    ),
    known("year_progress_sin", Kind::DerivedForcing, "1"),
    known("year_progress_cos", Kind::DerivedForcing, "1"),
    known("day_progress_sin", Kind::DerivedForcing, "1"),
    known("day_progress_cos", Kind::DerivedForcing, "1"),
    known("sea_surface_temperature", Kind::PrescribedForcing, "K"),
    known("sea_ice_cover", Kind::PrescribedForcing, "1"),
    known("soil_type", Kind::Static, "1"),
];

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        impl Variable {
            $(
                #[doc = concat!("`", $name, "`.")]
                pub const $constant: Self = Self(Cow::Borrowed($name));
            )*
        }
    };
}

names! {
    GEOPOTENTIAL = "geopotential";
    TEMPERATURE = "temperature";
    U_WIND = "u_component_of_wind";
    V_WIND = "v_component_of_wind";
    VERTICAL_VELOCITY = "vertical_velocity";
    SPECIFIC_HUMIDITY = "specific_humidity";
    TEMPERATURE_2M = "2m_temperature";
    U_WIND_10M = "10m_u_component_of_wind";
    V_WIND_10M = "10m_v_component_of_wind";
    MEAN_SEA_LEVEL_PRESSURE = "mean_sea_level_pressure";
    SURFACE_PRESSURE = "surface_pressure";
    TOTAL_PRECIPITATION_6HR = "total_precipitation_6hr";
    TOTAL_COLUMN_WATER_VAPOUR = "total_column_water_vapour";
    GEOPOTENTIAL_AT_SURFACE = "geopotential_at_surface";
    LAND_SEA_MASK = "land_sea_mask";
    TOA_INCIDENT_SOLAR_RADIATION = "toa_incident_solar_radiation";
    YEAR_PROGRESS_SIN = "year_progress_sin";
    YEAR_PROGRESS_COS = "year_progress_cos";
    DAY_PROGRESS_SIN = "day_progress_sin";
    DAY_PROGRESS_COS = "day_progress_cos";
    SEA_SURFACE_TEMPERATURE = "sea_surface_temperature";
    SEA_ICE_COVER = "sea_ice_cover";
}

impl Variable {
    /// A variable of this name.
    pub fn new(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        match lookup(name) {
            Some(known) => Self(Cow::Borrowed(known.name)),
            None => Self(Cow::Owned(name.to_owned())),
        }
    }

    /// Every variable that something is known about.
    pub fn known() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|known| Self(Cow::Borrowed(known.name)))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// How the variable is laid out and who provides it; [`Kind::Surface`] for an unknown name.
    pub fn kind(&self) -> Kind {
        lookup(&self.0).map_or(Kind::Surface, |known| known.kind)
    }

    /// Whether the variable is on pressure levels.
    pub fn is_atmospheric(&self) -> bool {
        self.kind() == Kind::Atmospheric
    }

    /// Whether the variable never changes.
    pub fn is_static(&self) -> bool {
        self.kind() == Kind::Static
    }

    /// Whether the variable is given to a forecast from outside, derived or prescribed.
    pub fn is_forcing(&self) -> bool {
        self.is_derived_forcing() || self.kind() == Kind::PrescribedForcing
    }

    /// Whether the variable follows from the date and the position alone.
    pub fn is_derived_forcing(&self) -> bool {
        self.kind() == Kind::DerivedForcing
    }

    /// SI units as ERA5 writes them, if the variable is known.
    pub fn units(&self) -> Option<&'static str> {
        lookup(&self.0).map(|known| known.units)
    }

    /// Weight of the variable in GraphCast's training loss (arXiv 2212.12794, supplement section 4.2).
    pub fn loss_weight(&self) -> f64 {
        match self.name() {
            "10m_u_component_of_wind"
            | "10m_v_component_of_wind"
            | "mean_sea_level_pressure"
            | "total_precipitation_6hr" => 0.1,
            _ => 1.0,
        }
    }
}

fn lookup(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Variable {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::new(name))
    }
}

impl From<&str> for Variable {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Variable {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<Variable> for String {
    fn from(variable: Variable) -> Self {
        variable.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_no_name_twice_and_every_constant() {
        let mut names: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.len());
        for variable in [
            Variable::SEA_ICE_COVER,
            Variable::YEAR_PROGRESS_COS,
            Variable::U_WIND,
        ] {
            assert!(variable.units().is_some(), "{variable}");
        }
    }

    #[test]
    fn kinds() {
        assert!(Variable::TEMPERATURE.is_atmospheric());
        assert!(Variable::LAND_SEA_MASK.is_static());
        assert!(Variable::SEA_SURFACE_TEMPERATURE.is_forcing());
        assert!(!Variable::SEA_SURFACE_TEMPERATURE.is_derived_forcing());
        assert!(Variable::DAY_PROGRESS_COS.is_derived_forcing());
        assert_eq!(Variable::new("my_field").kind(), Kind::Surface);
        assert_eq!(Variable::new("my_field").units(), None);
    }

    #[test]
    fn serialises_as_a_string_and_sorts_by_bytes() {
        let text = serde_json::to_string(&Variable::TEMPERATURE).unwrap();
        assert_eq!(text, "\"temperature\"");
        assert_eq!(
            serde_json::from_str::<Variable>(&text).unwrap(),
            Variable::TEMPERATURE
        );
        assert!(Variable::U_WIND_10M < Variable::TEMPERATURE_2M);
        assert!(Variable::TEMPERATURE_2M < Variable::DAY_PROGRESS_COS);
    }
}
