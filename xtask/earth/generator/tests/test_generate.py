import errno
import io
import tempfile
import unittest
from datetime import date
from pathlib import Path

from earth.errors import EarthError, of_system
from earth.generate import members, parser
from earth.member import locked
from earth.progress import Progress, duration
from earth.settings import Settings


def asked(*words: str) -> list[Settings]:
    return members(parser().parse_args(["--days", "2", "--out", "x", *words]))


class CommandLine(unittest.TestCase):
    def test_members_of_each_start(self):
        names = [settings.name for settings in asked("--start", "1982-07-01", "--start", "1988-01-01", "--members", "2")]
        self.assertEqual(names, ["m1982-07-01", "m1982-07-01-2", "m1988-01-01", "m1988-01-01-2"])
        self.assertEqual([settings.name for settings in asked()], ["m1982-07-01"])
        self.assertEqual(asked()[0].model_start, date(1982, 5, 2))

    def test_what_makes_no_sense_is_named(self):
        for words, message in [
            (["--days", "0"], "--days"), (["--members", "0"], "--members"), (["--jobs", "-1"], "--jobs"),
            (["--spinup", "-1"], "--spinup"), (["--start", "1850-01-01"], "1849-11-02"),
            (["--start", "1982-07-01", "--start", "1982-07-01"], "twice"),
        ]:
            with self.assertRaisesRegex(EarthError, message):
                asked(*words)

    def test_the_identity_tells_members_apart_and_not_lengths(self):
        one, two = (settings.identity({"jcm": "3"}) for settings in asked("--members", "2"))
        self.assertEqual(one | {"member": 2}, two)
        self.assertNotIn("days", one)


class Errors(unittest.TestCase):
    def test_a_full_disk(self):
        text = str(of_system(OSError(errno.ENOSPC, "No space left on device", "/x/y"), "writing `m1`"))
        self.assertIn("no space left on the device while writing `m1`", text)
        self.assertIn("/x/y", str(of_system(OSError(errno.EACCES, "Permission denied", "/x/y"), "writing `m1`")))

    def test_a_directory_belongs_to_one_process(self):
        with tempfile.TemporaryDirectory() as directory:
            with locked(Path(directory) / "m1"):
                with self.assertRaisesRegex(EarthError, "another process"):
                    with locked(Path(directory) / "m1"):
                        pass
            with locked(Path(directory) / "m1"):
                pass


class ProgressLines(unittest.TestCase):
    def test_spin_up_then_days(self):
        out = io.StringIO()
        progress = Progress("m1", 1, 2, 0, out)
        for _ in range(3):
            progress.day_done()
        lines = out.getvalue().splitlines()
        self.assertTrue(lines[0].startswith("m1: spin-up day 1 of 1, "), lines[0])
        self.assertTrue(lines[2].startswith("m1: day 2 of 2, ") and lines[2].endswith(", 0 s left"), lines[2])

    def test_durations(self):
        self.assertEqual([duration(s) for s in (40, 720, 18_420)], ["40 s", "12 min", "5 h 07 min"])


if __name__ == "__main__":
    unittest.main()
