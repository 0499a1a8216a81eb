"""The table of variables: WeatherBench2's names, units, and how many mantissa bits are kept."""

ON_LEVELS = {
    "temperature": "temperature",
    "u_component_of_wind": "u_wind",
    "v_component_of_wind": "v_wind",
    "specific_humidity": "specific_humidity",
    "geopotential": "geopotential",
    "vertical_velocity": "vertical_velocity",
}
"""Variables on pressure levels, and the attribute of `Profiles` that holds each."""

SINGLE_LEVEL = (
    "2m_temperature",
    "10m_u_component_of_wind",
    "10m_v_component_of_wind",
    "mean_sea_level_pressure",
    "surface_pressure",
    "total_precipitation_6hr",
    "convective_precipitation_6hr",
    "sea_surface_temperature",
    "sea_ice_cover",
    "skin_temperature",
    "total_column_water_vapour",
    "vertical_integral_of_eastward_water_vapour_flux",
    "vertical_integral_of_northward_water_vapour_flux",
    "toa_incident_solar_radiation",
    "total_cloud_cover",
    "top_net_thermal_radiation_flux",
)

STATIC = ("geopotential_at_surface", "land_sea_mask")

UNITS = {
    "temperature": "K",
    "u_component_of_wind": "m s**-1",
    "v_component_of_wind": "m s**-1",
    "specific_humidity": "kg kg**-1",
    "geopotential": "m**2 s**-2",
    "vertical_velocity": "Pa s**-1",
    "2m_temperature": "K",
    "10m_u_component_of_wind": "m s**-1",
    "10m_v_component_of_wind": "m s**-1",
    "mean_sea_level_pressure": "Pa",
    "surface_pressure": "Pa",
    "total_precipitation_6hr": "m",
    "convective_precipitation_6hr": "m",
    "sea_surface_temperature": "K",
    "sea_ice_cover": "1",
    "skin_temperature": "K",
    "total_column_water_vapour": "kg m**-2",
    "vertical_integral_of_eastward_water_vapour_flux": "kg m**-1 s**-1",
    "vertical_integral_of_northward_water_vapour_flux": "kg m**-1 s**-1",
    "toa_incident_solar_radiation": "J m**-2",
    "total_cloud_cover": "1",
    "top_net_thermal_radiation_flux": "W m**-2",
    "geopotential_at_surface": "m**2 s**-2",
    "land_sea_mask": "1",
}

DEFAULT_BITS = 12
BITS = {
    "geopotential": 16,
    "mean_sea_level_pressure": 16,
    "surface_pressure": 16,
    "temperature": 13,
    "2m_temperature": 13,
    "skin_temperature": 13,
    "sea_surface_temperature": 14,
}
"""Variables whose differences are small beside their values need more bits than the default."""


def mantissa_bits(name: str) -> int:
    """Mantissa bits that are kept of a variable."""
    return BITS.get(name, DEFAULT_BITS)
