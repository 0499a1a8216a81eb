"""Makes earth-mini, the simulated Earth's one-week windows that ship with the project.

    python make_mini.py EARTH_T63C.zarr [--out ../data]

Reads 6-hourly output of the simulation on the 96 x 48 grid (generate.py, coarsen.py; see ../data/README.md)
and writes

    earth-mini.zarr  the windows of choose_windows.py, one after the other along `time`; Zarr v3,
                     one shard per array, float values exactly as in the source
    statistics.json  per-variable mean, stddev and 6-hour difference stddev of the other days,
                     on which the forecaster is trained
    windows.json     the windows with their storms, as printed
"""

import argparse
import json
import os
import shutil

import numpy as np
import xarray as xr
from zarr.codecs import BloscCodec

import choose_windows
import statistics_json
import tropical_lows

STATISTICS_SOURCE = ("simulated Earth (jcm 3.0.0, SPEEDY physics), days outside all windows of earth-mini; "
                     "plain means over grid points and times")

INNER = {"time": 4, "level": 1, "day": 8}  # inner chunk lengths; whole planes
EPOCH_UNITS = {"units": "hours since 1900-01-01", "calendar": "proleptic_gregorian"}


def window_steps(windows):
    """All steps of the windows, in order."""
    return np.concatenate([np.arange(first, first + choose_windows.STATES) for first, _ in windows])


def blocks_outside(dataset, windows):
    """Contiguous runs of steps that are in no window: the forecaster's training blocks."""
    inside = np.zeros(dataset.sizes["time"], dtype=bool)
    inside[window_steps(windows)] = True
    blocks = []
    for first, stop in choose_windows.members(dataset):
        free = np.flatnonzero(~inside[first:stop]) + first
        for run in np.split(free, np.flatnonzero(np.diff(free) > 1) + 1):
            blocks.append((int(run[0]), len(run)) if len(run) else None)
    return [b for b in blocks if b]


def take(dataset, windows):
    """The dataset reduced to the windows' times and the days whose planes they use."""
    steps = window_steps(windows)
    days = np.unique(tropical_lows.day_index(dataset)[steps])
    mini = dataset.isel(time=steps, day=days)
    for name in ("time", "day"):
        hours = tropical_lows.hours_since_1900(mini[name].values)
        mini = mini.assign_coords({name: (name, hours, EPOCH_UNITS)})
    mini.time.attrs["long_name"] = "time of the state"
    mini.day.attrs["long_name"] = "time from which the daily plane holds, until the next one"
    return mini


def attributes(dataset, windows, blocks):
    """Group attributes: what this is, where it is from, windows and training blocks."""
    hours = tropical_lows.hours_since_1900(dataset.time.values)
    rows = [dict(split=split, first=choose_windows.iso(hours[first]), steps=choose_windows.STATES)
            for first, split in windows]
    return {
        "title": "earth-mini: one-week windows of a simulated Earth, 6-hourly, 96 x 48",
        "is_model_simulation_not_observations": True,
        "source": "climate-model simulation: jcm 3.0.0 (SPEEDY physics, T63, 8 layers), observed sea-surface "
                  "temperature and sea ice as boundary; no date in it matches real weather",
        "provenance": "members from 1982-07-01 and 1996-01-01 after 60 days of spin-up; 192 x 96 averaged 2 x 2 with "
                      "area weights to 96 x 48; float32 rounded to 6-13 mantissa bits; windows by choose_windows.py",
        "daily_planes": "sea_surface_temperature and sea_ice_cover: at a time holds the plane of the latest `day` "
                        "not after it",
        "windows": rows,
        "splits": {s: [r["first"] for r in rows if r["split"] == s] for s in ("train", "select", "report")},
        "training_blocks": [dict(first=choose_windows.iso(hours[first]), steps=steps) for first, steps in blocks],
    }


def encoding(mini):
    """One shard per array; inner chunks of a few planes; zstd after bit shuffling."""
    table = {}
    for name in mini.variables:
        array = mini[name]
        if not array.dims or array.ndim == 1:
            table[name] = dict(chunks=array.shape)
            continue
        chunks = tuple(min(INNER.get(d, n), n) for d, n in zip(array.dims, array.shape))
        shards = tuple(-(-n // c) * c for c, n in zip(chunks, array.shape))
        codec = BloscCodec(typesize=4, cname="zstd", clevel=9, shuffle="bitshuffle")
        table[name] = dict(chunks=chunks, shards=shards, compressors=[codec])
    return table


def write_zarr(mini, path):
    """Writes the store under a temporary name, then renames it."""
    part = path + ".part"
    shutil.rmtree(part, ignore_errors=True)
    for name in mini.variables:
        mini[name].encoding.clear()
    mini.to_zarr(part, zarr_format=3, consolidated=False, encoding=encoding(mini))
    shutil.rmtree(path, ignore_errors=True)
    os.replace(part, path)


def write_json(value, path):
    """Writes indented JSON under a temporary name, then renames it."""
    with open(path + ".part", "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("earth", help="simulated Earth, 96 x 48, as Zarr")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data"))
    args = parser.parse_args()
    dataset = xr.open_zarr(args.earth, consolidated=False).load()
    windows, tracks, plumes = choose_windows.choose(dataset)
    rows = choose_windows.census(dataset, windows, tracks, plumes)
    choose_windows.print_census(rows)
    blocks = blocks_outside(dataset, windows)
    print(f"training blocks of the forecaster: {len(blocks)}, {sum(n for _, n in blocks)} states")
    mini = take(dataset, windows)
    mini.attrs = attributes(dataset, windows, blocks)
    os.makedirs(args.out, exist_ok=True)
    write_zarr(mini, os.path.join(args.out, "earth-mini.zarr"))
    write_json(rows, os.path.join(args.out, "windows.json"))
    write_json(statistics_json.document(statistics_json.statistics(dataset, blocks), STATISTICS_SOURCE), os.path.join(args.out, "statistics.json"))


if __name__ == "__main__":
    main()
