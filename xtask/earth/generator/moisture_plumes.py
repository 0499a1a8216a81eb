"""Integrated vapour transport from pressure levels, and the area of long moisture plumes."""

import numpy as np
from scipy import ndimage

from tropical_lows import distance_km

GRAVITY = 9.80665  # m s-2
DRY_AIR = 287.05  # J kg-1 K-1
PLUME_TRANSPORT = 250.0  # kg m-1 s-1, the usual threshold of atmospheric-river catalogues
PLUME_LENGTH_KM = 2000.0
PLUME_LATITUDES = (20.0, 65.0)


def surface_pressure(dataset):
    """Surface pressure (Pa) from sea-level pressure, orography and 2 m temperature (isothermal layer)."""
    scale = dataset.geopotential_at_surface.values / (DRY_AIR * dataset["2m_temperature"].values)
    return dataset.mean_sea_level_pressure.values * np.exp(-scale)


def column_integral(values, levels_hpa, bottom_pressure):
    """Integral dp/g of [time, level, lat, lon] values: trapezoids between the levels, and the lowest
    level's value down to the surface where the surface lies below it."""
    order = np.argsort(levels_hpa)
    pressure = np.asarray(levels_hpa, dtype="f8")[order] * 100
    values = values[:, order]
    below = np.maximum(bottom_pressure - pressure[-1], 0)
    return (np.trapezoid(values, pressure, axis=1) + values[:, -1] * below) / GRAVITY


def vapour_transport(dataset):
    """Magnitude of integrated vapour transport (kg m-1 s-1), [time, lat, lon]."""
    bottom = surface_pressure(dataset)
    levels, q = dataset.level.values, dataset.specific_humidity.values
    east = column_integral(q * dataset.u_component_of_wind.values, levels, bottom)
    north = column_integral(q * dataset.v_component_of_wind.values, levels, bottom)
    return np.hypot(east, north)


def plume_share(transport, lat, lon):
    """Share of the band 20-65 degrees (both hemispheres) covered by plumes: connected areas above the
    threshold, joined across the date line, whose two farthest nodes are at least 2,000 km apart."""
    band = (np.abs(lat) >= PLUME_LATITUDES[0]) & (np.abs(lat) <= PLUME_LATITUDES[1])
    weight = np.cos(np.deg2rad(lat))[:, None] * np.ones(len(lon))
    labels, _ = ndimage.label((transport >= PLUME_TRANSPORT) & band[:, None], np.ones((3, 3)))
    for row_above, row, row_below in zip([0, *range(len(lat) - 1)], range(len(lat)), [*range(1, len(lat)), len(lat) - 1]):
        for other in (row_above, row, row_below):
            a, b = labels[row, 0], labels[other, -1]
            if a and b and a != b:
                labels[labels == b] = a
    covered = 0.0
    for label in np.unique(labels[labels > 0]):
        j, i = np.nonzero(labels == label)
        reach = distance_km(lat[j][:, None], lon[i][:, None], lat[j][None], lon[i][None]).max()
        covered += weight[j, i].sum() if reach >= PLUME_LENGTH_KM else 0.0
    return covered / weight[band].sum()
