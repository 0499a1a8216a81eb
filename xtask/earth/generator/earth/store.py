"""The Zarr store of one member: six-hourly states from 6 UTC of the first day, four for each day.

A day is written whole and then counted (`days_done`). A chunk appears under its name only when it is complete, so a
process that is killed leaves at most a day that is not counted, which the next one writes again.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from .bit_rounding import bit_round
from .errors import EarthError
from .pressure_levels import LEVELS_HPA
from .settings import check_same
from .variables import ON_LEVELS, SINGLE_LEVEL, UNITS, mantissa_bits

TIMES_PER_DAY = 4
TIMES_PER_CHUNK = {True: 4, False: 20}
"""Times in a chunk of variables on levels, and of those on a single one."""
EPOCH = date(1900, 1, 1)


class EarthStore:
    """A store that days are written into."""

    def __init__(self, group: zarr.Group) -> None:
        """Use `create` or `open`."""
        self._group = group

    @classmethod
    def create(cls, path: Path, identity: dict, lat: np.ndarray, lon: np.ndarray, static: dict[str, np.ndarray],
               start: date) -> "EarthStore":
        """A store without times; `static` holds `[lat, lon]`, `identity` what the store is made with."""
        group = zarr.open_group(path, mode="w", zarr_format=3)
        _coordinate(group, "level", np.array(LEVELS_HPA, "i4"), units="hPa")
        _coordinate(group, "latitude", lat.astype("f4"), units="degrees_north")
        _coordinate(group, "longitude", lon.astype("f4"), units="degrees_east")
        time = group.create_array("time", shape=(0,), dtype="i8", chunks=(1460,), dimension_names=["time"])
        time.attrs.update({"units": f"hours since {EPOCH.isoformat()}", "calendar": "proleptic_gregorian"})
        place = (len(lat), len(lon))
        for name in (*ON_LEVELS, *SINGLE_LEVEL):
            _variable(group, name, place)
        for name, values in static.items():
            _static(group, name, values)
        group.attrs.update({
            "title": "Simulated global atmosphere (climate model jcm), 6-hourly",
            "comment": "A climate-model simulation, not observations. No date in it matches real weather.",
            "is_model_simulation_not_observations": True,
            "source": "jcm, SPEEDY physics on the spectral core dinosaur",
            "start": start.isoformat(),
            "days_done": 0,
            # Last: a store with settings is complete.
            "settings": json.dumps(identity, sort_keys=True),
        })
        return cls(group)

    @classmethod
    def open(cls, path: Path, identity: dict) -> "EarthStore | None":
        """The store at `path`, `None` if there is none yet (or only the beginnings of one).

        Raises `EarthError` if it was made with other settings, or is something else.
        """
        if not path.exists() or not any(path.iterdir()):
            return None
        try:
            group = zarr.open_group(path, mode="r+")
        except Exception as error:
            raise EarthError(f"`{path}` is not a Zarr store: {error}\nhint: take another directory for `--out`") from error
        if "settings" not in group.attrs:
            return None
        check_same(str(path), json.loads(str(group.attrs["settings"])), identity)
        _remove_torn(path)
        return cls(group)

    @property
    def days_done(self) -> int:
        """Days that are complete."""
        return int(self._group.attrs["days_done"])

    @property
    def days(self) -> int:
        """Days that there is room for."""
        return self._group["time"].shape[0] // TIMES_PER_DAY

    def make_room(self, days: int) -> None:
        """Makes every array long enough for `days`; never shorter."""
        days = max(days, self.days)
        n_times = days * TIMES_PER_DAY
        for name in (*ON_LEVELS, *SINGLE_LEVEL):
            array = self._group[name]
            if array.shape[0] < n_times:
                array.resize((n_times, *array.shape[1:]))
        time = self._group["time"]
        # Time is last: its length is what `days` says.
        if time.shape[0] < n_times:
            time.resize((n_times,))
        first = (date.fromisoformat(str(self._group.attrs["start"])) - EPOCH).days * 24
        time[:] = first + 6 * (1 + np.arange(n_times, dtype="i8"))

    def write_day(self, day: int, fields: dict[str, np.ndarray]) -> None:
        """Writes the day of this number, from 0: `[4, (level,) lat, lon]` of every variable, rounded."""
        first = day * TIMES_PER_DAY
        for name in (*ON_LEVELS, *SINGLE_LEVEL):
            self._group[name][first:first + TIMES_PER_DAY] = bit_round(fields[name], mantissa_bits(name))

    def count(self, days_done: int) -> None:
        """Says that so many days are complete."""
        if days_done != self.days_done:
            self._group.attrs["days_done"] = days_done


def _compressor() -> BloscCodec:
    return BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle")


def _coordinate(group: zarr.Group, name: str, values: np.ndarray, units: str) -> None:
    array = group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=values.shape, dimension_names=[name])
    array[:] = values
    array.attrs["units"] = units


def _variable(group: zarr.Group, name: str, place: tuple[int, int]) -> None:
    has_levels = name in ON_LEVELS
    level = (len(LEVELS_HPA),) if has_levels else ()
    array = group.create_array(
        name, shape=(0, *level, *place), dtype="f4", fill_value=np.nan,
        chunks=(TIMES_PER_CHUNK[has_levels], *level, *place), compressors=[_compressor()],
        dimension_names=["time", *(["level"] if has_levels else []), "latitude", "longitude"])
    array.attrs["units"] = UNITS[name]


def _static(group: zarr.Group, name: str, values: np.ndarray) -> None:
    array = group.create_array(name, shape=values.shape, dtype="f4", chunks=values.shape, compressors=[_compressor()],
                               dimension_names=["latitude", "longitude"])
    array[:] = values.astype("f4")
    array.attrs["units"] = UNITS[name]


def _remove_torn(path: Path) -> None:
    """Removes what zarr was writing under a temporary name when a process was killed."""
    for torn in path.rglob("*.partial"):
        torn.unlink(missing_ok=True)
