//! NetCDF files, classic and NetCDF-4.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{ArrayD, SliceInfoElem};
use netcdf_reader::{
    BlockCacheStorage, NcAttrValue, NcAttribute, NcFile, NcOpenOptions, NcSliceInfo,
    NcSliceInfoElem, NcType, NcVariable, RangeRequestStorage,
};
use object_store::GetRange;
use serde_json::{Map, Value};
use zarrs::storage::Bytes;

use super::bucket::Bucket;
use super::guard::guarded;
use super::store::{ArrayInfo, MAX_COORDINATE, Store, checked_shape, product, runs};
use crate::{Error, Result};

/// Remote files are read in blocks of this many bytes.
const BLOCK: usize = 4 << 20;
/// How many blocks are kept.
const N_BLOCKS: usize = 64;

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
        Self::new(path, || NcFile::open(path))
    }

    /// Reads the header of a remote file of this many bytes; the rest is fetched as it is needed.
    pub(super) fn open_remote(bucket: Arc<Bucket>, size: u64) -> Result<Self> {
        let path = bucket.shown().to_owned();
        let read = move |offset: u64, length: usize| {
            let end = offset.saturating_add(length as u64);
            let failed = |message: String| std::io::Error::other(message);
            match bucket.fetch_range("", GetRange::Bounded(offset..end)) {
                Ok(Some(bytes)) => Ok(bytes.to_vec()),
                Ok(None) => Err(failed("the file has gone".to_owned()).into()),
                Err(failure) => Err(failed(failure.message).into()),
            }
        };
        let blocks = BlockCacheStorage::new(
            Arc::new(RangeRequestStorage::new(size, read)),
            BLOCK,
            N_BLOCKS,
        );
        Self::new(&path, || NcFile::from_storage(Arc::new(blocks)))
    }

    /// Reads a file that is in memory.
    pub(super) fn open_bytes(path: &Path, bytes: Bytes) -> Result<Self> {
        Self::new(path, || NcFile::from_owner(bytes, NcOpenOptions::default()))
    }

    fn new(path: &Path, open: impl FnOnce() -> netcdf_reader::Result<NcFile>) -> Result<Self> {
        let malformed = |e: netcdf_reader::Error| Error::malformed(path, "header", e);
        guarded(path, "header", || {
            let file = open().map_err(malformed)?;
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
        })
    }

    fn info(&self, name: &str) -> Result<&ArrayInfo> {
        self.infos
            .get(name)
            .ok_or_else(|| Error::malformed(&self.path, name, "no such variable"))
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
        let read = || match ranges {
            [] => self.file.read_variable_unpacked_masked(name),
            _ => {
                let slice = NcSliceInfo { selections };
                self.file.read_variable_slice_unpacked_masked(name, &slice)
            }
        };
        let data = guarded(&self.path, name, || read().map_err(malformed))?;
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

    fn read(&self, name: &str, picks: &[Vec<usize>]) -> Result<ArrayD<f32>> {
        let shape = checked_shape(self, name, self.info(name)?, picks)?;
        let runs: Vec<_> = picks.iter().map(|pick| runs(pick)).collect();
        let mut whole = ArrayD::zeros(shape);
        for block in product(&runs) {
            let ranges: Vec<_> = block.iter().map(|(_, range)| range.clone()).collect();
            let part = self.slice(name, &ranges)?;
            let target: Vec<SliceInfoElem> = block
                .iter()
                .map(|(start, range)| (*start..*start + range.len()).into())
                .collect();
            whole
                .slice_mut(target.as_slice())
                .zip_mut_with(&part, |value, &number| *value = number as f32);
        }
        Ok(whole)
    }

    fn read_all(&self, name: &str) -> Result<ArrayD<f64>> {
        let shape = &self.info(name)?.shape;
        let count = shape
            .iter()
            .try_fold(1_usize, |n, &length| n.checked_mul(length));
        if count.is_none_or(|count| count > MAX_COORDINATE) {
            let message =
                format!("expected at most {MAX_COORDINATE} entries, found the shape {shape:?}");
            return Err(Error::malformed(&self.path, name, message));
        }
        let ranges: Vec<_> = shape.iter().map(|&length| 0..length).collect();
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
