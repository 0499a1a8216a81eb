"""Chooses the one-week windows of earth-mini and prints a census of their storms and plumes.

    python choose_windows.py EARTH_T63C.zarr [--json FILE]

A window holds 29 contiguous 6-hourly states (7 days, both ends included).
Windows of different splits are at least ten days apart; two windows never overlap.
Within these rules a dynamic programme over days finds the windows with the most storm:
every tropical low counts its depth (hPa, at most 15), in *select* and *report* once more if it belongs
to the window's strongest storm (the interventions start there), and every per cent of the subtropics
and middle latitudes covered by long moisture plumes counts a little.
"""

import argparse
import json
from functools import lru_cache

import numpy as np
import xarray as xr

import moisture_plumes
import tropical_lows

STATES = 29
GAP_STATES = 40  # ten days
# how many windows of each split to take from each contiguous piece of the simulation, in `members` order
QUOTAS = [{"train": 3, "select": 2, "report": 1}, {"train": 3, "select": 1, "report": 2}]
DEEPEST_HPA = 15.0
PLUME_WEIGHT = 2.0  # points per per cent of covered area, mean over the window


def members(dataset):
    """Index ranges (first, stop) of the contiguous pieces of the simulation."""
    hours = tropical_lows.hours_since_1900(dataset.time.values)
    cuts = np.flatnonzero(np.diff(hours) != 6) + 1
    edges = [0, *cuts.tolist(), len(hours)]
    return list(zip(edges[:-1], edges[1:]))


def storm_parts(tracks, hours, first):
    """For each track its summed depth (hPa) inside the window that starts at step `first`."""
    begin, end = hours[first], hours[first + STATES - 1]
    parts = [sum(min(low["depth"] / 100, DEEPEST_HPA) for t, low in track if begin <= t <= end) for track in tracks]
    return np.array(parts + [0.0])


def score(tracks, hours, plumes, first, split):
    """What the window starting at step `first` is worth to a split."""
    parts = storm_parts(tracks, hours, first)
    plume = 100 * plumes[first : first + STATES].mean()
    return parts.sum() + (parts.max() if split != "train" else 0.0) + PLUME_WEIGHT * plume


def best_windows(piece, quota, value):
    """Best disjoint windows of one piece: list of (first step, split).  `value(step, split)` scores."""
    splits = sorted(quota)
    begin, stop = piece
    # windows start at the hour of the piece's first state plus whole days
    starts = list(range(begin, stop - STATES + 1, 4))

    @lru_cache(maxsize=None)
    def best(k, previous, left):
        """Best (score, windows) using starts[k:], `left` windows per split still to place."""
        if not any(left):
            return 0.0, ()
        if k >= len(starts):
            return -np.inf, ()
        result = best(k + 1, previous, left)
        last_start, last_split = previous
        for s, split in enumerate(splits):
            clear = 0 if split == last_split else GAP_STATES
            if not left[s] or (last_split and starts[k] < last_start + STATES + clear):
                continue
            rest = best(k + 1, (starts[k], split), left[:s] + (left[s] - 1,) + left[s + 1 :])
            total = value(starts[k], split) + rest[0]
            if total > result[0]:
                result = total, ((starts[k], split),) + rest[1]
        return result

    found = best(0, (0, ""), tuple(quota[s] for s in splits))
    if not np.isfinite(found[0]):
        raise SystemExit(f"no room for {quota} in the piece of steps {begin}..{stop}")
    return list(found[1])


def choose(dataset):
    """The windows [(first step, split)] in time order, the tracks, and the plume share of each state."""
    tracks = tropical_lows.find_tracks(dataset)
    hours = tropical_lows.hours_since_1900(dataset.time.values)
    lat, lon = dataset.latitude.values.astype("f8"), dataset.longitude.values.astype("f8")
    transport = moisture_plumes.vapour_transport(dataset)
    plumes = np.array([moisture_plumes.plume_share(t, lat, lon) for t in transport])
    windows = []
    for piece, quota in zip(members(dataset), QUOTAS, strict=True):
        value = lru_cache(maxsize=None)(lambda first, split: score(tracks, hours, plumes, first, split))
        windows += best_windows(piece, quota, value)
    return windows, tracks, plumes


def iso(hour):
    """ISO time, to the hour, of hours since 1900."""
    return str(np.datetime64("1900-01-01T00", "h") + np.timedelta64(int(hour), "h"))


def describe(track, begin, end):
    """One line of a census: a track's part inside a window."""
    part = [(t, low) for t, low in track if begin <= t <= end]
    (first, a), (last, b) = part[0], part[-1]
    return dict(
        first=iso(first), last=iso(last), points=len(part),
        track_first=iso(track[0][0]), track_days=round((track[-1][0] - track[0][0]) / 24, 2),
        lat=[round(float(a["lat"]), 1), round(float(b["lat"]), 1)],
        lon=[round(float(a["lon"]), 1), round(float(b["lon"]), 1)],
        min_pressure_hpa=round(float(min(p["pressure"] for _, p in part)) / 100, 1),
        max_wind=round(float(max(p["wind"] for _, p in part)), 1),
        max_warm_core=round(float(max(p["warm"] for _, p in part)), 1),
    )


def census(dataset, windows, tracks, plumes):
    """For each window its split, times, plume share and storms (strongest first)."""
    hours = tropical_lows.hours_since_1900(dataset.time.values)
    rows = []
    for first, split in windows:
        begin, end = hours[first], hours[first + STATES - 1]
        inside = [t for t in tracks if sum(begin <= h <= end for h, _ in t) >= 4]
        storms = sorted((describe(t, begin, end) for t in inside), key=lambda s: s["min_pressure_hpa"])
        rows.append(dict(split=split, first=iso(begin), last=iso(end), steps=STATES,
                         plume_share=round(float(plumes[first : first + STATES].mean()), 3), storms=storms))
    return rows


def print_census(rows):
    """Prints the census as a list."""
    for row in rows:
        print(f"{row['split']:7s} {row['first']} .. {row['last']}  plumes {row['plume_share']:.3f}")
        for s in row["storms"]:
            print(f"    {s['first']} .. {s['last']} ({s['points']} states of a {s['track_days']} d track) "
                  f"{s['lat'][0]},{s['lon'][0]} -> {s['lat'][1]},{s['lon'][1]}  {s['min_pressure_hpa']} hPa "
                  f"{s['max_wind']} m/s {s['max_warm_core']} K")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("earth", help="simulated Earth as Zarr (see generate.py and coarsen.py)")
    parser.add_argument("--json", help="also write the census there")
    args = parser.parse_args()
    dataset = xr.open_zarr(args.earth, consolidated=False).load()
    rows = census(dataset, *choose(dataset))
    print_census(rows)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
