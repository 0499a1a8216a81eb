"""One line for each day: how far, how fast, how much longer."""

import sys
import time
from collections import deque
from typing import TextIO

WINDOW = 20
"""Days that the pace is taken over: the machine may have been busier before."""


def duration(seconds: float) -> str:
    """Such as `40 s`, `12 min`, `5 h 07 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


class Progress:
    """Counts days of one member."""

    def __init__(self, name: str, spinup_days: int, days: int, done: int, out: TextIO = sys.stderr) -> None:
        """`done` days since the start of the model are there already."""
        self._name, self._spinup, self._days, self._done, self._out = name, spinup_days, days, done, out
        self._seconds: deque[float] = deque(maxlen=WINDOW)
        self._last, self._is_first = time.monotonic(), True

    def say(self, text: str) -> None:
        """Prints a line about this member."""
        print(f"{self._name}: {text}", file=self._out, flush=True)

    def day_done(self) -> None:
        """Prints the line of a day that has just been finished."""
        now = time.monotonic()
        self._seconds.append(now - self._last)
        self._last = now
        self._done += 1
        if self._is_first and len(self._seconds) == 2:
            # The first day of a process compiles the model, which says nothing about the pace.
            self._seconds.popleft()
            self._is_first = False
        pace = sum(self._seconds) / len(self._seconds)
        left = self._spinup + self._days - self._done
        self.say(f"{self._place()}, {pace:.1f} s per day, {duration(pace * left)} left")

    def _place(self) -> str:
        if self._done <= self._spinup:
            return f"spin-up day {self._done} of {self._spinup}"
        return f"day {self._done - self._spinup} of {self._days}"
