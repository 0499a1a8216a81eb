//! Names of the CF standard name table.

use crate::Variable;

impl Variable {
    /// The CF standard name, if there is one for what the variable holds.
    ///
    /// Source: <https://cfconventions.org/Data/cf-standard-names/current/build/cf-standard-name-table.html>.
    ///
    /// ```
    /// use dropsonde_fields::Variable;
    /// assert_eq!(Variable::TEMPERATURE_2M.standard_name(), Some("air_temperature"));
    /// ```
    pub fn standard_name(&self) -> Option<&'static str> {
        Some(match self.name() {
            "geopotential" => "geopotential",
            "temperature" | "2m_temperature" => "air_temperature",
            "u_component_of_wind" | "10m_u_component_of_wind" => "eastward_wind",
            "v_component_of_wind" | "10m_v_component_of_wind" => "northward_wind",
            "vertical_velocity" => "lagrangian_tendency_of_air_pressure",
            "specific_humidity" => "specific_humidity",
            "relative_humidity" => "relative_humidity",
            "potential_vorticity" => "ertel_potential_vorticity",
            "vorticity" => "atmosphere_relative_vorticity",
            "divergence" => "divergence_of_wind",
            "fraction_of_cloud_cover" => "cloud_area_fraction_in_atmosphere_layer",
            "2m_dewpoint_temperature" => "dew_point_temperature",
            "mean_sea_level_pressure" => "air_pressure_at_mean_sea_level",
            "surface_pressure" => "surface_air_pressure",
            "skin_temperature" => "surface_temperature",
            "total_precipitation_6hr" => "lwe_thickness_of_precipitation_amount",
            "convective_precipitation_6hr" => "lwe_thickness_of_convective_precipitation_amount",
            "total_column_water_vapour" => "atmosphere_mass_content_of_water_vapor",
            "total_cloud_cover" => "cloud_area_fraction",
            "geopotential_at_surface" => "surface_geopotential",
            "land_sea_mask" => "land_area_fraction",
            "sea_surface_temperature" => "sea_surface_temperature",
            "sea_ice_cover" => "sea_ice_area_fraction",
            "soil_type" => "soil_type",
            _ => return None,
        })
    }
}
