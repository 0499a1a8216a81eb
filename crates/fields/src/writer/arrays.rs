//! Zarr arrays as [`StateWriter`](super::StateWriter) needs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayView2;
use serde_json::{Map, Value};
use zarrs::array::builder::ArrayBuilderFillValue;
use zarrs::array::codec::ZstdCodec;
use zarrs::array::{
    Array, ArrayBuilder, ArrayMetadataOptions, DataType, Element, ZARR_NAN_F32, data_type,
};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupBuilder;

use crate::{Error, Field, Result};

const ZSTD_LEVEL: i32 = 3;

/// A Zarr v3 group that is being written.
pub(super) struct ZarrWriter {
    path: PathBuf,
    store: Arc<FilesystemStore>,
}

/// Numbers of a coordinate axis.
pub(super) trait AxisNumber: Element + Copy {
    fn data_type() -> DataType;
    fn fill() -> ArrayBuilderFillValue;
}

impl AxisNumber for f32 {
    fn data_type() -> DataType {
        data_type::float32()
    }

    fn fill() -> ArrayBuilderFillValue {
        ZARR_NAN_F32.into()
    }
}

impl AxisNumber for i64 {
    fn data_type() -> DataType {
        data_type::int64()
    }

    fn fill() -> ArrayBuilderFillValue {
        0_i64.into()
    }
}

impl ZarrWriter {
    /// An empty group with attributes in a fresh directory.
    pub(super) fn create(path: &Path, attributes: Map<String, Value>) -> Result<Self> {
        let failed = |message: String| Error::Write {
            path: path.to_owned(),
            message,
        };
        if path.exists() {
            std::fs::remove_dir_all(path).map_err(|e| failed(e.to_string()))?;
        }
        std::fs::create_dir_all(path).map_err(|e| failed(e.to_string()))?;
        let store = Arc::new(FilesystemStore::new(path).map_err(|e| failed(e.to_string()))?);
        let group = GroupBuilder::new()
            .attributes(attributes)
            .build(Arc::clone(&store), "/")
            .map_err(|e| failed(e.to_string()))?;
        group.store_metadata().map_err(|e| failed(e.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            store,
        })
    }

    fn failed(&self, name: &str, message: impl ToString) -> Error {
        Error::Write {
            path: self.path.join(name),
            message: message.to_string(),
        }
    }

    /// A coordinate of its own dimension in one chunk.
    pub(super) fn store_axis<T: AxisNumber>(
        &self,
        name: &str,
        numbers: &[T],
        attributes: &Value,
    ) -> Result<()> {
        let length = numbers.len() as u64;
        let mut builder =
            ArrayBuilder::new(vec![length], vec![length.max(1)], T::data_type(), T::fill());
        builder.dimension_names(Some([name]));
        let array = self.build(builder, name, attributes)?;
        array.store_metadata().map_err(|e| self.failed(name, e))?;
        if !numbers.is_empty() {
            array
                .store_chunk(&[0], numbers)
                .map_err(|e| self.failed(name, e))?;
        }
        Ok(())
    }

    /// A field without time in one chunk.
    pub(super) fn store_fixed(
        &self,
        name: &str,
        dims: &[&str; 2],
        data: &ArrayView2<'_, f32>,
        attributes: &Value,
    ) -> Result<()> {
        let shape: Vec<u64> = data.shape().iter().map(|&length| length as u64).collect();
        let mut builder =
            ArrayBuilder::new(shape.clone(), shape, data_type::float32(), ZARR_NAN_F32);
        builder.dimension_names(Some(dims.iter().copied()));
        let array = self.build(builder, name, attributes)?;
        array.store_metadata().map_err(|e| self.failed(name, e))?;
        let values: Vec<f32> = data.iter().copied().collect();
        array
            .store_chunk(&[0, 0], values)
            .map_err(|e| self.failed(name, e))
    }

    /// One time of a field, as one chunk.
    pub(super) fn store_time(
        &self,
        name: &str,
        time: usize,
        field: &Field,
        attributes: &Value,
    ) -> Result<()> {
        let [n_lat, n_lon] = field.grid_shape();
        let levels = (!field.levels.is_empty()).then_some(field.levels.len());
        let shape: Vec<usize> = [time + 1]
            .into_iter()
            .chain(levels)
            .chain([n_lat, n_lon])
            .collect();
        let array = self.time_array(name, &shape, attributes)?;
        let mut chunk = vec![0; shape.len()];
        chunk[0] = time as u64;
        let values: Vec<f32> = field.data.iter().copied().collect();
        array
            .store_chunk(&chunk, values)
            .map_err(|e| self.failed(name, e))
    }

    /// The metadata of a field with its final shape `[time, (level,) latitude, longitude]`.
    pub(super) fn finish_time(
        &self,
        name: &str,
        shape: Vec<usize>,
        attributes: &Value,
    ) -> Result<()> {
        let array = self.time_array(name, &shape, attributes)?;
        array.store_metadata().map_err(|e| self.failed(name, e))
    }

    fn time_array(
        &self,
        name: &str,
        shape: &[usize],
        attributes: &Value,
    ) -> Result<Array<FilesystemStore>> {
        let shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
        let mut chunk = shape.clone();
        chunk[0] = 1;
        let dims: &[&str] = match shape.len() {
            3 => &["time", "latitude", "longitude"],
            _ => &["time", "level", "latitude", "longitude"],
        };
        let mut builder = ArrayBuilder::new(shape, chunk, data_type::float32(), ZARR_NAN_F32);
        builder.dimension_names(Some(dims.iter().copied()));
        self.build(builder, name, attributes)
    }

    fn build(
        &self,
        mut builder: ArrayBuilder,
        name: &str,
        attributes: &Value,
    ) -> Result<Array<FilesystemStore>> {
        let attributes = attributes.as_object().cloned().unwrap_or_default();
        builder
            .attributes(attributes)
            .bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(ZSTD_LEVEL, false))])
            .build(Arc::clone(&self.store), &format!("/{name}"))
            .map(|array| {
                // No attribute of the library that wrote it.
                let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
                array.with_metadata_options(options)
            })
            .map_err(|e| self.failed(name, e))
    }
}
