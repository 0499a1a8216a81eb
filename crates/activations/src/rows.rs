//! What training and encoding read: records of rows, wherever they lie.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use half::f16;
use half::slice::HalfFloatSliceExt as _;

use crate::{ActivationReader, Dtype, Error, Result};

/// The narrowest format that holds every value of a source exactly; copies in memory and on disk are kept in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// bfloat16.
    Bf16,
}

/// Records of rows of one width: a store ([`ActivationReader`]), `.npy` files ([`NpyDump`](crate::NpyDump)), or what a
/// caller brings.
///
/// [`Shuffle`](crate::Shuffle) takes any of them; a program that learns only at run time which it has uses
/// `Arc<dyn Rows>`. Clones share what they read.
pub trait Rows: Send + Sync {
    /// Channels per row.
    fn width(&self) -> usize;

    /// Number of records.
    fn n_records(&self) -> usize;

    /// Rows of one record.
    fn n_rows(&self, record: usize) -> usize;

    /// The format in which copies lose nothing.
    fn precision(&self) -> Precision;

    /// Where the data lie.
    fn path(&self) -> &Path;

    /// Reads the rows from `first_row` on, as many as `out` `[rows, width]` holds.
    ///
    /// # Errors
    /// When there are no such rows, or they cannot be read.
    fn read_rows_into(&self, record: usize, first_row: usize, out: &mut [f32]) -> Result<()>;

    /// How many rows are best read at once.
    fn block_rows(&self) -> usize {
        1024
    }

    /// A text that changes when the data change, by which left-over copies of them are recognised.
    fn stamp(&self) -> String {
        file_stamp(self.path())
    }
}

impl<R: Rows + ?Sized> Rows for Arc<R> {
    fn width(&self) -> usize {
        (**self).width()
    }

    fn n_records(&self) -> usize {
        (**self).n_records()
    }

    fn n_rows(&self, record: usize) -> usize {
        (**self).n_rows(record)
    }

    fn precision(&self) -> Precision {
        (**self).precision()
    }

    fn path(&self) -> &Path {
        (**self).path()
    }

    fn read_rows_into(&self, record: usize, first_row: usize, out: &mut [f32]) -> Result<()> {
        (**self).read_rows_into(record, first_row, out)
    }

    fn block_rows(&self) -> usize {
        (**self).block_rows()
    }

    fn stamp(&self) -> String {
        (**self).stamp()
    }
}

impl Rows for ActivationReader {
    fn width(&self) -> usize {
        self.meta().width
    }

    fn n_records(&self) -> usize {
        self.records().len()
    }

    fn n_rows(&self, _record: usize) -> usize {
        self.meta().n_nodes
    }

    fn precision(&self) -> Precision {
        match self.meta().dtype {
            Dtype::F32 => Precision::F32,
            Dtype::F16 => Precision::F16,
        }
    }

    fn path(&self) -> &Path {
        ActivationReader::path(self)
    }

    fn read_rows_into(&self, record: usize, first_row: usize, out: &mut [f32]) -> Result<()> {
        ActivationReader::read_rows_into(self, record, first_row, out)
    }

    fn block_rows(&self) -> usize {
        crate::zarr::chunk_rows(self.meta().n_nodes)
    }

    fn stamp(&self) -> String {
        file_stamp(&self.path().join("zarr.json"))
    }
}

/// Path, length and time of the last change.
pub(crate) fn file_stamp(path: &Path) -> String {
    let metadata = path.metadata();
    let changed = metadata.as_ref().ok().and_then(|m| m.modified().ok());
    let nanos = changed
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |d| d.as_nanos());
    let length = metadata.map_or(0, |m| m.len());
    format!("{} {length} {nanos}", path.display())
}

/// Checks a request for rows and says how many are wanted.
pub(crate) fn check_range(
    (index, len): (usize, usize),
    (first_row, n_rows): (usize, usize),
    width: usize,
    out: usize,
) -> Result<usize> {
    if index >= len {
        return Err(Error::OutOfRange { index, len });
    }
    let wanted = out / width;
    if wanted * width != out || first_row.saturating_add(wanted) > n_rows {
        return Err(Error::Length {
            what: "out",
            expected: n_rows.saturating_sub(first_row).min(wanted) * width,
            found: out,
        });
    }
    Ok(wanted)
}

/// Values converted at a time.
const BLOCK: usize = 256;

impl Precision {
    /// Bytes per value.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Writes values as little-endian bytes; exact for values that were in this format.
    pub(crate) fn pack(self, values: &[f32], bytes: &mut [u8]) {
        match self {
            Self::F32 => {
                for (out, v) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                    *out = v.to_le_bytes();
                }
            }
            Self::Bf16 => {
                for (out, v) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                    *out = ((v.to_bits() >> 16) as u16).to_le_bytes();
                }
            }
            Self::F16 => {
                let mut block = [f16::ZERO; BLOCK];
                for (bytes, values) in bytes.chunks_mut(2 * BLOCK).zip(values.chunks(BLOCK)) {
                    let block = &mut block[..values.len()];
                    block.convert_from_f32_slice(values);
                    for (out, v) in bytes.as_chunks_mut().0.iter_mut().zip(block) {
                        *out = v.to_le_bytes();
                    }
                }
            }
        }
    }

    /// Reads values from little-endian bytes.
    pub(crate) fn unpack(self, bytes: &[u8], values: &mut [f32]) {
        match self {
            Self::F32 => {
                for (out, v) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f32::from_le_bytes(*v);
                }
            }
            Self::Bf16 => {
                for (out, v) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f32::from_bits(u32::from(u16::from_le_bytes(*v)) << 16);
                }
            }
            Self::F16 => {
                let mut block = [f16::ZERO; BLOCK];
                for (bytes, values) in bytes.chunks(2 * BLOCK).zip(values.chunks_mut(BLOCK)) {
                    let block = &mut block[..values.len()];
                    for (out, v) in block.iter_mut().zip(bytes.as_chunks().0) {
                        *out = f16::from_le_bytes(*v);
                    }
                    block.convert_to_f32_slice(values);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_format_survive_it_bit_for_bit() {
        for precision in [Precision::F16, Precision::Bf16] {
            let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
            let mut values = vec![0.0; 1 << 16];
            precision.unpack(&bytes, &mut values);
            let mut again = vec![0; bytes.len()];
            precision.pack(&values, &mut again);
            let bits = |b: &[u8], i: usize| u16::from_le_bytes([b[2 * i], b[2 * i + 1]]);
            for (i, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                assert_eq!(bits(&again, i), bits(&bytes, i), "{precision:?} {value}");
            }
        }
        assert_eq!(Precision::F32.size(), 4);
    }
}
