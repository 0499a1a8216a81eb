//! The Zarr side: how our arrays are laid out, written and read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zarrs::array::codec::{Crc32cCodec, ZstdCodec};
use zarrs::array::{Array, ArrayBuilder, ArraySubset, DataType, Element, ElementOwned, data_type};
use zarrs::array::{CodecOptions, FillValue};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::{Group, GroupBuilder};

use crate::within::WithinFiles;
use crate::{Dtype, Error, Result};

/// Level 1 compresses latents as fast as the disk takes them; higher levels gain nothing on their random low bits.
const ZSTD_LEVEL: i32 = 1;
/// Rows per inner chunk aimed at.
const CHUNK_ROWS: usize = 1024;
/// A record may take this many bytes whatever the size of its shard.
const ALWAYS_ALLOWED: u64 = 64 << 20;
/// Above that, a shard may grow by this factor: Zstandard keeps 128 KiB of one value in 4 bytes.
const LARGEST_RATIO: u64 = 1 << 15;

/// An array being written.
pub(crate) type ZarrArray = Array<FilesystemStore>;
/// An array being read.
pub(crate) type ReadArray = Array<WithinFiles>;
type Attributes = serde_json::Map<String, serde_json::Value>;

/// The layout of one array `[record, inner..]` with one shard per record.
pub(crate) struct ArraySpec {
    pub(crate) name: &'static str,
    pub(crate) dtype: DataType,
    pub(crate) dims: &'static [&'static str],
    pub(crate) inner: Vec<u64>,
    pub(crate) zstd_level: i32,
}

impl ArraySpec {
    pub(crate) fn float(
        name: &'static str,
        dtype: Dtype,
        dims: &'static [&'static str],
        inner: Vec<u64>,
    ) -> Self {
        let dtype = match dtype {
            Dtype::F32 => data_type::float32(),
            Dtype::F16 => data_type::float16(),
        };
        Self {
            name,
            dtype,
            dims,
            inner,
            zstd_level: ZSTD_LEVEL,
        }
    }
}

/// The divisor of `n` nearest (in ratio) to the wanted number of rows per inner chunk.
///
/// Zarr requires the inner chunk to divide the shard.
pub(crate) fn chunk_rows(n: usize) -> usize {
    let mut best = n.max(1);
    let mut distance = f64::INFINITY;
    for d in (1..=n).filter(|d| n.is_multiple_of(*d)) {
        let ratio = (d as f64 / CHUNK_ROWS as f64).ln().abs();
        if ratio < distance {
            (best, distance) = (d, ratio);
        }
    }
    best
}

pub(crate) fn open_store(root: &Path) -> Result<Arc<FilesystemStore>> {
    FilesystemStore::new(root)
        .map(Arc::new)
        .map_err(|e| Error::zarr(root, e))
}

pub(crate) fn create_group(root: &Path, attributes: Attributes) -> Result<()> {
    let mut group = GroupBuilder::new()
        .build(open_store(root)?, "/")
        .map_err(|e| Error::zarr(root, e))?;
    *group.attributes_mut() = attributes;
    group.store_metadata().map_err(|e| Error::zarr(root, e))
}

pub(crate) fn group_attributes(root: &Path, expected: &'static str) -> Result<Attributes> {
    let absent = |found: String| Error::NotAStore {
        path: root.to_path_buf(),
        expected,
        found,
    };
    if !root.join("zarr.json").is_file() {
        return Err(absent("no `zarr.json` there".to_owned()));
    }
    let group = Group::open(open_store(root)?, "/").map_err(|e| absent(e.to_string()))?;
    Ok(group.attributes().clone())
}

fn fill_value(dtype: &DataType) -> FillValue {
    let size = dtype.fixed_size().unwrap_or(4);
    FillValue::new(vec![0; size])
}

