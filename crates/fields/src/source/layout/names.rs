//! Names of dimensions, coordinates and variables as stores write them.

use super::super::store::ArrayInfo;
use super::Role;

pub(in super::super) const LATITUDE: [&str; 2] = ["latitude", "lat"];
pub(in super::super) const LONGITUDE: [&str; 2] = ["longitude", "lon"];
pub(in super::super) const LEVEL: [&str; 6] = [
    "level",
    "pressure_level",
    "isobaricInhPa",
    "isobaricInPa",
    "plev",
    "pressure",
];
pub(in super::super) const TIME: [&str; 2] = ["time", "valid_time"];
/// The start of a forecast where it is not called `time`.
pub(in super::super) const INIT: [&str; 3] =
    ["init_time", "forecast_reference_time", "initial_time"];
pub(in super::super) const LEAD: [&str; 5] = [
    "prediction_timedelta",
    "step",
    "lead_time",
    "lead",
    "forecast_period",
];
pub(in super::super) const BATCH: &str = "batch";
pub(in super::super) const DATETIME: &str = "datetime";
pub(in super::super) const HOUR: &str = "hour";
pub(in super::super) const DAY_OF_YEAR: &str = "dayofyear";

/// ERA5's names for what GRIB decoders and the Climate Data Store call by a short name.
/// Source: ECMWF parameter database, <https://codes.ecmwf.int/grib/param-db/>.
const SHORT: [(&str, &str); 44] = [
    ("z", "geopotential"),
    ("t", "temperature"),
    ("u", "u_component_of_wind"),
    ("v", "v_component_of_wind"),
    ("w", "vertical_velocity"),
    ("q", "specific_humidity"),
    ("pv", "potential_vorticity"),
    ("vo", "vorticity"),
    ("d", "divergence"),
    ("r", "relative_humidity"),
    ("cc", "fraction_of_cloud_cover"),
    ("o3", "ozone_mass_mixing_ratio"),
    ("clwc", "specific_cloud_liquid_water_content"),
    ("ciwc", "specific_cloud_ice_water_content"),
    ("crwc", "specific_rain_water_content"),
    ("cswc", "specific_snow_water_content"),
    ("t2m", "2m_temperature"),
    ("2t", "2m_temperature"),
    ("d2m", "2m_dewpoint_temperature"),
    ("2d", "2m_dewpoint_temperature"),
    ("u10", "10m_u_component_of_wind"),
    ("10u", "10m_u_component_of_wind"),
    ("v10", "10m_v_component_of_wind"),
    ("10v", "10m_v_component_of_wind"),
    ("msl", "mean_sea_level_pressure"),
    ("sp", "surface_pressure"),
    ("skt", "skin_temperature"),
    ("tp", "total_precipitation"),
    ("cp", "convective_precipitation"),
    ("tcwv", "total_column_water_vapour"),
    ("tcw", "total_column_water"),
    ("tcc", "total_cloud_cover"),
    ("viwve", "vertical_integral_of_eastward_water_vapour_flux"),
    ("viwvn", "vertical_integral_of_northward_water_vapour_flux"),
    ("lsm", "land_sea_mask"),
    ("sst", "sea_surface_temperature"),
    ("siconc", "sea_ice_cover"),
    ("ci", "sea_ice_cover"),
    ("tisr", "toa_incident_solar_radiation"),
    ("slt", "soil_type"),
    ("swvl1", "volumetric_soil_water_layer_1"),
    ("stl1", "soil_temperature_level_1"),
    ("sd", "snow_depth"),
    ("i10fg", "instantaneous_10m_wind_gust"),
];

/// Long names that no short name stands for.
const MORE: [&str; 6] = [
    "geopotential_at_surface",
    "total_precipitation_6hr",
    "convective_precipitation_6hr",
    "total_precipitation_24hr",
    "wind_speed",
    "10m_wind_speed",
];

/// How many of the names in [`SHORT`] are of fields on pressure levels.
const N_ON_LEVELS: usize = 16;

