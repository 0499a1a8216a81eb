"""Boundary conditions out of jcm's own files: sea surface, ice, land, orography."""

from pathlib import Path
from typing import Any

import jcm
import jcm.constants
import numpy as np
import xarray as xr
from jcm.forcing import ForcingData
from jcm.terrain import TerrainData

FILES = Path(jcm.__file__).parent / "data" / "bc"
MONTHLY = ("stl", "icec", "sst", "soilw_am", "snowc")
"""Land temperature, sea ice, sea surface temperature, soil wetness, snow: climatologies by month."""
CONSTANT = ("alb", "forest", "glac")
ANOMALY_START = np.datetime64("1979-01")
LARGEST_ANOMALY_K = 6.0
COLDEST_SEA_K = 271.0
POLEMOST_ANOMALY = 87.159
"""Degrees; the anomalies have no row beyond."""
FILTER_STRENGTH = 1.5
"""Of the spectral filter of the orography: the last wavenumber is left with exp(-1.5)."""


def _files_of(truncation: int) -> Path:
    return FILES / ("t30/clim" if truncation <= 31 else "t63")


def forcing(coords: Any, truncation: int, first_year: int, last_year: int) -> ForcingData:
    """Values for the middle of every month from the December before to the January after these years.

    The model interpolates linearly between them, so what it gets at a time does not depend on how far they reach.
    """
    climatology = xr.open_dataset(_files_of(truncation) / "forcing.nc", decode_times=False)
    months = np.arange(np.datetime64(f"{first_year - 1}-12"), np.datetime64(f"{last_year + 1}-02"))
    of_year = months.astype(int) % 12
    monthly = {name: climatology[name].transpose("lon", "lat", "time").values[:, :, of_year] for name in MONTHLY}
    monthly["sst"] = _with_anomalies(monthly["sst"], monthly["icec"], months, climatology)
    variables = {name: (("lon", "lat", "time"), values) for name, values in monthly.items()}
    for name in CONSTANT:
        if name in climatology:
            variables[name] = (("lon", "lat"), climatology[name].transpose("lon", "lat").values)
    middle = months.astype("datetime64[D]") + 14
    dataset = xr.Dataset(variables, coords={"lon": climatology.lon.values, "lat": climatology.lat.values,
                                            "time": middle.astype("datetime64[ns]")})
    return ForcingData.from_dataset(dataset, coords, align_mode="by_date_interp", validate=False)


def _with_anomalies(temperature: np.ndarray, ice: np.ndarray, months: np.ndarray, climatology: xr.Dataset) -> np.ndarray:
    """Sea surface temperature with the observed anomalies of these months, less of them where there is ice."""
    anomalies = _anomalies(climatology)
    result = temperature.copy()
    for column, index in enumerate((months - ANOMALY_START).astype(int)):
        if 0 <= index < anomalies.shape[0]:
            result[:, :, column] += np.clip(1.0 - 2.0 * ice[:, :, column], 0, 1) * anomalies[index]
    return np.maximum(result, COLDEST_SEA_K).astype("f4")


def _anomalies(climatology: xr.Dataset) -> np.ndarray:
    """Observed anomalies from January 1979, `[month, lon, lat]`, on the grid of the climatology."""
    file = xr.open_dataset(FILES / "t30/anom/sea_surface_temperature_anomaly.nc", decode_times=False)
    anomaly = file.ssta.transpose("time", "lon", "lat").clip(-LARGEST_ANOMALY_K, LARGEST_ANOMALY_K)
    closed = xr.DataArray(np.concatenate([anomaly.values, anomaly.values[:, :1]], 1), dims=("time", "lon", "lat"),
                          coords={"lon": np.concatenate([anomaly.lon.values, [360.0]]), "lat": anomaly.lat.values})
    lat = np.clip(climatology.lat.values, -POLEMOST_ANOMALY, POLEMOST_ANOMALY)
    return closed.interp(lon=climatology.lon.values, lat=lat).values


def terrain(coords: Any, truncation: int) -> TerrainData:
    """Orography smoothed in spectral space, and the surface geopotential that belongs to it.

    jcm 3.0.0 cuts its own surface geopotential on the sum of array indices instead of the total wavenumber, which
    leaves ripples of 100 m over the oceans and disagrees with the orography of the dynamics.
    """
    stock = TerrainData.from_file(str(_files_of(truncation) / "terrain.nc"), coords)
    horizontal = coords.horizontal
    wavenumber = np.asarray(horizontal.modal_axes[1], dtype=float)
    highest = truncation * (truncation + 1.0)
    smoothing = np.exp(-FILTER_STRENGTH * (wavenumber * (wavenumber + 1) / highest) ** 2)
    smoothing[wavenumber > truncation - 1] = 0.0
    orography = horizontal.to_nodal(horizontal.to_modal(stock.orog) * smoothing)
    return stock.copy(orog=orography, phis0=jcm.constants.grav * orography)
