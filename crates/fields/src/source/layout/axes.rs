//! The grid and the pressure levels of a store.

use dropsonde_mesh::LatLonGrid;

use super::super::store::{ArrayInfo, Store};
use super::names::{LATITUDE, LEVEL, LONGITUDE};
use crate::{Error, Result};

/// Where the numbers of a field are in space, in memory and in the store.
pub(in super::super) struct Axes {
    /// Latitudes from south to north, longitudes ascending from the first at or after 0.
    pub(in super::super) grid: LatLonGrid,
    /// Latitudes descend in the store.
    pub(in super::super) flip: bool,
    /// Index in the store of the first longitude in memory.
    pub(in super::super) roll: usize,
    /// Levels in hPa, in the order of the store.
    pub(in super::super) levels: Vec<u32>,
    /// The one level of fields without a level dimension, in hPa.
    pub(in super::super) scalar_level: Option<u32>,
}

impl Axes {
    pub(in super::super) fn new(store: &dyn Store) -> Result<Self> {
        let (mut lat, lon) = (axis(store, &LATITUDE)?, axis(store, &LONGITUDE)?);
        let flip = lat.len() > 1 && lat[0] > lat[1];
        if flip {
            lat.reverse();
        }
        let (lon, roll) = from_greenwich(&lon);
        let grid =
            LatLonGrid::new(lat.iter().map(|&x| x as f32).collect(), lon).map_err(|source| {
                Error::Grid {
                    path: store.path().to_owned(),
                    source,
                }
            })?;
        let (levels, is_scalar) = levels(store)?;
        Ok(Self {
            grid,
            flip,
            roll,
            scalar_level: levels.first().copied().filter(|_| is_scalar),
            levels: if is_scalar { Vec::new() } else { levels },
        })
    }
}

/// The first of several names that the store has.
pub(super) fn find<'a>(store: &dyn Store, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .copied()
        .find(|name| store.arrays().contains_key(*name))
}

fn axis(store: &dyn Store, names: &[&str]) -> Result<Vec<f64>> {
    let missing = || {
        let found: Vec<_> = store.arrays().keys().collect();
        let message = format!(
            "expected a coordinate named one of {names:?}, found {found:?}\nhint: is this a store of weather on a latitude-longitude grid?"
        );
        Error::malformed(store.path(), names[0], message)
    };
    let name = find(store, names).ok_or_else(missing)?;
    let n_dims = store.arrays().get(name).map_or(0, |info| info.dims.len());
    if n_dims > 1 {
        let message = format!(
            "expected one dimension, found {n_dims}\nhint: only regular latitude-longitude grids can be read; regrid the data, for example with `cdo remapcon`"
        );
        return Err(Error::malformed(store.path(), name, message));
    }
    Ok(store.read_all(name)?.into_iter().collect())
}

/// Longitudes within 0 to 360 beginning with the smallest, and where that one is in the store.
fn from_greenwich(lon: &[f64]) -> (Vec<f32>, usize) {
    let wrap = |x: &f64| match x.rem_euclid(360.0) as f32 {
        // A number just below 360 rounds up to it.
        east if east >= 360.0 => 0.0,
        east => east,
    };
    let mut wrapped: Vec<f32> = lon.iter().map(wrap).collect();
    let first = |best: usize, i: usize| if wrapped[i] < wrapped[best] { i } else { best };
    let roll = (0..wrapped.len()).fold(0, first);
    wrapped.rotate_left(roll);
    (wrapped, roll)
}

/// Levels in hPa, and whether they are one number without a dimension.
fn levels(store: &dyn Store) -> Result<(Vec<u32>, bool)> {
    let Some(name) = find(store, &LEVEL) else {
        return Ok((Vec::new(), false));
    };
    let Some(info) = store.arrays().get(name) else {
        return Ok((Vec::new(), false));
    };
    let malformed = |message: String| Error::malformed(store.path(), name, message);
    let numbers: Vec<f64> = store.read_all(name)?.into_iter().collect();
    let factor = hectopascals(name, info, &numbers).map_err(malformed)?;
    let whole = |&number: &f64| {
        let level = number * factor;
        let is_level = (1.0..=2000.0).contains(&level) && (level - level.round()).abs() < 1e-3;
        is_level.then_some(level.round() as u32)
    };
    let levels: Option<Vec<u32>> = numbers.iter().map(whole).collect();
    let levels = levels.ok_or_else(|| {
        let found: Vec<_> = numbers.iter().take(40).collect();
        malformed(format!(
            "expected pressure levels of whole hPa, found {found:?}"
        ))
    })?;
    let mut sorted = levels.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(malformed(format!("{} hPa is there twice", pair[0]))),
        None => Ok((levels, info.dims.is_empty())),
    }
}

/// What to multiply levels by: by their units, else by their size, since no level of the air has 2000 hPa.
fn hectopascals(name: &str, info: &ArrayInfo, numbers: &[f64]) -> Result<f64, String> {
    let by_size = || {
        let in_pascal = name == "isobaricInPa" || numbers.iter().any(|&number| number > 2000.0);
        if in_pascal { 0.01 } else { 1.0 }
    };
    match info.text("units").map(str::trim) {
        Some("Pa" | "pa" | "pascal" | "Pascal") => Ok(0.01),
        Some("kPa") => Ok(10.0),
        Some("hPa" | "millibar" | "millibars" | "mbar" | "mb" | "hectopascal" | "hectopascals") => {
            Ok(1.0)
        }
        Some(units @ ("m" | "meter" | "meters" | "metre" | "km" | "K")) => {
            Err(format!("expected pressure levels, found levels in {units}"))
        }
        _ => Ok(by_size()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longitudes_begin_at_greenwich() {
        assert_eq!(from_greenwich(&[0.0, 90.0, 180.0, 270.0]).1, 0);
        let (lon, roll) = from_greenwich(&[-180.0, -90.0, 0.0, 90.0]);
        assert_eq!((lon, roll), (vec![0.0, 90.0, 180.0, 270.0], 2));
        let (lon, roll) = from_greenwich(&[20.0, 140.0, 260.0]);
        assert_eq!((lon, roll), (vec![20.0, 140.0, 260.0], 0));
        let (lon, roll) = from_greenwich(&[140.0, 260.0, 380.0]);
        assert_eq!((lon, roll), (vec![20.0, 140.0, 260.0], 2));
        assert_eq!(from_greenwich(&[-1e-9]).0, [0.0]);
    }
}
