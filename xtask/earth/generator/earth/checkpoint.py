"""The model between two days, on disk: what is needed to go on with the same bits."""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import EarthError
from .settings import check_same


@dataclass(frozen=True)
class Checkpoint:
    """The model after some days."""

    days_computed: int
    """Days since the start of the model, spin-up included."""
    rain_totals: np.ndarray
    """Convective and large-scale precipitation since that start, mm, `[2, lon, lat]`."""
    state: list[np.ndarray]
    """All numbers of the model's state."""

    def save(self, path: Path, identity: dict) -> None:
        """Writes the file; it has its name only when it is complete and on the disk."""
        part = path.with_suffix(".part")
        arrays = {f"state_{index:04}": array for index, array in enumerate(self.state)}
        header = json.dumps({"days_computed": self.days_computed, "settings": identity})
        with open(part, "wb") as file:
            np.savez(file, header=np.array(header), rain_totals=self.rain_totals, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path, identity: dict) -> "Checkpoint | None":
        """The checkpoint at `path`, `None` if there is none.

        Raises `EarthError` if it is damaged or belongs to other settings.
        """
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                names = sorted(name for name in file.files if name.startswith("state_"))
                found = cls(int(header["days_computed"]), file["rain_totals"], [file[name] for name in names])
                settings = header["settings"]
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise EarthError(
                f"`{path}` is not a state of the model: {error}\n"
                "hint: remove this file; the member then starts from its first day again"
            ) from error
        check_same(str(path), settings, identity)
        return found
