"""Errors whose message is all that somebody has to read."""

import errno


class EarthError(Exception):
    """Says what was expected, what was found, and what to do; shown without a traceback."""


def of_system(error: OSError, doing: str) -> EarthError:
    """An error of the file system, for people; `doing` such as "writing day 12 to `out`"."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EarthError(
            f"no space left on the device while {doing}\n"
            "hint: make room and give the same command again; the finished days are kept"
        )
    return EarthError(f"{error.strerror or error} while {doing}: `{error.filename or 'unknown file'}`")
