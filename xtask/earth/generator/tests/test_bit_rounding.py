import unittest

import numpy as np

from earth.bit_rounding import bit_round


class BitRounding(unittest.TestCase):
    def test_error_bound_and_idempotence(self):
        values = np.random.default_rng(0).standard_normal(10_000).astype(np.float32) * np.float32(1e3)
        for keep in (1, 7, 12, 22):
            rounded = bit_round(values, keep)
            self.assertLessEqual(np.abs(rounded / values.astype("f8") - 1).max(), 2.0 ** -(keep + 1))
            np.testing.assert_array_equal(bit_round(rounded, keep), rounded)
            self.assertFalse((rounded.view(np.uint32) & ((1 << (23 - keep)) - 1)).any())

    def test_ties_go_to_even(self):
        values = np.array([1.25, 1.75, -1.25, 1.0, 0.0], np.float32)
        np.testing.assert_array_equal(bit_round(values, 1), np.array([1.0, 2.0, -1.0, 1.0, 0.0], np.float32))

    def test_missing_values_and_other_types_stay(self):
        self.assertTrue(np.isnan(bit_round(np.array([np.nan], np.float32), 7))[0])
        exact = np.array([1 / 3])
        self.assertIs(bit_round(exact, 7), exact)
        single = np.array([1 / 3], np.float32)
        self.assertIs(bit_round(single, 23), single)


if __name__ == "__main__":
    unittest.main()
