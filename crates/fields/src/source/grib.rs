//! GRIB2 files, as NOAA's GFS and ECMWF's open data come.

mod index;
mod parameter;
mod sections;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn};
use serde_json::{Map, Value, json};

use super::guard::guarded;
use super::store::{ArrayInfo, Parallel, Store, checked_shape};
use crate::{Error, Result};
use index::{Index, Message};

const COORDINATES: [&str; 4] = ["time", "level", "latitude", "longitude"];

/// A GRIB2 file, or a directory of such files (one per time, as they are published).
///
/// Messages of the parameters in [`parameter`] are exposed under ERA5's names and in ERA5's units; others
/// are left out. A field of which no message exists at some time or level is NaN there.
pub(super) struct GribStore {
    path: PathBuf,
    attributes: Value,
    infos: BTreeMap<String, ArrayInfo>,
    index: Index,
}

impl GribStore {
    /// Lists the messages; data are decoded when they are read.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let index = Index::scan(path, &files(path)?)?;
        Ok(Self {
            path: path.to_owned(),
            attributes: json!({ "source": "GRIB2" }),
            infos: infos(&index),
            index,
        })
    }

    fn coordinate(&self, name: &str) -> Option<Vec<f64>> {
        let index = &self.index;
        Some(match name {
            "time" => index
                .times
                .iter()
                .map(|t| t.unix_seconds() as f64)
                .collect(),
            "level" => index.levels.iter().map(|&l| f64::from(l)).collect(),
            "latitude" => index.grid.latitudes.clone(),
            "longitude" => index.grid.longitudes.clone(),
            _ => return None,
        })
    }

    /// `[latitude, longitude]`, NaN if there is no such message.
    fn plane(&self, name: &str, time: usize, level: Option<usize>) -> Result<Array2<f32>> {
        let index = &self.index;
        let shape = (index.grid.latitudes.len(), index.grid.longitudes.len());
        let key = (
            name.to_owned(),
            index.times[time],
            level.map(|k| index.levels[k]),
        );
        match index.messages.get(&key) {
            Some(message) => guarded(&index.files[message.file], name, || {
                message.decode(index, shape)
            }),
            None => Ok(Array2::from_elem(shape, f32::NAN)),
        }
    }
}

impl Store for GribStore {
    fn path(&self) -> &Path {
        &self.path
    }

    fn arrays(&self) -> &BTreeMap<String, ArrayInfo> {
        &self.infos
    }

    fn attributes(&self) -> &Value {
        &self.attributes
    }

    fn read(&self, name: &str, picks: &[Vec<usize>]) -> Result<ArrayD<f32>> {
        let info = self.infos.get(name);
        let info = info.ok_or_else(|| Error::malformed(&self.path, name, "no such variable"))?;
        let shape = checked_shape(self, name, info, picks)?;
        if let Some(numbers) = self.coordinate(name) {
            let part = picks[0].iter().map(|&i| numbers[i] as f32).collect();
            return Ok(Array1::from_vec(part).into_dyn());
        }
        let mut data = ArrayD::zeros(IxDyn(&shape));
        let (levels, rows, columns) = match picks {
            [_, levels, rows, columns] => (Some(levels), rows, columns),
            _ => (None, &picks[1], &picks[2]),
        };
        for (i, &time) in picks[0].iter().enumerate() {
            let mut at_time = data.index_axis_mut(Axis(0), i);
            let choose = |plane: Array2<f32>| plane.select(Axis(0), rows).select(Axis(1), columns);
            match levels {
                None => at_time.assign(&choose(self.plane(name, time, None)?)),
                Some(levels) => {
                    for (k, &level) in levels.iter().enumerate() {
                        let plane = choose(self.plane(name, time, Some(level))?);
                        at_time.index_axis_mut(Axis(0), k).assign(&plane);
                    }
                }
            }
        }
        Ok(data)
    }

    fn read_all(&self, name: &str) -> Result<ArrayD<f64>> {
        match self.coordinate(name) {
            Some(numbers) => Ok(Array1::from_vec(numbers).into_dyn()),
            None => Err(Error::malformed(&self.path, name, "no such coordinate")),
        }
    }

    fn parallel(&self) -> Parallel<'_> {
        Parallel::Global
    }
}

impl Message {
    /// The numbers of the message in the units of ERA5, `shape` being `[latitude, longitude]`.
    fn decode(&self, index: &Index, shape: (usize, usize)) -> Result<Array2<f32>> {
        let path = &index.files[self.file];
        let failed =
            |e: String| Error::malformed(path, format!("message at byte {}", self.offset), e);
        let bytes = index::read_message(path, self.offset, self.length)?;
        sections::check(&bytes).map_err(failed)?;
        let grib = grib::from_bytes(bytes).map_err(|e| failed(e.to_string()))?;
        let (_, field) = grib
            .iter()
            .nth(self.field)
            .ok_or_else(|| failed("expected another field, found the end".to_owned()))?;
        let decoder =
            grib::Grib2SubmessageDecoder::from(field).map_err(|e| failed(e.to_string()))?;
        let n = shape.0 * shape.1;
        let decoded = decoder.dispatch().map_err(|e| failed(e.to_string()))?;
        let values: Vec<f32> = decoded
            .take(n + 1)
            .map(|x| (f64::from(x) * self.factor) as f32)
            .collect();
        let n_found = values.len();
        Array2::from_shape_vec(shape, values)
            .map_err(|_| failed(format!("expected {n} numbers, found {n_found}")))
    }
}

/// The file itself, or the GRIB2 files of a directory, sorted by name.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
        let file = entry.map_err(|e| Error::io(path, e))?.path();
        if file.is_file() && is_grib(&file)? {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file begins like GRIB, or a directory has such a file.
pub(super) fn is_grib(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(!files(path)?.is_empty());
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(4)
        .read_to_end(&mut start)
        .map_err(|e| Error::io(path, e))?;
    Ok(start == *b"GRIB")
}

fn infos(index: &Index) -> BTreeMap<String, ArrayInfo> {
    let length = |dim: &str| match dim {
        "time" => index.times.len(),
        "level" => index.levels.len(),
        "latitude" => index.grid.latitudes.len(),
        _ => index.grid.longitudes.len(),
    };
    let info = |dims: &[&str], units: &str| ArrayInfo {
        dims: dims.iter().map(|&dim| dim.to_owned()).collect(),
        shape: dims.iter().map(|&dim| length(dim)).collect(),
        attributes: Map::from_iter([("units".to_owned(), Value::from(units))]),
    };
    let mut infos = BTreeMap::new();
    for (name, units) in COORDINATES.iter().zip([
        "seconds since 1970-01-01",
        "hPa",
        "degrees_north",
        "degrees_east",
    ]) {
        if length(name) > 0 {
            infos.insert((*name).to_owned(), info(&[name], units));
        }
    }
    for ((name, _, level), message) in &index.messages {
        let dims: &[&str] = match level {
            Some(_) => &COORDINATES,
            None => &["time", "latitude", "longitude"],
        };
        infos
            .entry(name.clone())
            .or_insert_with(|| info(dims, message.units));
    }
    infos
}
