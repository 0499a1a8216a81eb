import tempfile
import unittest
from datetime import date
from pathlib import Path

import numpy as np
import zarr

from earth.errors import EarthError
from earth.pressure_levels import LEVELS_HPA
from earth.store import EarthStore
from earth.variables import ON_LEVELS, SINGLE_LEVEL, STATIC, UNITS

LAT, LON = np.array([-30.0, 30.0]), np.array([0.0, 120.0, 240.0])
IDENTITY = {"start": "1982-07-01", "versions": {"jcm": "3"}}


def day_of(day: int) -> dict[str, np.ndarray]:
    """Fields that differ from day to day and from name to name."""
    fields = {name: np.full((4, len(LEVELS_HPA), 2, 3), day, np.float32) for name in ON_LEVELS}
    return fields | {name: np.full((4, 2, 3), day + 0.5, np.float32) for name in SINGLE_LEVEL}


class Store(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name) / "data.zarr"

    def create(self) -> EarthStore:
        static = {name: np.zeros((2, 3)) for name in STATIC}
        return EarthStore.create(self.path, IDENTITY, LAT, LON, static, date(1982, 7, 1))

    def test_every_variable_has_units_and_is_there(self):
        self.create().make_room(2)
        group = zarr.open_group(self.path, mode="r")
        self.assertEqual(set(UNITS), {*ON_LEVELS, *SINGLE_LEVEL, *STATIC})
        for name, units in UNITS.items():
            self.assertEqual(group[name].attrs["units"], units)
        self.assertTrue(group.attrs["is_model_simulation_not_observations"])
        hours = (np.datetime64("1982-07-01T06", "h") - np.datetime64("1900-01-01", "h")).astype(int)
        np.testing.assert_array_equal(group["time"][:], hours + 6 * np.arange(8))

    def test_a_day_that_is_written_twice_is_the_same_as_once(self):
        store = self.create()
        store.make_room(6)
        for day in range(6):
            store.write_day(day, day_of(day))
        # killed inside day 3: half of it is other, and a chunk is left over under its temporary name
        store.write_day(3, day_of(99))
        store.count(3)
        (self.path / "temperature" / "c" / "0.abc.partial").write_bytes(b"torn")
        again = EarthStore.open(self.path, IDENTITY)
        self.assertEqual((again.days_done, again.days), (3, 6))
        again.write_day(3, day_of(3))
        group = zarr.open_group(self.path, mode="r")
        np.testing.assert_array_equal(group["temperature"][::4, 0, 0, 0], np.arange(6))
        np.testing.assert_array_equal(group["skin_temperature"][::4, 0, 0], np.arange(6) + 0.5)
        self.assertEqual(list(self.path.rglob("*.partial")), [])

    def test_room_grows_and_never_shrinks(self):
        store = self.create()
        store.make_room(2)
        store.write_day(1, day_of(1))
        store.make_room(5)
        store.make_room(3)
        group = zarr.open_group(self.path, mode="r")
        self.assertEqual((group["geopotential"].shape[0], group["time"].shape[0]), (20, 20))
        self.assertEqual(float(group["geopotential"][7, 0, 0, 0]), 1.0)
        self.assertTrue(np.isnan(group["geopotential"][8, 0, 0, 0]))

    def test_other_settings_are_named(self):
        self.create()
        with self.assertRaisesRegex(EarthError, r"(?s)data.zarr.*start: there '1982-07-01', now '1983-07-01'.*hint"):
            EarthStore.open(self.path, IDENTITY | {"start": "1983-07-01"})

    def test_nothing_and_something_else(self):
        self.assertIsNone(EarthStore.open(self.path, IDENTITY))
        self.path.mkdir()
        self.assertIsNone(EarthStore.open(self.path, IDENTITY))
        (self.path / "photo.jpg").write_bytes(b"")
        with self.assertRaisesRegex(EarthError, "not a Zarr store"):
            EarthStore.open(self.path, IDENTITY)

    def test_beginnings_of_a_store_are_made_anew(self):
        self.create()
        del zarr.open_group(self.path, mode="r+").attrs["settings"]
        self.assertIsNone(EarthStore.open(self.path, IDENTITY))
        self.assertEqual(self.create().days, 0)


if __name__ == "__main__":
    unittest.main()
