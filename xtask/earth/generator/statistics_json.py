"""Normalisation statistics of the simulated Earth over the forecaster's training blocks.

Plain means over all grid points and times (no area weights), as GraphCast's published statistics.
`diffs_stddev` is the standard deviation of x(t + 6 h) - x(t) within contiguous blocks; daily planes
(sea-surface temperature, sea ice) change once a day and are differenced at 6-hourly times too.
Missing sea-surface temperature counts as 271.35 K, missing sea ice as 0.
"""

import numpy as np

import tropical_lows

SEA_FREEZING_K = 271.35
DAILY_FILL = {"sea_surface_temperature": SEA_FREEZING_K, "sea_ice_cover": 0.0}
SOLAR_CONSTANT = 1361.0  # W m-2
SECONDS_PER_YEAR = 365.24219 * 86400
SINE_STDDEV = float(np.sqrt(0.5))


def summary(values, blocks, levels):
    """mean, stddev, diffs_stddev per level of [time, level, lat, lon] values over blocks of steps."""
    rows = {"levels": [int(p) for p in levels], "mean": [], "stddev": [], "diffs_stddev": []}
    steps = np.concatenate([np.arange(first, first + n) for first, n in blocks])
    for k in range(values.shape[1]):
        plane = values[:, k].astype("f8")
        inside = plane[steps]
        diffs = np.concatenate([np.diff(plane[first : first + n], axis=0).ravel() for first, n in blocks if n > 1])
        rows["mean"].append(float(inside.mean()))
        rows["stddev"].append(float(inside.std()))
        rows["diffs_stddev"].append(float(diffs.std()))
    return rows


def solar_radiation(hours, lat, lon):
    """Top-of-atmosphere solar radiation (J m-2) of the hour that ends at each time, middle of the hour,
    from a low-order series for declination and distance; close enough for a mean and a deviation."""
    middle = (np.asarray(hours, dtype="f8") - 0.5) / 24  # days since 1900-01-01
    angle = 2 * np.pi * (middle % 365.24219) / 365.24219
    declination = (0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle)
                   - 0.006758 * np.cos(2 * angle) + 0.000907 * np.sin(2 * angle))
    distance = 1.000110 + 0.034221 * np.cos(angle) + 0.001280 * np.sin(angle)
    hour_angle = 2 * np.pi * (middle % 1)[:, None] + np.deg2rad(lon) - np.pi
    phi = np.deg2rad(lat)[None, :, None]
    height = (np.sin(phi) * np.sin(declination)[:, None, None]
              + np.cos(phi) * np.cos(declination)[:, None, None] * np.cos(hour_angle)[:, None, :])
    return 3600 * SOLAR_CONSTANT * distance[:, None, None] * np.maximum(height, 0)


def static_summary(plane):
    """Statistics of a field without time: its 6 h differences are zero, written as 1 (nothing to scale)."""
    return {"levels": [], "mean": [float(plane.mean())], "stddev": [float(plane.std())], "diffs_stddev": [1.0]}


def progress_summary(step):
    """Sine or cosine of a phase that is uniform over a cycle; `step` is the phase change in 6 h (radians)."""
    return {"levels": [], "mean": [0.0], "stddev": [SINE_STDDEV],
            "diffs_stddev": [float(2 * np.sin(step / 2) * SINE_STDDEV)]}


def statistics(dataset, blocks):
    """{variable: {levels, mean, stddev, diffs_stddev}} over `blocks` of (first step, number of steps)."""
    table = {}
    day_of = tropical_lows.day_index(dataset)
    for name in dataset.data_vars:
        array = dataset[name]
        if name in DAILY_FILL:
            filled = np.nan_to_num(array.values, nan=DAILY_FILL[name])
            table[name] = summary(filled[day_of][:, None], blocks, [])
        elif "level" in array.dims:
            ordered = array.sortby("level")
            table[name] = summary(ordered.values, blocks, ordered.level.values)
        elif "time" in array.dims:
            table[name] = summary(array.values[:, None], blocks, [])
        else:
            table[name] = static_summary(array.values.astype("f8"))
    hours = tropical_lows.hours_since_1900(dataset.time.values)
    lat, lon = dataset.latitude.values.astype("f8"), dataset.longitude.values.astype("f8")
    table["toa_incident_solar_radiation"] = summary(solar_radiation(hours, lat, lon)[:, None], blocks, [])
    for cycle, step in (("year", 2 * np.pi * 21600 / SECONDS_PER_YEAR), ("day", np.pi / 2)):
        for part in ("sin", "cos"):
            table[f"{cycle}_progress_{part}"] = progress_summary(step)
    return dict(sorted(table.items()))


def document(table, source):
    """The JSON form that dropsonde-fields reads: {source, variables: {name: {mean: {levels, values}, ...}}}."""
    kinds = ("mean", "stddev", "diffs_stddev")
    variables = {name: {kind: {"levels": rows["levels"], "values": rows[kind]} for kind in kinds}
                 for name, rows in table.items()}
    return {"source": source, "variables": variables}
