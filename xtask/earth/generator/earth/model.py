"""The climate model as one object that goes forward by a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import jax
import jax.numpy as jnp
import jax_datetime
import numpy as np
from jcm.diffusion import DiffusionFilter
from jcm.dycore.dinosaur import DinosaurDycore
from jcm.model import Model, RunState
from jcm.physics.speedy.speedy_coords import get_speedy_coords

from . import boundary
from .physics import physics
from .settings import Settings

LAYERS = 8
STATES_PER_DAY = 4
MASS_CORRECTION = 0.9835
"""jcm starts every column at 1000 hPa, mountains included; the observed mean surface pressure is 985.5 hPa."""
PERTURBATION = 1e-3
"""Relative size of the change of the initial surface pressure of members from 2."""


@dataclass(frozen=True)
class Geometry:
    """Where the model's numbers are; fields are `[lon, lat]`, the top layer is the first."""

    lon: np.ndarray  # degrees east
    lat: np.ndarray  # degrees north
    sigma: np.ndarray  # middle of each layer over surface pressure
    thickness: np.ndarray  # of each layer in sigma
    surface_geopotential: np.ndarray  # m2 s-2
    land: np.ndarray  # share of land


class EarthModel:
    """jcm (SPEEDY physics on a spectral core) for one member."""

    def __init__(self, settings: Settings, days: int) -> None:
        """Builds the model for `days` written days; nothing is computed yet."""
        coords = get_speedy_coords(layers=LAYERS, spectral_truncation=settings.truncation)
        last = settings.start + timedelta(days=days)
        self._settings, self._horizontal = settings, coords.horizontal
        self._forcing = boundary.forcing(coords, settings.truncation, settings.model_start.year, last.year)
        terrain = boundary.terrain(coords, settings.truncation)
        core = DinosaurDycore(coords, terrain, settings.time_step_minutes * 60.0,
                              diffusion=_diffusion(settings.diffusion_scale), compute_omega=True)
        self._model = Model(core, physics=physics(), start_time=settings.model_start.isoformat())
        self.geometry = Geometry(
            lon=np.rad2deg(np.asarray(coords.horizontal.longitudes)),
            lat=np.rad2deg(np.asarray(coords.horizontal.latitudes)),
            sigma=np.asarray(coords.vertical.centers),
            thickness=np.asarray(coords.vertical.layer_thickness),
            surface_geopotential=np.asarray(terrain.phis0),
            land=np.asarray(terrain.fmask),
        )

    def initial_state(self) -> RunState:
        """An atmosphere at rest on the first day, with the observed mass of air."""
        dynamics, carry = self._model.bootstrap_state()
        one = np.asarray(self._horizontal.to_modal(jnp.ones(self._horizontal.nodal_shape)))[0, 0]
        pressure = dynamics.log_surface_pressure
        if self._settings.member > 1:
            noise = np.random.default_rng(self._settings.member).standard_normal(pressure.shape)
            noise[0, 0, 0] = 0.0  # the mass of air is the same
            pressure = pressure * jnp.asarray(1.0 + PERTURBATION * noise, pressure.dtype)
        pressure = pressure.at[0, 0, 0].add(np.log(MASS_CORRECTION) * one)
        start = jax_datetime.to_datetime(self._settings.model_start.isoformat())
        return RunState(dynamics=dynamics.replace(log_surface_pressure=pressure), physics=carry, time=start,
                        step=jnp.int32(0))

    def next_day(self, state: RunState) -> tuple[RunState, Any]:
        """The state a day later and jcm's output at 6, 12, 18 and 24 UTC."""
        later, output = self._model.run_from_state_with_carry(
            state.dynamics, self._forcing, save_interval=1.0 / STATES_PER_DAY, total_time=1.0,
            initial_physics_state=state.physics, initial_time=state.time, initial_step=state.step)
        jax.block_until_ready(output.dynamics)
        return later, output

    def date_of(self, day: int) -> date:
        """The date of a day counted from the start of the model."""
        return self._settings.model_start + timedelta(days=day)


def is_finite(output: Any) -> bool:
    """Whether the last temperature of a day is a number everywhere."""
    return bool(np.isfinite(np.asarray(output.dynamics.temperature[-1])).all())


def to_arrays(state: RunState) -> list[np.ndarray]:
    """All numbers of a state."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]


def from_arrays(arrays: list[np.ndarray], like: RunState) -> RunState:
    """The inverse of `to_arrays`; `ValueError` unless number and shapes are those of `like`.

    Types may differ in width: the clock of a new state consists of Python numbers.
    """
    leaves, structure = jax.tree.flatten(like)
    found = [(array.shape, array.dtype.kind) for array in arrays]
    expected = [(np.shape(leaf), np.asarray(leaf).dtype.kind) for leaf in leaves]
    if found != expected:
        raise ValueError(f"the {len(found)} arrays are not those of this model, which has {len(expected)}")
    return jax.tree.unflatten(structure, [jnp.asarray(array) for array in arrays])


def _diffusion(scale: float) -> DiffusionFilter:
    stock = DiffusionFilter.default()
    return DiffusionFilter(div_timescale=stock.div_timescale * scale, div_order=stock.div_order,
                           vor_q_timescale=stock.vor_q_timescale * scale, vor_q_order=stock.vor_q_order,
                           temp_timescale=stock.temp_timescale * scale, temp_order=stock.temp_order)
