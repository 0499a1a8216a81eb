//! NetCDF files, classic and NetCDF-4.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use netcdf_reader::{
    NcAttrValue, NcAttribute, NcFile, NcSliceInfo, NcSliceInfoElem, NcType, NcVariable,
};
use serde_json::{Map, Value};

use super::store::{ArrayInfo, Store};
use crate::{Error, Result};

/// The root group of a NetCDF file.
pub(super) struct NetcdfStore {
    path: PathBuf,
    file: NcFile,
    attributes: Value,
    infos: BTreeMap<String, ArrayInfo>,
}

impl NetcdfStore {
    /// Reads the header of a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let malformed = |e: netcdf_reader::Error| Error::malformed(path, "header", e);
        let file = NcFile::open(path).map_err(malformed)?;
        let attributes = Value::Object(to_json(file.global_attributes().map_err(malformed)?));
        let variables = file.variables().map_err(malformed)?;
        let infos = variables
            .iter()
            .filter(|variable| is_numeric(variable.dtype()))
            .map(|variable| (variable.name.clone(), info(variable)))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            file,
            attributes,
            infos,
        })
    }

    fn slice(&self, name: &str, ranges: &[Range<usize>]) -> Result<ArrayD<f64>> {
        let selections = ranges
            .iter()
            .map(|r| NcSliceInfoElem::Slice {
                start: r.start as u64,
                end: r.end as u64,
                step: 1,
            })
            .collect();
        let malformed = |e: netcdf_reader::Error| Error::malformed(&self.path, name, e);
        let data = if ranges.is_empty() {
            self.file.read_variable_unpacked_masked(name)
        } else {
            self.file
                .read_variable_slice_unpacked_masked(name, &NcSliceInfo { selections })
        }
        .map_err(malformed)?;
        let expected: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        if data.shape() != expected {
            let message = format!("expected shape {expected:?}, found {:?}", data.shape());
            return Err(Error::malformed(&self.path, name, message));
        }
        Ok(data)
    }
}

impl Store for NetcdfStore {
    fn path(&self) -> &Path {
        &self.path
    }

    fn arrays(&self) -> &BTreeMap<String, ArrayInfo> {
        &self.infos
    }

    fn attributes(&self) -> &Value {
        &self.attributes
    }

    fn read(&self, name: &str, ranges: &[Range<usize>]) -> Result<ArrayD<f32>> {
        Ok(self.slice(name, ranges)?.mapv(|x| x as f32))
    }

    fn read_all(&self, name: &str) -> Result<ArrayD<f64>> {
        let info = self.infos.get(name);
        let info = info.ok_or_else(|| Error::malformed(&self.path, name, "no such variable"))?;
        let ranges: Vec<_> = info.shape.iter().map(|&length| 0..length).collect();
        self.slice(name, &ranges)
    }
}

fn info(variable: &NcVariable) -> ArrayInfo {
    ArrayInfo {
        dims: variable
            .dimensions()
            .iter()
            .map(|d| d.name.clone())
            .collect(),
        shape: variable
            .dimensions()
            .iter()
            .map(|d| d.size as usize)
            .collect(),
        attributes: to_json(variable.attributes()),
    }
}

fn is_numeric(dtype: &NcType) -> bool {
    matches!(
        dtype,
        NcType::Byte
            | NcType::UByte
            | NcType::Short
            | NcType::UShort
            | NcType::Int
            | NcType::UInt
            | NcType::Int64
            | NcType::UInt64
            | NcType::Float
            | NcType::Double
    )
}

/// Texts and numbers; other attributes are left out.
fn to_json(attributes: &[NcAttribute]) -> Map<String, Value> {
    attributes
        .iter()
        .filter_map(|attribute| Some((attribute.name.clone(), value_to_json(&attribute.value)?)))
        .collect()
}

fn value_to_json(value: &NcAttrValue) -> Option<Value> {
    if let Some(text) = value.as_string() {
        return Some(Value::String(text));
    }
    let numbers = value.as_f64_vec()?;
    let numbers: Vec<Value> = numbers.into_iter().map(Value::from).collect();
    match <[Value; 1]>::try_from(numbers) {
        Ok([number]) => Some(number),
        Err(numbers) => Some(Value::Array(numbers)),
    }
}
