"""`python -m earth.generate`: makes a simulated Earth of one or more members, one process and one core for each.

Run it again with the same arguments to go on; with more `--days` to add days.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

from .errors import EarthError
from .member import INTERRUPTED
from .settings import NUMERICS, Settings

ONE_CORE = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
}
"""Environment of a member: the result must not depend on how many cores there are."""
POLL_SECONDS = 0.2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog="earth.generate", description=__doc__.splitlines()[0])
    result.add_argument("--days", type=int, required=True, help="days to write for each member")
    result.add_argument("--out", type=Path, required=True, help="directory; each member has one of its own in it")
    result.add_argument("--start", type=date.fromisoformat, action="append", metavar="DATE",
                        help="first day that is written, can be repeated [default: 1982-07-01]")
    result.add_argument("--members", type=int, default=1, metavar="N",
                        help="members for each start; from the second on the initial state is slightly changed")
    result.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="members that run at the same time [default: one for each core]")
    result.add_argument("--spinup", type=int, default=60, metavar="DAYS", help="days before the first that is written")
    result.add_argument("--truncation", type=int, default=63, choices=sorted(NUMERICS),
                        help="63: 192 x 96, 31: 96 x 48 with hardly a storm")
    return result


def members(arguments: argparse.Namespace) -> list[Settings]:
    """The members asked for, checked."""
    for name in ("days", "members", "jobs"):
        if getattr(arguments, name) < 1:
            raise EarthError(f"`--{name}` is {getattr(arguments, name)}, expected 1 at least")
    starts = arguments.start or [date(1982, 7, 1)]
    if len(set(starts)) < len(starts):
        raise EarthError("a `--start` is given twice\nhint: `--members` makes several members of one start")
    found = [Settings(start, member, arguments.spinup, arguments.truncation)
             for start in starts for member in range(1, arguments.members + 1)]
    for settings in found:
        settings.check()
    return found


def start(settings: Settings, days: int, out: Path) -> subprocess.Popen:
    """Starts the process of a member. It is not in our process group: Ctrl-C is ours to handle."""
    plain = asdict(settings) | {"start": settings.start.isoformat()}
    command = [sys.executable, "-m", "earth.member", json.dumps(plain), str(days), str(out)]
    package = str(Path(__file__).parent.parent)
    return subprocess.Popen(command, env=os.environ | ONE_CORE | {"PYTHONPATH": package}, start_new_session=True)


def run_all(waiting: list[Settings], days: int, out: Path, jobs: int) -> dict[str, int]:
    """Runs all members, `jobs` at a time; the exit status of each by its name.

    On the first Ctrl-C (or SIGTERM) members finish their day, on the second they are killed, which loses that day only.
    """
    running: dict[str, subprocess.Popen] = {}
    status: dict[str, int] = {}
    interrupts = 0
    while running or waiting:
        try:
            while waiting and len(running) < jobs and not interrupts:
                settings = waiting.pop(0)
                running[settings.name] = start(settings, days, out)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                status[name] = running.pop(name).returncode
            if interrupts:
                waiting.clear()
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            interrupts += 1
            _stop(running, interrupts)
    return status


def _stop(running: dict[str, subprocess.Popen], interrupts: int) -> None:
    if interrupts == 1:
        print("stopping after the day; Ctrl-C once more stops at once", file=sys.stderr, flush=True)
    for process in running.values():
        process.send_signal(signal.SIGTERM if interrupts == 1 else signal.SIGKILL)


def main() -> int:
    """Entry point."""
    arguments = parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        wanted = members(arguments)
    except EarthError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    out = arguments.out.resolve()
    names = [settings.name for settings in wanted]
    print(f"{len(names)} member(s) of {arguments.days} days after {arguments.spinup} of spin-up, into `{out}`",
          file=sys.stderr, flush=True)
    status = run_all(wanted, arguments.days, out, arguments.jobs)
    failed = [name for name in names if status.get(name) != 0]
    if failed:
        print(f"not finished: {', '.join(failed)}\nhint: the same command goes on where they stopped", file=sys.stderr)
        return INTERRUPTED if all(status.get(name) in (None, INTERRUPTED) for name in failed) else 1
    print("finished:", *(f"  {out / name / 'data.zarr'}" for name in names), sep="\n")
    print("next: `cargo xtask earth pack`, which coarsens them and computes statistics", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
