"""Writes the synthetic stores of this directory in the layouts of public weather data.

Needs numpy, xarray, zarr 3, numcodecs and netCDF4; run it here. Every value is a formula that the tests repeat:
value(t, k, i, j) = 1000 * t + 200 * k + 20 * i + j, where t counts times, k the levels [500, 850],
i latitudes from south to north and j longitudes from 0 eastwards.
"""

import shutil

import numcodecs
import numpy as np
import pandas as pd
import xarray as xr
import zarr

SOUTH_TO_NORTH = np.array([-75, -45, -15, 15, 45, 75], "f4")
EAST = np.arange(12, dtype="f4") * 30
LEVELS = np.array([500, 850], "i4")


def values(n_times=0, levels=True):
    """A labelled array of the formula; without times and levels if not asked for."""
    t, k = np.arange(max(n_times, 1)), np.arange(2 if levels else 1)
    t, k, i, j = np.meshgrid(t, k, np.arange(6), np.arange(12), indexing="ij")
    data = xr.DataArray(
        (1000 * t + 200 * k + 20 * i + j).astype("f4"), dims=["time", "level", "latitude", "longitude"],
        coords={"latitude": SOUTH_TO_NORTH, "longitude": EAST})
    data = data.assign_coords(level=LEVELS) if levels else data.isel(level=0)
    return data if n_times else data.isel(time=0)


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    return path


def blosc(cname, shuffle=numcodecs.Blosc.SHUFFLE):
    return numcodecs.Blosc(cname=cname, clevel=5, shuffle=shuffle)


def weatherbench():
    """Zarr v2 like WeatherBench 2: north to south, Blosc, consolidated; one variable per codec."""
    times = pd.date_range("2020-01-01", periods=4, freq="6h")
    north = slice(None, None, -1)
    data = xr.Dataset({
        "temperature": values(4),
        "geopotential": values(4),
        "2m_temperature": values(4, levels=False),
        "mean_sea_level_pressure": values(4, levels=False),
        "surface_pressure": values(4, levels=False),
        "10m_u_component_of_wind": values(4, levels=False),
        "10m_v_component_of_wind": values(4, levels=False),
        "land_sea_mask": values(levels=False),
    }).assign_coords(time=times).isel(latitude=north)
    data["temperature"].attrs["units"] = "K"
    data.attrs["title"] = "synthetic"
    levels = {"chunks": (1, 2, 6, 12)}
    plane = {"chunks": (1, 6, 12)}
    encoding = {
        "temperature": {"compressors": blosc("lz4"), **levels},
        "geopotential": {"compressors": blosc("zstd", numcodecs.Blosc.BITSHUFFLE), "chunks": (3, 1, 4, 5)},
        "2m_temperature": {"compressors": blosc("zlib"), **plane},
        "mean_sea_level_pressure": {"compressors": numcodecs.Zlib(5), **plane},
        "surface_pressure": {"compressors": numcodecs.GZip(5), **plane},
        "10m_u_component_of_wind": {"compressors": numcodecs.Zstd(3), "dtype": ">f4", **plane},
        "10m_v_component_of_wind": {"compressors": None, "dtype": "f8", **plane},
        "land_sea_mask": {"compressors": blosc("lz4")},
        "time": {"units": "hours since 1959-01-01"},
    }
    data.to_zarr(fresh("weatherbench.zarr"), zarr_format=2, consolidated=True, encoding=encoding)


def coarse():
    """Zarr v2 like WeatherBench 2's coarse stores: longitude before latitude; not consolidated, Fortran order."""
    path = fresh("coarse.zarr")
    group = zarr.open_group(path, mode="w", zarr_format=2)

    def put(name, data, dims, **options):
        array = group.create_array(name, shape=data.shape, dtype=data.dtype, chunks=data.shape, **options)
        array[...] = data
        array.attrs["_ARRAY_DIMENSIONS"] = dims
        return array

    dims = ["time", "level", "longitude", "latitude"]
    compressors = numcodecs.Blosc(cname="lz4")
    data = values(2).transpose(*dims)
    put("temperature", data.values, dims, order="F", fill_value=np.nan, compressors=compressors,
        chunk_key_encoding={"name": "v2", "separator": "/"})
    put("latitude", SOUTH_TO_NORTH, ["latitude"])
    put("longitude", EAST, ["longitude"])
    put("level", LEVELS, ["level"])
    time = put("time", np.array([0, 21600], "i8"), ["time"])
    time.attrs.update(units="seconds since 2020-01-01", calendar="proleptic_gregorian")


