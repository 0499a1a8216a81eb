"""What makes a run the run that it is: if one of these differs, so does every bit of its output."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta

from .errors import EarthError

MODEL_PACKAGES = ("jcm", "dinosaur", "jax", "jaxlib", "numpy")
"""Packages whose version is part of a run's identity."""

FIRST_START, LAST_START = date(1979, 1, 1), date(2012, 12, 31)
"""The sea-surface temperatures of jcm are observed ones from 1979 to 2013."""

NUMERICS = {31: (30.0, 1.0), 63: (20.0, 0.5)}
"""For each spectral truncation the time step in minutes and the scale of jcm's diffusion times that were tried."""


@dataclass(frozen=True)
class Settings:
    """One member of a simulated Earth."""

    start: date
    """First day that is written. The model starts `spinup_days` earlier."""
    member: int = 1
    """Members from 2 start from an initial state with a small random change, of this seed."""
    spinup_days: int = 60
    """Days that are computed and not written: the model starts at rest."""
    truncation: int = 63
    """Highest wavenumber: 63 is a grid of 192 x 96, 31 one of 96 x 48."""

    @property
    def name(self) -> str:
        """Name of the member's directory, such as `m1982-07-01` or `m1982-07-01-2`."""
        suffix = f"-{self.member}" if self.member > 1 else ""
        return f"m{self.start.isoformat()}{suffix}"

    @property
    def model_start(self) -> date:
        """The day on which the model starts."""
        return self.start - timedelta(days=self.spinup_days)

    @property
    def time_step_minutes(self) -> float:
        """Time step of the dynamics."""
        return NUMERICS[self.truncation][0]

    @property
    def diffusion_scale(self) -> float:
        """Scale of the time scales of jcm's horizontal diffusion: smaller is stronger."""
        return NUMERICS[self.truncation][1]

    def check(self) -> None:
        """Raises `EarthError` for the first value that makes no sense."""
        if self.truncation not in NUMERICS:
            raise EarthError(f"`--truncation` is {self.truncation}, expected one of {sorted(NUMERICS)}")
        if self.member < 1:
            raise EarthError(f"member {self.member} does not exist, the first is 1")
        if self.spinup_days < 0:
            raise EarthError(f"`--spinup` is {self.spinup_days}, expected 0 or more days")
        if not FIRST_START <= self.model_start <= LAST_START:
            raise EarthError(
                f"the model would start on {self.model_start}, {self.spinup_days} days before `--start` {self.start}; "
                f"expected a day from {FIRST_START} to {LAST_START}: "
                "there are no observed sea-surface temperatures outside"
            )

    def identity(self, versions: dict[str, str]) -> dict:
        """The settings as plain values for JSON, with the versions of the packages that compute."""
        plain = asdict(self)
        plain["start"] = self.start.isoformat()
        return {
            **plain,
            "time_step_minutes": self.time_step_minutes,
            "diffusion_scale": self.diffusion_scale,
            "versions": dict(sorted(versions.items())),
        }


def installed_versions() -> dict[str, str]:
    """Versions of the packages that compute."""
    from importlib.metadata import version

    return {name: version(name) for name in MODEL_PACKAGES}


def check_same(place: str, found: dict, expected: dict) -> None:
    """Raises `EarthError` unless what is in `place` was made with the same settings."""
    keys = sorted(found.keys() | expected.keys())
    differing = [key for key in keys if found.get(key) != expected.get(key)]
    if not differing:
        return
    lines = [f"  {key}: there {found.get(key)!r}, now {expected.get(key)!r}" for key in differing]
    raise EarthError(
        "\n".join([f"`{place}` was made with other settings", *lines])
        + "\nhint: take another directory for `--out`, or the settings that it was made with"
    )
