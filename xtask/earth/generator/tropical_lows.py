"""Tropical lows in a coarse (about 4 degree) simulated Earth: detection and linking into tracks.

The same thresholds as the Rust detector (`dropsonde_fields::events::TropicalLows`), in numpy, so that the
windows of earth-mini can be chosen without building anything; here centres are nodes, there they lie between.
All distances are great-circle kilometres, so the thresholds do not depend on the grid.
"""

from dataclasses import dataclass

import numpy as np

EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True)
class Thresholds:
    """What makes a sea-level pressure minimum a tropical low, and lows a track."""

    environment_km: float = 1000.0  # disc whose mean is the surroundings
    core_km: float = 600.0  # disc searched for the warmest column, vorticity, wind
    depth_pa: float = 300.0  # surroundings minus centre, sea-level pressure
    warm_core_k: float = 0.7  # warmest column of the core minus surroundings, mean of 300-500 hPa
    vorticity: float = 4e-5  # s-1, cyclonic, 850 hPa
    wind: float = 12.0  # m s-1, strongest 10 m wind in the core
    formation_latitude: tuple = (3.0, 32.0)  # first point, degrees from the equator
    highest_latitude: float = 45.0  # later points
    formation_sst: float = 298.65  # K at the first point
    step_km: float = 600.0  # largest move in 6 h
    missed_steps: int = 1  # steps a track may be without a low
    min_hours: float = 36.0  # shortest track, first to last point


def distance_km(lat_a, lon_a, lat_b, lon_b):
    """Great-circle distance of points in degrees (haversine)."""
    a, b = np.deg2rad(lat_a), np.deg2rad(lat_b)
    dlon = np.deg2rad(np.asarray(lon_b) - lon_a)
    h = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(dlon / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(h, 1.0)))


def relative_vorticity(u, v, lat, lon):
    """Relative vorticity (s-1) of [..., lat, lon] winds by centred differences on the sphere."""
    radius = EARTH_RADIUS_KM * 1e3
    coslat = np.cos(np.deg2rad(lat))[:, None]
    dlon = np.deg2rad(lon[1] - lon[0])
    dv_dx = (np.roll(v, -1, -1) - np.roll(v, 1, -1)) / (2 * dlon * radius * coslat)
    du_dy = np.gradient(u * coslat, np.deg2rad(lat), axis=-2) / (radius * coslat)
    return dv_dx - du_dy


class Discs:
    """For every node within a latitude band, the nodes of its environment and core discs."""

    def __init__(self, lat, lon, rules):
        self.lat, self.lon = (a.ravel() for a in np.meshgrid(lat, lon, indexing="ij"))
        self.nodes = np.flatnonzero(np.abs(self.lat) <= rules.highest_latitude)
        self.environment, self.core = [], []
        for node in self.nodes:
            d = distance_km(self.lat[node], self.lon[node], self.lat, self.lon)
            self.environment.append(np.flatnonzero(d <= rules.environment_km))
            self.core.append(np.flatnonzero(d <= rules.core_km))
        self.weight = np.cos(np.deg2rad(self.lat))

    def mean(self, plane):
        """Area-weighted mean of a flat plane over each environment disc."""
        return np.array([np.average(plane[i], weights=self.weight[i]) for i in self.environment])

    def max(self, plane):
        """Largest value of a flat plane in each core disc."""
        return np.array([plane[i].max() for i in self.core])

    def is_minimum(self, plane):
        """Whether the plane has its smallest core-disc value at the node itself."""
        return np.array([plane[n] <= plane[i].min() for n, i in zip(self.nodes, self.core)])


def lows(state, discs, rules):
    """The lows of one state: `state` maps names to flat planes; returns a list of dicts."""
    pressure = state["pressure"]
    ok = discs.is_minimum(pressure) & (state["land"][discs.nodes] < 0.5)
    depth = discs.mean(pressure) - pressure[discs.nodes]
    warm = discs.max(state["upper_temperature"]) - discs.mean(state["upper_temperature"])
    spin = discs.max(state["vorticity"] * np.sign(discs.lat))
    wind = discs.max(state["wind"])
    ok &= (depth > rules.depth_pa) & (warm > rules.warm_core_k)
    ok &= (spin > rules.vorticity) & (wind > rules.wind)
    return [
        dict(lat=discs.lat[n], lon=discs.lon[n], pressure=pressure[n], depth=depth[i],
             warm=warm[i], wind=wind[i], sst=state["sst"][n])
        for i, n in enumerate(discs.nodes) if ok[i]
    ]


def link(times, lows_by_time, rules):
    """Tracks: lists of (time in hours, low), nearest pairs first, one 6 h step at a time."""
    live, done = [], []
    for time, points in zip(times, lows_by_time):
        keep = lambda t: time - t[-1][0] <= 6 * (1 + rules.missed_steps)
        done += [t for t in live if not keep(t)]
        live = [t for t in live if keep(t)]
        pairs = []
        for i, track in enumerate(live):
            last_time, last = track[-1]
            reach = rules.step_km * (time - last_time) / 6
            for j, p in enumerate(points):
                d = float(distance_km(last["lat"], last["lon"], p["lat"], p["lon"]))
                if d <= reach:
                    pairs.append((d, i, j))
        used_tracks, used_points = set(), set()
        for _, i, j in sorted(pairs):
            if i not in used_tracks and j not in used_points:
                used_tracks.add(i), used_points.add(j)
                live[i].append((time, points[j]))
        low, high = rules.formation_latitude
        for j, p in enumerate(points):
            if j not in used_points and low <= abs(p["lat"]) <= high and p["sst"] >= rules.formation_sst:
                live.append([(time, p)])
    return [t for t in done + live if t[-1][0] - t[0][0] >= rules.min_hours]


def states(dataset):
    """Yields (hours since 1900, planes) for each time of an opened earth_t63c dataset."""
    lat, lon = dataset.latitude.values.astype("f8"), dataset.longitude.values.astype("f8")
    land = dataset.land_sea_mask.values.ravel()
    pressure = dataset.mean_sea_level_pressure.values
    upper = dataset.temperature.sel(level=[300, 500]).mean("level").values
    spin = relative_vorticity(dataset.u_component_of_wind.sel(level=850).values,
                              dataset.v_component_of_wind.sel(level=850).values, lat, lon)
    wind = np.hypot(dataset["10m_u_component_of_wind"].values, dataset["10m_v_component_of_wind"].values)
    sst = np.nan_to_num(dataset.sea_surface_temperature.values, nan=271.35)
    hours = hours_since_1900(dataset.time.values)
    day_of = day_index(dataset)
    for i, hour in enumerate(hours):
        yield hour, dict(pressure=pressure[i].ravel(), upper_temperature=upper[i].ravel(),
                         vorticity=spin[i].ravel(), wind=wind[i].ravel(), sst=sst[day_of[i]].ravel(),
                         land=land)


def hours_since_1900(times):
    """Hours since 1900-01-01 of numpy datetimes."""
    return ((times - np.datetime64("1900-01-01")) // np.timedelta64(1, "h")).astype("i8")


def day_index(dataset):
    """For each time the index of the daily plane in force: the latest `day` not after it."""
    return np.searchsorted(dataset.day.values, dataset.time.values, side="right") - 1


def find_tracks(dataset, rules=Thresholds()):
    """All tracks of an opened dataset."""
    discs = Discs(dataset.latitude.values.astype("f8"), dataset.longitude.values.astype("f8"), rules)
    times, found = [], []
    for hour, planes in states(dataset):
        times.append(hour)
        found.append(lows(planes, discs, rules))
    return link(times, found, rules)
