"""One member of a simulated Earth in a process of its own: `python -m earth.member`, started by `earth.generate`.

After each day first the fields, then the state of the model are written, each complete or not at all. A process that
is killed loses at most the day it was at, and the next one ends with the same bits.
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import EarthError, of_system
from .progress import Progress
from .settings import Settings, installed_versions

if TYPE_CHECKING:
    from .checkpoint import Checkpoint
    from .store import EarthStore

INTERRUPTED = 130
"""Exit status of a member that was asked to stop."""


class Member:
    """A member, its model, and its directory."""

    def __init__(self, settings: Settings, days: int, out: Path) -> None:
        """Opens or makes `out / settings.name`; the model is compiled at its first day."""
        from .checkpoint import Checkpoint
        from .model import EarthModel
        from .store import EarthStore

        self.settings, self.days = settings, days
        self._identity = settings.identity(installed_versions())
        directory = out / settings.name
        self._state_path = directory / "state.npz"
        # Before the model is built, which takes a while.
        store = EarthStore.open(directory / "data.zarr", self._identity)
        checkpoint = Checkpoint.load(self._state_path, self._identity)
        self._model = EarthModel(settings, max(days, store.days if store else 0))
        self._store = store or self._create(directory / "data.zarr", checkpoint is not None)
        self._begin(checkpoint)

    def _create(self, path: Path, has_state: bool) -> "EarthStore":
        from .store import EarthStore

        if has_state:
            raise EarthError(f"`{self._state_path}` is there, and `{path}` that belongs to it is not\n"
                             "hint: put the store back, or remove the state to start from the first day")
        place = self._model.geometry
        static = {"geopotential_at_surface": place.surface_geopotential.T, "land_sea_mask": place.land.T}
        return EarthStore.create(path, self._identity, place.lat, place.lon, static, self.settings.start)

    def _begin(self, checkpoint: "Checkpoint | None") -> None:
        import numpy as np

        from .model import from_arrays

        self._state = self._model.initial_state()
        self._computed = 0
        self._rain = np.zeros((2, *self._model.geometry.land.shape), np.float32)
        if checkpoint is not None:
            try:
                self._state = from_arrays(checkpoint.state, self._state)
            except ValueError as error:
                raise EarthError(f"`{self._state_path}`: {error}") from error
            self._computed, self._rain = checkpoint.days_computed, checkpoint.rain_totals
        written = max(0, self._computed - self.settings.spinup_days)
        if written < self._store.days_done:
            raise EarthError(
                f"`{self._state_path}` is of day {written}, the store has {self._store.days_done} days\n"
                "hint: the state is older than the store; remove the member's directory to start it again")
        self._store.make_room(self.days)

    @property
    def days_computed(self) -> int:
        """Days since the start of the model."""
        return self._computed

    @property
    def is_finished(self) -> bool:
        """Whether all days are there."""
        return self._computed >= self.settings.spinup_days + self.days

    def next_day(self) -> None:
        """Computes and writes a day."""
        from .checkpoint import Checkpoint
        from .fields import fields_of_day, rain_totals
        from .model import is_finite, to_arrays

        day = self._model.date_of(self._computed)
        state, output = self._model.next_day(self._state)
        if not is_finite(output):
            raise EarthError(
                f"{self.settings.name}: the temperature is not a number any more on {day}: the model has become unstable\n"
                "hint: another `--start` or `--members` avoids it; the days before are complete")
        written = self._computed - self.settings.spinup_days
        if written >= 0:
            fields = fields_of_day(output, self._rain, day, self._model.geometry)
            self._store.write_day(written, fields)
        self._state, self._rain, self._computed = state, rain_totals(output), self._computed + 1
        Checkpoint(self._computed, self._rain, to_arrays(state)).save(self._state_path, self._identity)
        self._store.count(max(0, written + 1))

    def catch_up(self) -> None:
        """Counts a day whose state was saved just before the process was killed."""
        self._store.count(max(0, self._computed - self.settings.spinup_days))


def run(settings: Settings, days: int, out: Path, is_stopped: "StopFlag") -> int:
    """Computes what is missing; returns the exit status."""
    with locked(out / settings.name):
        member = Member(settings, days, out)
        member.catch_up()
        progress = Progress(settings.name, settings.spinup_days, days, member.days_computed)
        if member.days_computed and not member.is_finished:
            progress.say(f"goes on after {member.days_computed} days, spin-up included")
        while not member.is_finished:
            if is_stopped():
                progress.say("stopped; the same command goes on from here")
                return INTERRUPTED
            try:
                member.next_day()
            except OSError as error:
                raise of_system(error, f"writing `{out / settings.name}`") from error
            progress.day_done()
        progress.say("finished")
    return 0


class StopFlag:
    """Whether to stop after the day: on SIGTERM, or when the process that started this one is gone."""

    def __init__(self) -> None:
        """Takes over SIGTERM, and leaves Ctrl-C to the parent."""
        self._parent, self._asked = os.getppid(), False
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self._asked = True

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._asked or os.getppid() != self._parent


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keeps a second process out of a member's directory, which is made if it is not there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = open(directory / "lock", "w")
    except OSError as error:
        raise of_system(error, f"making `{directory}`") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EarthError(f"another process is writing `{directory}`\nhint: wait for it, or stop it") from error
        yield


def main() -> int:
    """Entry point; the arguments are JSON because a person has no reason to type them."""
    parser = argparse.ArgumentParser(description="One member; use `earth.generate`")
    parser.add_argument("settings")
    parser.add_argument("days", type=int)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    plain = json.loads(arguments.settings)
    settings = Settings(**{**plain, "start": date.fromisoformat(plain["start"])})
    # jcm and its libraries warn about each other's coming versions; ours are pinned.
    warnings.filterwarnings("ignore")
    try:
        return run(settings, arguments.days, arguments.out, StopFlag())
    except EarthError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
