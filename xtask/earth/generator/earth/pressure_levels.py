"""From the model's sigma levels to pressure levels and to sea level.

Profiles are `[time, sigma, lon, lat]` with the top first, results `[time, level, lon, lat]`; SI units.
"""

from dataclasses import dataclass

import numpy as np

LEVELS_HPA = (50, 100, 200, 300, 500, 700, 850, 925)
GRAVITY = 9.80665  # m s-2
DRY_AIR = 287.0  # J kg-1 K-1
LAPSE = 0.0065  # K m-1, standard atmosphere
VIRTUAL = 0.608  # virtual temperature is T (1 + 0.608 q)


@dataclass(frozen=True)
class Profiles:
    """The atmosphere on one set of levels."""

    temperature: np.ndarray  # K
    specific_humidity: np.ndarray  # kg kg-1
    u_wind: np.ndarray  # m s-1
    v_wind: np.ndarray  # m s-1
    vertical_velocity: np.ndarray  # Pa s-1
    geopotential: np.ndarray  # m2 s-2


def to_pressure(profiles: Profiles, surface_pressure: np.ndarray, sigma: np.ndarray) -> Profiles:
    """Profiles on `LEVELS_HPA`: linear in the logarithm of pressure, geopotential hydrostatic from both neighbours.

    Above the highest sigma level its values are held. Below the lowest, temperature follows 6.5 K/km and geopotential
    is consistent with it; humidity and wind are held; under the ground the vertical velocity is 0.
    `surface_pressure` is `[time, lon, lat]` in Pa.
    """
    log_p = np.log(surface_pressure[:, None] * sigma[None, :, None, None])
    levels = [_level(profiles, log_p, np.log(surface_pressure), np.log(level * 100.0)) for level in LEVELS_HPA]
    names = Profiles.__dataclass_fields__
    return Profiles(**{name: np.stack([getattr(level, name) for level in levels], 1) for name in names})


def _level(on_sigma: Profiles, log_p: np.ndarray, log_surface: np.ndarray, target: float) -> Profiles:
    """One pressure level, `[time, lon, lat]`."""
    lower = np.clip((log_p < target).sum(1), 1, log_p.shape[1] - 1)

    def take(values: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, index[:, None], 1)[:, 0]

    above, below = take(log_p, lower - 1), take(log_p, lower)
    x = np.clip((target - above) / (below - above), 0, 1)

    def linear(values: np.ndarray) -> np.ndarray:
        return (1 - x) * take(values, lower - 1) + x * take(values, lower)

    virtual = on_sigma.temperature * (1 + VIRTUAL * on_sigma.specific_humidity)
    here = linear(virtual)

    def hydrostatic(index: np.ndarray, log_there: np.ndarray) -> np.ndarray:
        """Geopotential here, integrated from the sigma level `index`."""
        thickness = DRY_AIR * (log_there - target) * 0.5 * (take(virtual, index) + here)
        return take(on_sigma.geopotential, index) + thickness

    geopotential = (1 - x) * hydrostatic(lower - 1, above) + x * hydrostatic(lower, below)
    temperature = linear(on_sigma.temperature)
    lowest = target > log_p[:, -1]
    sunk, deep = _below_lowest(on_sigma, virtual, np.where(lowest, target - log_p[:, -1], 0.0))
    return Profiles(
        temperature=np.where(lowest, sunk, temperature),
        specific_humidity=linear(on_sigma.specific_humidity),
        u_wind=linear(on_sigma.u_wind),
        v_wind=linear(on_sigma.v_wind),
        vertical_velocity=np.where(target > log_surface, 0.0, linear(on_sigma.vertical_velocity)),
        geopotential=np.where(lowest, deep, geopotential),
    )


def _below_lowest(on_sigma: Profiles, virtual: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Temperature and geopotential `depth` (in the logarithm of pressure) below the lowest sigma level."""
    temperature = on_sigma.temperature[:, -1] * np.exp(LAPSE * DRY_AIR / GRAVITY * depth)
    virtual_here = temperature * (1 + VIRTUAL * on_sigma.specific_humidity[:, -1])
    thickness = DRY_AIR * depth * 0.5 * (virtual[:, -1] + virtual_here)
    return temperature, on_sigma.geopotential[:, -1] - thickness


def sea_level_pressure(lowest_temperature: np.ndarray, surface_pressure: np.ndarray, lowest_pressure: np.ndarray,
                       surface_geopotential: np.ndarray) -> np.ndarray:
    """Pressure reduced to mean sea level in Pa, with 6.5 K/km, less where the column is very warm or very cold.

    The rules are those of ECMWF's full-pos documentation (IFS, "Mean sea-level pressure" of FULL-POS).
    """
    surface = lowest_temperature * (1 + LAPSE * DRY_AIR / GRAVITY * np.log(surface_pressure / lowest_pressure) * 1.0)
    lapse = LAPSE * np.ones_like(surface)
    sea = surface + LAPSE * surface_geopotential / GRAVITY
    limited = np.where(surface_geopotential > 1, (290.5 - surface) * GRAVITY / np.maximum(surface_geopotential, 1), 0)
    lapse = np.where((surface <= 290.5) & (sea > 290.5), limited, lapse)
    hot = (surface > 290.5) & (sea > 290.5)
    lapse = np.where(hot, 0.0, lapse)
    surface = np.where(hot, 0.5 * (290.5 + surface), surface)
    surface = np.where(surface < 255.0, 0.5 * (255.0 + surface), surface)
    a = DRY_AIR * lapse / GRAVITY
    y = surface_geopotential / (DRY_AIR * surface)
    return surface_pressure * np.exp(y * (1 - a * y / 2 + (a * y) ** 2 / 3))
