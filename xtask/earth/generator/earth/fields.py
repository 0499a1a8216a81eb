"""From a day of the model to named fields in the units of ERA5, and the table of these fields."""

from datetime import date
from typing import Any

import jcm.constants
import numpy as np

from .insolation import accumulated_hour
from .model import Geometry
from .pressure_levels import GRAVITY, Profiles, sea_level_pressure, to_pressure
from .variables import ON_LEVELS, SINGLE_LEVEL

SKIN_SHARE = 0.3
"""Weight of the skin temperature in 2 m temperature; the rest is SPEEDY's near-surface air."""
MOSTLY_LAND = 0.9
"""Share of land above which a cell has no sea-surface temperature."""


def rain_totals(output: Any) -> np.ndarray:
    """Convective and large-scale precipitation in mm since the start of the run, at the end of a day, `[2, lon, lat]`."""
    return np.stack([np.asarray(output.physics["acc_conv"][-1]), np.asarray(output.physics["acc_ls"][-1])])


def fields_of_day(output: Any, rain_before: np.ndarray, day: date, geometry: Geometry) -> dict[str, np.ndarray]:
    """All variables of a day, `[time, (level,) lat, lon]` float32; `rain_before` is `rain_totals` of the day before."""
    profiles, surface_pressure = _profiles(output)
    on_pressure = to_pressure(profiles, surface_pressure, geometry.sigma)
    single = {
        **_surface(output, geometry),
        **_column(profiles, surface_pressure, geometry),
        **_precipitation(output, rain_before),
        "mean_sea_level_pressure": sea_level_pressure(
            profiles.temperature[:, -1], surface_pressure, surface_pressure * geometry.sigma[-1],
            geometry.surface_geopotential[None]),
        "surface_pressure": surface_pressure,
        "toa_incident_solar_radiation": accumulated_hour(day, len(surface_pressure), geometry.lon, geometry.lat),
    }
    fields = {name: getattr(on_pressure, attribute).transpose(0, 1, 3, 2) for name, attribute in ON_LEVELS.items()}
    fields |= {name: single[name].transpose(0, 2, 1) for name in SINGLE_LEVEL}
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in fields.items()}


def _single(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def _diagnostic(output: Any, name: str) -> Any:
    """A group of SPEEDY's diagnostics, whose name may begin with an underscore."""
    return output.physics[f"_{name}"] if f"_{name}" in output.physics else output.physics[name]


def _profiles(output: Any) -> tuple[Profiles, np.ndarray]:
    """The atmosphere on the model's levels, and surface pressure in Pa."""
    dynamics = output.dynamics
    profiles = Profiles(
        temperature=_single(dynamics.temperature),
        specific_humidity=_single(dynamics.specific_humidity),
        u_wind=_single(dynamics.u_wind),
        v_wind=_single(dynamics.v_wind),
        vertical_velocity=_single(output.physics["omega"]),
        geopotential=_single(dynamics.geopotential),
    )
    return profiles, _single(dynamics.normalized_surface_pressure) * jcm.constants.p0


def _surface(output: Any, geometry: Geometry) -> dict[str, np.ndarray]:
    """What SPEEDY says of the surface and of radiation."""
    flux = _diagnostic(output, "surface_flux")
    land = geometry.land[None] > MOSTLY_LAND
    return {
        "2m_temperature": (1 - SKIN_SHARE) * _single(flux.t0) + SKIN_SHARE * _single(flux.tskin),
        "10m_u_component_of_wind": _single(flux.u0),
        "10m_v_component_of_wind": _single(flux.v0),
        "skin_temperature": _single(flux.tskin),
        "sea_surface_temperature": np.where(land, np.nan, _single(output.physics["f_sst"])),
        "sea_ice_cover": np.where(land, 0.0, _single(output.physics["f_ice"])),
        "total_cloud_cover": _single(_diagnostic(output, "shortwave_rad").cloudc),
        "top_net_thermal_radiation_flux": -_single(_diagnostic(output, "longwave_rad").ftop),
    }


def _column(profiles: Profiles, surface_pressure: np.ndarray, geometry: Geometry) -> dict[str, np.ndarray]:
    """Integrals over the mass of the column."""
    mass = surface_pressure[:, None] * geometry.thickness[None, :, None, None] / GRAVITY
    humidity = profiles.specific_humidity
    flux = "vertical_integral_of_{}_water_vapour_flux"
    return {
        "total_column_water_vapour": (humidity * mass).sum(1),
        flux.format("eastward"): (humidity * profiles.u_wind * mass).sum(1),
        flux.format("northward"): (humidity * profiles.v_wind * mass).sum(1),
    }


def _precipitation(output: Any, rain_before: np.ndarray) -> dict[str, np.ndarray]:
    """Precipitation of each six hours in metres."""
    totals = np.stack([_single(output.physics["acc_conv"]), _single(output.physics["acc_ls"])], 1)
    steps = np.maximum(np.diff(np.concatenate([rain_before[None], totals]), axis=0), 0) / 1000.0
    return {"total_precipitation_6hr": steps.sum(1), "convective_precipitation_6hr": steps[:, 0]}
