"""What is added to SPEEDY's physics: day and night, and sums of precipitation."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jcm.physics.physics_term import PhysicsTerm
from jcm.physics.speedy.physical_constants import nstrad
from jcm.physics.speedy.speedy_terms import SpeedyForcing, speedy_physics
from jcm.physics_interface import PhysicsTendency

from .insolation import insolation

DAY_SECONDS = 86400.0
NIGHT = 1e-3
"""W m-2 of daily-mean sunlight below which it is polar night."""


class DiurnalForcing(SpeedyForcing):
    """SPEEDY's forcing with sunlight of the moment (the middle of the radiation interval) instead of the daily mean.

    Absorption by ozone scales with it; the cooling of polar night and the zenith-angle correction keep their
    daily values.
    """

    def cache_coords(self, coords: Any) -> None:
        """Keeps longitudes and latitudes."""
        super().cache_coords(coords)
        self._lon = np.asarray(coords.horizontal.longitudes)
        lat = np.asarray(coords.horizontal.latitudes)
        self._sin_lat, self._cos_lat = np.sin(lat), np.cos(lat)

    def __call__(self, state: Any, diagnostics: dict, forcing: Any, terrain: Any) -> tuple[Any, dict]:
        """Tendencies as SPEEDY's; the shortwave diagnostics have the sun of the moment."""
        tendency, diagnostics = super().__call__(state, diagnostics, forcing, terrain)
        shortwave = diagnostics["_shortwave_rad"]
        day_fraction = (forcing.solar.synodic_phase / (2 * np.pi)
                        + 0.5 * nstrad * diagnostics["_dt_seconds"] / DAY_SECONDS)
        flux = insolation(forcing.solar.tyear, day_fraction, self._lon, self._sin_lat, self._cos_lat, jnp)
        is_lit = shortwave.fsol > NIGHT
        ratio = jnp.where(is_lit, flux / jnp.maximum(shortwave.fsol, NIGHT), 0.0)
        flux = jnp.where(is_lit, flux, 0.0).astype(shortwave.fsol.dtype)
        shortwave = shortwave.copy(fsol=flux,
                                   ozupp=(shortwave.ozupp * ratio).astype(shortwave.ozupp.dtype),
                                   ozone=(shortwave.ozone * ratio).astype(shortwave.ozone.dtype))
        return tendency, {**diagnostics, "_shortwave_rad": shortwave}


class Accumulate(PhysicsTerm):
    """Precipitation (mm) summed since the start of the run, and the surface forcing of the step."""

    name = "accumulate"
    category = "diagnostics"
    provides = ("acc_conv", "acc_ls", "f_sst", "f_ice")

    def __call__(self, state: Any, diagnostics: dict, forcing: Any, terrain: Any) -> tuple[Any, dict]:
        """No tendency; the sums among the diagnostics."""
        seconds = diagnostics.get("_dt_seconds", 1800.0)
        zero = jnp.zeros(state.temperature.shape[1:], state.temperature.dtype)
        convective = diagnostics["_convection"].precnv * seconds * 1e-3  # g m-2 s-1 to mm
        large_scale = diagnostics["_condensation"].precls * seconds * 1e-3
        out = {**diagnostics,
               "acc_conv": (diagnostics.get("acc_conv", zero) + convective).astype(zero.dtype),
               "acc_ls": (diagnostics.get("acc_ls", zero) + large_scale).astype(zero.dtype),
               "f_sst": (forcing.sea_surface_temperature + zero).astype(zero.dtype),
               "f_ice": (forcing.sice_am + zero).astype(zero.dtype)}
        return PhysicsTendency.zeros(state.temperature.shape), out


def physics() -> Any:
    """SPEEDY's terms with the two changes."""
    terms = speedy_physics(checkpoint_terms=False, diagnose_omega=True)
    return terms.replace("forcing", DiurnalForcing()) + Accumulate()
