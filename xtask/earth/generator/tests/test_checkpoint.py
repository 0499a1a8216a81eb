import tempfile
import unittest
from pathlib import Path

import numpy as np

from earth.checkpoint import Checkpoint
from earth.errors import EarthError

IDENTITY = {"truncation": 63, "versions": {"jcm": "3"}}


class Checkpoints(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "state.npz"

    def save(self) -> Checkpoint:
        state = [np.arange(5, dtype=np.float32), np.array(7, np.int32), np.array(True)]
        state += [np.full(2, index, np.float32) for index in range(12)]  # more than ten: order by number, not by text
        checkpoint = Checkpoint(3, np.ones((2, 4, 3), np.float32), state)
        checkpoint.save(self.path, IDENTITY)
        return checkpoint

    def test_the_same_bits_come_back(self):
        saved, found = self.save(), Checkpoint.load(self.path, IDENTITY)
        self.assertEqual(found.days_computed, 3)
        self.assertEqual([a.tobytes() for a in found.state], [a.tobytes() for a in saved.state])
        self.assertEqual([(a.shape, a.dtype) for a in found.state], [(a.shape, a.dtype) for a in saved.state])
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_none_damaged_and_foreign(self):
        self.assertIsNone(Checkpoint.load(self.path, IDENTITY))
        self.save()
        with self.assertRaisesRegex(EarthError, "truncation: there 63, now 31"):
            Checkpoint.load(self.path, IDENTITY | {"truncation": 31})
        whole = self.path.read_bytes()
        for damaged in (whole[:len(whole) // 2], b"", b"not a file of numpy"):
            self.path.write_bytes(damaged)
            with self.assertRaisesRegex(EarthError, "(?s)state.npz.*hint: remove"):
                Checkpoint.load(self.path, IDENTITY)


if __name__ == "__main__":
    unittest.main()
