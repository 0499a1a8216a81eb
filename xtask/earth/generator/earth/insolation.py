"""Sunlight at the top of the atmosphere, moment by moment.

Declination and distance of the sun are the Fourier series of SPEEDY's own `solar` (Spencer 1971), so that the mean
over a day is what the stock model uses. Functions take numpy or `jax.numpy` as `xp`.
"""

from datetime import date
from types import ModuleType
from typing import Any

import numpy as np

QUARTER_SOLAR_CONSTANT = 342.0
"""W m-2, SPEEDY's `solc`: the solar constant over four."""

SUB_STEPS_PER_HOUR = 6


def sun(year_fraction: Any, xp: ModuleType = np) -> tuple[Any, Any]:
    """Declination (radians) and squared inverse distance (mean 1) at a fraction of the year from 1 January."""
    a = 2 * np.pi * year_fraction
    c1, s1 = xp.cos(a), xp.sin(a)
    c2, s2 = xp.cos(2 * a), xp.sin(2 * a)
    c3, s3 = xp.cos(3 * a), xp.sin(3 * a)
    declination = (0.006918 - 0.399912 * c1 + 0.070257 * s1 - 0.006758 * c2 + 0.000907 * s2
                   - 0.002697 * c3 + 0.001480 * s3)
    distance = 1.000110 + 0.034221 * c1 + 0.001280 * s1 + 0.000719 * c2 + 0.000077 * s2
    return declination, distance


def insolation(year_fraction: Any, day_fraction: Any, lon: Any, sin_lat: Any, cos_lat: Any,
               xp: ModuleType = np) -> Any:
    """Sunlight on a horizontal plane in W m-2, `[lon, lat]`.

    `day_fraction` is universal time over a day, `lon` radians `[lon]`, `sin_lat` and `cos_lat` `[lat]`.
    """
    declination, distance = sun(year_fraction, xp)
    hour_angle = 2 * np.pi * day_fraction + lon[:, None] - np.pi
    cos_zenith = sin_lat[None] * xp.sin(declination) + cos_lat[None] * xp.cos(declination) * xp.cos(hour_angle)
    return 4.0 * QUARTER_SOLAR_CONSTANT * distance * xp.maximum(cos_zenith, 0.0)


def accumulated_hour(day: date, n_times: int, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Sunlight in J m-2 of the hour that ends at each of `n_times` six-hourly times after 0 UTC of `day`.

    `[time, lon, lat]`, for axes in degrees. The hour is ERA5's convention for `toa_incident_solar_radiation`.
    """
    total = np.zeros((n_times, len(lon), len(lat)), np.float32)
    lon_radians, lat_radians = np.deg2rad(lon), np.deg2rad(lat)
    sin_lat, cos_lat = np.sin(lat_radians), np.cos(lat_radians)
    step = 60 // SUB_STEPS_PER_HOUR
    for index in range(n_times):
        valid = np.datetime64(day, "m") + 360 * (index + 1)
        for sub_step in range(SUB_STEPS_PER_HOUR):
            moment = valid - 60 + step // 2 + step * sub_step
            flux = insolation(*_fractions(moment), lon_radians, sin_lat, cos_lat)
            total[index] += step * 60.0 * flux
    return total


def _fractions(moment: np.datetime64) -> tuple[float, float]:
    """Fraction of the year and of the day of a time in minutes."""
    year = moment.astype("datetime64[Y]")
    days = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(int)
    minute = np.timedelta64(1, "m")
    return (moment - year) / minute / (days * 1440.0), (moment - moment.astype("datetime64[D]")) / minute / 1440.0