/// ERA5's name for an array, by its stored name and what is said of it.
pub(super) fn long_name<'a>(
    stored: &'a str,
    info: &ArrayInfo,
    roles: &[Role],
    scalar_level: bool,
) -> &'a str {
    let Some(index) = SHORT.iter().position(|(short, _)| *short == stored) else {
        return stored;
    };
    let on_level = roles.contains(&Role::Level) || scalar_level;
    if stored == "z" && !on_level {
        return if is_of_the_surface(info, roles) {
            "geopotential_at_surface"
        } else {
            stored
        };
    }
    // `t`, `u`, `v` and the like without a level could be of any height.
    if index < N_ON_LEVELS && !on_level {
        return stored;
    }
    SHORT[index].1
}

/// Whether geopotential without a level is that of the ground: it says so, or it does not change.
fn is_of_the_surface(info: &ArrayInfo, roles: &[Role]) -> bool {
    match info.text("GRIB_typeOfLevel") {
        Some(kind) => kind == "surface",
        None => roles
            .iter()
            .zip(&info.shape)
            .all(|(role, &length)| length == 1 || !matches!(role, Role::Time | Role::Lead)),
    }
}

/// Names to try in a store that cannot list what it has.
pub(in super::super) fn known_arrays() -> Vec<&'static str> {
    let coordinates = [
        &LATITUDE[..],
        &LONGITUDE,
        &LEVEL,
        &TIME,
        &INIT,
        &LEAD,
        &[DATETIME, HOUR, DAY_OF_YEAR],
    ];
    let variables = SHORT.iter().flat_map(|(short, long)| [*short, *long]);
    let mut names: Vec<_> = coordinates
        .concat()
        .into_iter()
        .chain(variables)
        .chain(MORE)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::Variable;

    fn info(shape: &[usize], attributes: serde_json::Value) -> ArrayInfo {
        ArrayInfo {
            dims: vec![String::new(); shape.len()],
            shape: shape.to_vec(),
            attributes: attributes.as_object().cloned().unwrap_or_else(Map::new),
        }
    }

    #[test]
    fn the_first_names_are_those_on_levels() {
        for (index, (short, long)) in SHORT.iter().enumerate() {
            let atmospheric = Variable::new(long).is_atmospheric();
            assert_eq!(atmospheric, index < N_ON_LEVELS, "{short}");
        }
    }

    #[test]
    fn geopotential_of_the_ground_and_of_a_level() {
        let surface = [Role::Time, Role::Latitude, Role::Longitude];
        let levels = [Role::Time, Role::Level, Role::Latitude, Role::Longitude];
        let nothing = json!({});
        let name = |shape: &[usize], attributes: &serde_json::Value, roles: &[Role]| {
            long_name("z", &info(shape, attributes.clone()), roles, false).to_owned()
        };
        assert_eq!(name(&[4, 2, 3, 4], &nothing, &levels), "geopotential");
        assert_eq!(
            name(&[1, 3, 4], &nothing, &surface),
            "geopotential_at_surface"
        );
        assert_eq!(
            name(&[3, 4], &nothing, &surface[1..]),
            "geopotential_at_surface"
        );
        assert_eq!(name(&[9, 3, 4], &nothing, &surface), "z");
        let ground = json!({"GRIB_typeOfLevel": "surface"});
        assert_eq!(
            name(&[9, 3, 4], &ground, &surface),
            "geopotential_at_surface"
        );
        let level = json!({"GRIB_typeOfLevel": "isobaricInhPa"});
        assert_eq!(name(&[1, 3, 4], &level, &surface), "z");
        let t = info(&[3, 4], nothing.clone());
        assert_eq!(long_name("t", &t, &surface[1..], false), "t");
        assert_eq!(long_name("t", &t, &surface[1..], true), "temperature");
        assert_eq!(long_name("t2m", &t, &surface[1..], false), "2m_temperature");
        assert_eq!(long_name("my_field", &t, &surface[1..], false), "my_field");
    }
}
