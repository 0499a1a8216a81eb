import unittest
from datetime import date

import numpy as np

from earth.insolation import QUARTER_SOLAR_CONSTANT, accumulated_hour, insolation, sun


def daily_mean(declination: float, distance: float, lat: np.ndarray) -> np.ndarray:
    """The textbook formula: S / pi (h sin sin + cos cos sin h), with the half day h."""
    half_day = np.arccos(np.clip(-np.tan(lat) * np.tan(declination), -1.0, 1.0))
    return (4 * QUARTER_SOLAR_CONSTANT * distance / np.pi
            * (half_day * np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.sin(half_day)))


class Insolation(unittest.TestCase):
    def test_mean_over_the_day_is_the_analytic_one(self):
        lat = np.deg2rad(np.array([-85.0, -60.0, -23.0, 0.0, 23.0, 45.0, 80.0]))
        moments = (np.arange(1440) + 0.5) / 1440
        for year_fraction in (0.0, 0.22, 0.47, 0.8):
            declination, distance = sun(year_fraction)
            flux = [insolation(year_fraction, t, np.zeros(1), np.sin(lat), np.cos(lat))[0] for t in moments]
            np.testing.assert_allclose(np.mean(flux, axis=0), daily_mean(declination, distance, lat), rtol=1e-4, atol=1e-3)

    def test_noon_is_at_zero_east_at_12_utc_and_moves_west(self):
        lon = np.deg2rad(np.arange(0.0, 360.0, 15.0))
        for hour in range(24):
            flux = insolation(0.2, hour / 24, lon, np.zeros(1), np.ones(1))[:, 0]
            self.assertEqual(np.argmax(flux), (12 - hour) % 24)

    def test_accumulated_hour_is_the_one_that_ends(self):
        lon, lat = np.array([0.0, 90.0, 180.0, 270.0]), np.array([0.0])
        hour = accumulated_hour(date(1983, 3, 21), 4, lon, lat)
        self.assertEqual(hour.shape, (4, 4, 1))
        # at 6, 12, 18, 24 UTC noon is at 90, 0, 270 and 180 degrees east
        self.assertEqual([int(np.argmax(plane[:, 0])) for plane in hour], [1, 0, 3, 2])
        self.assertAlmostEqual(float(hour.max()) / 3600 / 1368, 0.99, delta=0.02)
        # the hour before noon, centred at 11:30, is darker than the noon itself by about 1 - cos(7.5 degrees)
        self.assertLess(float(hour.max()), 3600 * 1368 * 1.008 * np.cos(np.deg2rad(7.4)))

    def test_leap_years_have_another_length(self):
        lon, lat = np.array([0.0]), np.array([60.0])
        leap, common = (accumulated_hour(date(year, 12, 31), 4, lon, lat) for year in (1984, 1983))
        np.testing.assert_allclose(leap, common, rtol=2e-3)


if __name__ == "__main__":
    unittest.main()
