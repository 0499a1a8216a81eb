import unittest

import numpy as np

from earth.pressure_levels import DRY_AIR, GRAVITY, LAPSE, LEVELS_HPA, Profiles, sea_level_pressure, to_pressure

SIGMA = np.array([0.025, 0.095, 0.2, 0.34, 0.51, 0.685, 0.835, 0.95])
SURFACE = np.full((1, 2, 3), 101_325.0)


def profiles(**replaced: np.ndarray) -> Profiles:
    """An isothermal, dry, hydrostatic atmosphere over the sea; fields by name may be replaced."""
    log_p = np.log(SURFACE[:, None] * SIGMA[None, :, None, None])
    fields = {
        "temperature": np.full(log_p.shape, 250.0),
        "specific_humidity": np.zeros(log_p.shape),
        "u_wind": np.zeros(log_p.shape),
        "v_wind": np.zeros(log_p.shape),
        "vertical_velocity": np.ones(log_p.shape),
        "geopotential": DRY_AIR * 250.0 * (np.log(SURFACE)[:, None] - log_p),
    }
    return Profiles(**fields | replaced)


class ToPressure(unittest.TestCase):
    def setUp(self):
        self.log_p = np.log(SURFACE[:, None] * SIGMA[None, :, None, None])
        self.target = np.log(100.0 * np.array(LEVELS_HPA))[None, :, None, None]

    def test_exact_for_what_is_linear_in_the_logarithm_of_pressure(self):
        linear = profiles(u_wind=3.0 - 2.0 * self.log_p, specific_humidity=1e-3 * self.log_p)
        found = to_pressure(linear, SURFACE, SIGMA)
        np.testing.assert_allclose(found.u_wind, np.broadcast_to(3.0 - 2.0 * self.target, found.u_wind.shape), rtol=1e-12)
        np.testing.assert_allclose(found.specific_humidity, np.broadcast_to(1e-3 * self.target, found.u_wind.shape),
                                   rtol=1e-12)

    def test_geopotential_of_an_isothermal_atmosphere(self):
        found = to_pressure(profiles(), SURFACE, SIGMA)
        expected = DRY_AIR * 250.0 * (np.log(SURFACE)[:, None] - self.target)
        np.testing.assert_allclose(found.geopotential, expected, rtol=1e-10)
        np.testing.assert_allclose(found.temperature, 250.0)

    def test_above_the_top_values_are_held(self):
        found = to_pressure(profiles(u_wind=self.log_p), np.full_like(SURFACE, 3e5), SIGMA)
        np.testing.assert_array_equal(found.u_wind[:, 0], self.log_p[:, 0])  # 50 hPa is above 0.025 of 3000 hPa

    def test_under_the_ground_it_gets_warmer_and_air_stands_still(self):
        mountain = np.full_like(SURFACE, 60_000.0)
        found = to_pressure(profiles(), mountain, SIGMA)
        lowest, level = np.log(60_000.0 * SIGMA[-1]), LEVELS_HPA.index(850)
        expected = 250.0 * np.exp(LAPSE * DRY_AIR / GRAVITY * (np.log(85_000.0) - lowest))
        np.testing.assert_allclose(found.temperature[:, level], expected)
        self.assertTrue((found.vertical_velocity[:, level:] == 0).all() and (found.vertical_velocity[:, 0] == 1).all())


class SeaLevel(unittest.TestCase):
    def reduce(self, temperature: float, height: float) -> float:
        pressure = 101_325.0 * (1 - LAPSE * height / 288.15) ** (GRAVITY / DRY_AIR / LAPSE)
        lowest = 0.95 * pressure
        at_lowest = temperature * (lowest / pressure) ** (LAPSE * DRY_AIR / GRAVITY)
        one = np.ones((1, 1, 1))
        return float(sea_level_pressure(at_lowest * one, pressure * one, lowest * one, GRAVITY * height * one)[0, 0, 0])

    def test_the_standard_atmosphere_comes_back_to_sea_level(self):
        for height in (0.0, 300.0, 1500.0, 3000.0):
            self.assertAlmostEqual(self.reduce(288.15 - LAPSE * height, height) / 101_325.0, 1.0, delta=1e-3)

    def test_hot_columns_are_reduced_with_less_heat(self):
        self.assertGreater(self.reduce(300.0, 1500.0), self.reduce(310.0, 1500.0))
        self.assertEqual(self.reduce(300.0, 0.0), 101_325.0)


if __name__ == "__main__":
    unittest.main()
