"""Writes the synthetic stores of these tests: `earth.zarr`, `sharded.zarr` and `packed.nc`.

Needs numpy, zarr 3 and netCDF4. Every value is a formula that the tests repeat:
value(t, k, i, j) = 1000 * t + 100 * k + 10 * i + j, with i counted from south to north.
"""

import shutil

import netCDF4
import numpy as np
import zarr
from zarr.codecs import BloscCodec, ZstdCodec

LAT = np.array([-67.5, -22.5, 22.5, 67.5], "f4")
LON = np.arange(8, dtype="f4") * 45
LEVEL = np.array([850, 500], "i4")
FIRST = 723150  # 1982-07-01T06 in hours since 1900-01-01
TIME = np.concatenate([FIRST + 6 * np.arange(6), 841518 + 6 * np.arange(2)]).astype("i8")
DAY = np.array([FIRST, FIRST + 24, 841518], "i8")
HOURS = {"units": "hours since 1900-01-01", "calendar": "proleptic_gregorian"}


def values(*shape):
    """1000 t + 100 k + 10 i + j for shapes (t, k, i, j), (t, i, j) or (i, j)."""
    factors = {4: (1000, 100, 10, 1), 3: (1000, 10, 1), 2: (10, 1)}[len(shape)]
    grids = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    return sum(f * g for f, g in zip(factors, grids)).astype("f4")


def put(group, name, data, dims, chunks, attributes, **options):
    array = group.create_array(
        name, shape=data.shape, dtype=data.dtype, chunks=chunks, dimension_names=dims, attributes=attributes,
        fill_value=np.nan if data.dtype.kind == "f" else 0, **options)
    array[...] = data


def earth(path, sharded):
    shutil.rmtree(path, ignore_errors=True)
    group = zarr.create_group(path, zarr_format=3, attributes={"title": "synthetic", "seed": 7})
    codec = ZstdCodec(level=5) if sharded else BloscCodec(cname="zstd", shuffle="bitshuffle")
    options = {"compressors": [codec]}
    put(group, "time", TIME, ["time"], TIME.shape, HOURS, **options)
    put(group, "day", DAY, ["day"], DAY.shape, HOURS, **options)
    put(group, "level", LEVEL, ["level"], LEVEL.shape, {"units": "hPa"}, **options)
    put(group, "latitude", LAT, ["latitude"], LAT.shape, {"units": "degrees_north"}, **options)
    put(group, "longitude", LON, ["longitude"], LON.shape, {"units": "degrees_east"}, **options)
    space = ["latitude", "longitude"]
    if sharded:
        options["shards"] = (8, 2, 4, 8)
    put(group, "temperature", values(8, 2, 4, 8), ["time", "level", *space],
        (1, 2, 4, 8) if sharded else (3, 1, 4, 8), {"units": "K"}, **options)
    options.pop("shards", None)
    sea = values(3, 4, 8)
    sea[:, :, 0] = np.nan
    put(group, "sea_surface_temperature", sea, ["day", *space], (2, 4, 8), {"units": "K"}, **options)
    put(group, "land_sea_mask", values(4, 8), space, (4, 8), {"units": "1"}, **options)


def packed(path):
    """Latitudes from north to south, dimensions in another order, 16-bit integers, one gap."""
    file = netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC")
    for name, size in [("time", 2), ("longitude", 8), ("latitude", 4), ("level", 2)]:
        file.createDimension(name, size)
    time = file.createVariable("time", "f8", ("time",))
    time.units = "days since 2020-02-28 12:00:00"
    time[:] = [0.0, 1.25]
    file.createVariable("longitude", "f4", ("longitude",))[:] = LON
    file.createVariable("latitude", "f8", ("latitude",))[:] = LAT[::-1]
    file.createVariable("level", "i4", ("level",))[:] = LEVEL
    temperature = file.createVariable(
        "temperature", "i2", ("level", "time", "longitude", "latitude"), fill_value=-32768)
    temperature.scale_factor, temperature.add_offset = 0.5, 100.0
    data = values(2, 2, 4, 8)[:, :, ::-1].transpose(1, 0, 3, 2)
    temperature[...] = np.ma.array(data, mask=np.zeros(data.shape, bool))
    gappy = file.createVariable("2m_temperature", "f4", ("time", "latitude", "longitude"), fill_value=-999.0)
    surface = np.ma.array(values(2, 4, 8)[:, ::-1], mask=False)
    surface[1, 0, :3] = np.ma.masked
    gappy[...] = surface
    file.close()


earth("earth.zarr", sharded=False)
earth("sharded.zarr", sharded=True)
packed("packed.nc")