pub(crate) fn create_array(root: &Path, spec: &ArraySpec, n_records: usize) -> Result<ZarrArray> {
    let with_records = |first: u64| -> Vec<u64> {
        std::iter::once(first)
            .chain(spec.inner.iter().copied())
            .collect()
    };
    let mut inner_chunk = with_records(1);
    inner_chunk[1] = chunk_rows(spec.inner[0] as usize) as u64;
    let names: Vec<Option<String>> = spec.dims.iter().map(|d| Some((*d).to_owned())).collect();
    let mut attributes = Attributes::new();
    attributes.insert(
        "coordinates".into(),
        "init_time valid_time lead_hours".into(),
    );
    let array = ArrayBuilder::new(
        with_records(n_records as u64),
        with_records(1),
        spec.dtype.clone(),
        fill_value(&spec.dtype),
    )
    .subchunk_shape(inner_chunk)
    .dimension_names(Some(names))
    .attributes(attributes)
    .bytes_to_bytes_codecs(vec![
        Arc::new(ZstdCodec::new(spec.zstd_level, false)),
        Arc::new(Crc32cCodec::new()),
    ])
    .build(open_store(root)?, &format!("/{}", spec.name))
    .map_err(|e| Error::zarr(root, e))?;
    array.store_metadata().map_err(|e| Error::zarr(root, e))?;
    Ok(array)
}

/// Writes a one-dimensional coordinate `[record]` with its attributes.
pub(crate) fn write_coordinate<T: Element>(
    root: &Path,
    name: &str,
    dtype: DataType,
    values: &[T],
    attributes: Attributes,
) -> Result<()> {
    let n = values.len() as u64;
    let fill = fill_value(&dtype);
    let array = ArrayBuilder::new(vec![n], vec![n.max(1)], dtype, fill)
        .dimension_names(Some(vec![Some("record".to_owned())]))
        .attributes(attributes)
        .build(open_store(root)?, &format!("/{name}"))
        .map_err(|e| Error::zarr(root, e))?;
    array.store_metadata().map_err(|e| Error::zarr(root, e))?;
    if n > 0 {
        array
            .store_chunk_opt(&[0], values, &keep_empty())
            .map_err(|e| Error::zarr(root, e))?;
    }
    Ok(())
}

/// Reads a coordinate of `n` values.
pub(crate) fn read_coordinate<T: ElementOwned>(
    root: &Path,
    name: &'static str,
    dtype: DataType,
    n: usize,
) -> Result<Vec<T>> {
    let spec = ArraySpec {
        name,
        dtype,
        dims: &["record"],
        inner: Vec::new(),
        zstd_level: ZSTD_LEVEL,
    };
    let array = open_to_read(root, name)?;
    check_layout(root, &array, &spec, n, n.max(1))?;
    retrieve(&array, &array.subset_all()).map_err(|e| Error::zarr(root.join(name), e))
}

pub(crate) fn open_array(root: &Path, name: &str) -> Result<ZarrArray> {
    Array::open(open_store(root)?, &format!("/{name}")).map_err(|e| Error::zarr(root.join(name), e))
}

fn open_to_read(root: &Path, name: &str) -> Result<ReadArray> {
    let store = FilesystemStore::new(root).map_err(|e| Error::zarr(root, e))?;
    Array::open(Arc::new(WithinFiles(store)), &format!("/{name}"))
        .map_err(|e| Error::zarr(root.join(name), e))
}

/// Opens an array of a finished store and compares it with what the metadata of the store say.
///
/// Afterwards reading a record takes no more memory than its shard can account for.
pub(crate) fn open_records(root: &Path, spec: &ArraySpec, n_records: usize) -> Result<ReadArray> {
    let array = open_to_read(root, spec.name)?;
    check_layout(root, &array, spec, n_records, 1)?;
    let size = spec.dtype.fixed_size().unwrap_or(1) as u64;
    let n_bytes = spec.inner.iter().try_fold(size, |n, &d| n.checked_mul(d));
    for record in 0..n_records {
        let path = shard_path(root, &array, record);
        let length = match path.metadata() {
            Ok(file) if file.is_file() => file.len(),
            _ => return Err(Error::MissingShard { path, record }),
        };
        let allowed = ALWAYS_ALLOWED.max(length.saturating_mul(LARGEST_RATIO));
        if n_bytes.is_none_or(|n| n > allowed) {
            let reason = format!("{length} bytes cannot hold shape {:?}", spec.inner);
            return Err(Error::DamagedShard {
                path,
                record,
                reason,
            });
        }
    }
    Ok(array)
}