def halves():
    """Zarr v3 as xarray writes it: consolidated, 16-bit floats, packed integers, `_FillValue` in base64."""
    times = pd.date_range("2020-01-01", periods=2, freq="6h")
    data = xr.Dataset({
        "temperature": values(2).astype("f2"),
        "2m_temperature": values(2, levels=False),
        "sea_surface_temperature": values(2, levels=False).where(EAST > 0),
        "land_sea_mask": values(levels=False),
    }).assign_coords(time=times)
    encoding = {
        "2m_temperature": {"dtype": "i2", "scale_factor": 0.5, "add_offset": 100.0, "_FillValue": -32767},
        "sea_surface_temperature": {"_FillValue": np.float32(np.nan)},
        "time": {"units": "hours since 2020-01-01"},
    }
    data.to_zarr(fresh("halves.zarr"), zarr_format=3, consolidated=True, encoding=encoding)


def forecast():
    """Forecasts like WeatherBench 2's: start `time` and `prediction_timedelta`; levels from the ground up."""
    starts = pd.date_range("2020-01-01", periods=2, freq="12h")
    data = xr.concat([values(3), values(3) + 5000], dim="start").rename(time="prediction_timedelta", start="time")
    data = data.assign_coords(
        time=starts, prediction_timedelta=pd.to_timedelta([0, 6, 12], "h")).isel(level=[1, 0])
    data.astype("f4").to_dataset(name="temperature").to_zarr(
        fresh("forecast.zarr"), zarr_format=2, consolidated=True,
        encoding={"temperature": {"chunks": (1, 3, 2, 6, 12)}})


def climatology():
    """WeatherBench 2's climatology: `hour`, `dayofyear` (three days of 366 here), longitude before latitude."""
    parts = [[values() + 1000 * (4 * day + hour) for day in range(3)] for hour in range(2)]
    data = xr.concat([xr.concat(row, dim="dayofyear") for row in parts], dim="hour")
    data = data.assign_coords(hour=np.array([0, 12]), dayofyear=np.array([1, 60, 366]))
    data = data.transpose("hour", "dayofyear", "level", "longitude", "latitude").astype("f4")
    data.to_dataset(name="temperature").to_zarr(
        fresh("climatology.zarr"), zarr_format=2, consolidated=True, encoding={"temperature": {"chunks": (1, 3, 2, 12, 6)}})


def climate_data_store():
    """NetCDF-4 like the Climate Data Store's: short names, `valid_time`, packed, longitudes from -180."""
    times = pd.date_range("2020-01-01", periods=2, freq="6h")
    data = xr.Dataset({
        "t": values(2), "z": values(2), "t2m": values(2, levels=False), "msl": values(2, levels=False),
        "siconc": values(2, levels=False).where(SOUTH_TO_NORTH[:, None] > -70),
    }).assign_coords(time=times).rename(time="valid_time", level="pressure_level")
    data = data.isel(latitude=slice(None, None, -1)).roll(longitude=6, roll_coords=True)
    data["longitude"] = (data.longitude + 180) % 360 - 180
    data = data.assign_coords(number=0, expver=("valid_time", ["0001", "0005"]))
    data.pressure_level.attrs["units"] = "hPa"
    data.t2m.attrs["units"] = "K"
    encoding = {
        "t2m": {"dtype": "i2", "scale_factor": 0.25, "add_offset": 1000.0, "_FillValue": -32767},
        "valid_time": {"units": "seconds since 1970-01-01"},
    }
    data.to_netcdf("climate_data_store.nc", encoding=encoding)


def ensemble_batch():
    """GraphCast's layout with a batch of two: durations in `time`, moments in `datetime (batch, time)`."""
    data = xr.concat([values(2), values(2) + 7000], dim="batch")
    data = data.rename(latitude="lat", longitude="lon").astype("f4")
    data = data.assign_coords(time=pd.to_timedelta([0, 6], "h"))
    starts = pd.to_datetime(["2020-01-01", "2021-01-01"]).values
    data = data.assign_coords(
        datetime=(("batch", "time"), starts[:, None] + np.array([0, 6], "timedelta64[h]").astype("timedelta64[ns]")))
    data.to_dataset(name="temperature").to_netcdf("batches.nc", format="NETCDF3_64BIT")


for make in [weatherbench, coarse, halves, forecast, climatology, climate_data_store, ensemble_batch]:
    make()