fn check_layout(
    root: &Path,
    array: &ReadArray,
    spec: &ArraySpec,
    n_records: usize,
    n_per_chunk: usize,
) -> Result<()> {
    let with_first = |first: usize| -> Vec<u64> {
        let inner = spec.inner.iter().copied();
        std::iter::once(first as u64).chain(inner).collect()
    };
    let wrong = |what: &str, found: String, expected: String| {
        let reason = format!("{what} is {found}, the metadata say {expected}");
        Err(Error::zarr(root.join(spec.name), reason))
    };
    let shape = with_first(n_records);
    if array.shape() != shape {
        return wrong(
            "shape",
            format!("{:?}", array.shape()),
            format!("{shape:?}"),
        );
    }
    if *array.data_type() != spec.dtype {
        let (found, expected) = (array.data_type(), &spec.dtype);
        return wrong("data type", format!("{found:?}"), format!("{expected:?}"));
    }
    let chunk = with_first(n_per_chunk);
    let found = array.chunk_shape(&vec![0; chunk.len()]).unwrap_or_default();
    if found.iter().map(|n| n.get()).ne(chunk.iter().copied()) {
        return wrong("chunk shape", format!("{found:?}"), format!("{chunk:?}"));
    }
    Ok(())
}

/// A record of zeros is data, not an absent chunk.
fn keep_empty() -> CodecOptions {
    CodecOptions::default().with_store_empty_chunks(true)
}

fn shard_indices<S>(array: &Array<S>, record: usize) -> Vec<u64> {
    let mut indices = vec![0; array.dimensionality()];
    indices[0] = record as u64;
    indices
}

/// The file of one shard.
pub(crate) fn shard_path<S>(root: &Path, array: &Array<S>, record: usize) -> PathBuf {
    root.join(array.chunk_key(&shard_indices(array, record)).as_str())
}

/// Compresses (inner chunks in parallel) and writes one record.
pub(crate) fn write_shard<T: Element>(
    root: &Path,
    array: &ZarrArray,
    record: usize,
    values: &[T],
) -> Result<()> {
    array
        .store_chunk_opt(&shard_indices(array, record), values, &keep_empty())
        .map_err(|e| Error::zarr(shard_path(root, array, record), e))
}

/// Reads rows `start..start + n_rows` of one record (all rows: the whole shard).
pub(crate) fn read_rows<T: ElementOwned>(
    root: &Path,
    array: &ReadArray,
    record: usize,
    (start, n_rows): (usize, usize),
) -> Result<Vec<T>> {
    let mut ranges: Vec<std::ops::Range<u64>> = array.shape().iter().map(|&n| 0..n).collect();
    ranges[0] = record as u64..record as u64 + 1;
    ranges[1] = start as u64..(start + n_rows) as u64;
    let path = shard_path(root, array, record);
    if !path.is_file() {
        return Err(Error::MissingShard { path, record });
    }
    let subset = ArraySubset::new_with_ranges(&ranges);
    retrieve(array, &subset).map_err(|reason| Error::DamagedShard {
        path,
        record,
        reason,
    })
}

/// Decodes numbers; a panic of the decoder is an error too.
///
/// The sharding codec of zarrs adds the numbers in the index of a shard without a check. Its message still goes to the
/// standard error: the hook that prints it belongs to the program.
fn retrieve<T: ElementOwned>(array: &ReadArray, subset: &ArraySubset) -> Result<Vec<T>, String> {
    let read = AssertUnwindSafe(|| array.retrieve_array_subset(subset));
    match catch_unwind(read) {
        Ok(values) => values.map_err(|e| e.to_string()),
        Err(_) => Err("the decoder gave up".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::chunk_rows;

    #[test]
    fn inner_chunk_divides_every_mesh() {
        for n in [12, 42, 162, 642, 2562, 10242, 40962, 65160, 569, 1, 8192] {
            assert_eq!(n % chunk_rows(n), 0, "{n}");
        }
        assert_eq!(chunk_rows(10242), 1138);
        assert_eq!(chunk_rows(40962), 6827);
        assert_eq!(chunk_rows(8192), 1024);
    }
}
