//! Classic NetCDF files in which every array has its place from the start, written in any order.
//!
//! The format is that of the NetCDF classic data model, 64-bit offset (CDF-2) or 64-bit data (CDF-5);
//! specification: <https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html>.
//! No dimension is unlimited, so each array is one contiguous piece of the file.

mod header;

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::ArrayView3;
use serde_json::{Map, Value};

use super::part::write_error;
use super::plan::{ArrayPlan, Kind, Numbers};
use crate::{Error, Result};
use header::Header;

/// Bytes that are converted at a time.
const BUFFER: usize = 1 << 20;

/// Largest array of a CDF-2 file in bytes.
const CDF2_LIMIT: u64 = u32::MAX as u64 - 3;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// 64-bit offset: arrays below 4 GiB, no 64-bit integers; every reader knows it.
    Cdf2,
    /// 64-bit data.
    Cdf5,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct ClassicFile {
    path: PathBuf,
    file: File,
    /// Where each array begins, and at last the length of the file.
    offsets: Vec<u64>,
}

/// Whether arrays of these sizes can be in a CDF-2 file (types aside).
pub(super) fn fits_cdf2(plans: &[ArrayPlan]) -> bool {
    plans
        .iter()
        .all(|plan| n_bytes(plan).is_some_and(|n| n <= CDF2_LIMIT))
}

impl ClassicFile {
    /// Writes the header of a file with these arrays, in the smallest format that holds them.
    ///
    /// Dimensions of the same name must have the same length.
    pub(super) fn create(
        path: &Path,
        plans: &[ArrayPlan],
        attributes: &Map<String, Value>,
    ) -> Result<Self> {
        let narrow = fits_cdf2(plans) && plans.iter().all(|plan| plan.kind != Kind::I64);
        let format = if narrow { Format::Cdf2 } else { Format::Cdf5 };
        // Offsets have a fixed width, so the header is as long with zeros in their place.
        let no_offsets = vec![0; plans.len()];
        let start = Header::new(format, plans, attributes, &no_offsets).len();
        let offsets = offsets(start, plans).ok_or_else(|| {
            write_error(
                path,
                "its size does not fit in 64 bits\nhint: write fewer steps",
            )
        })?;
        let header = Header::new(format, plans, attributes, &offsets);
        let file = File::create(path).map_err(|e| write_error(path, e.to_string()))?;
        let mut this = Self {
            path: path.to_owned(),
            file,
            offsets,
        };
        let written = this.file.write_all(header.as_bytes());
        written.map_err(|e| this.failed(&e))?;
        Ok(this)
    }

    /// All numbers of an array.
    pub(super) fn write_numbers(&mut self, array: usize, numbers: &Numbers) -> Result<()> {
        self.seek(array, 0)?;
        match numbers {
            Numbers::F32(numbers) => self.write(numbers, f32::to_be_bytes),
            Numbers::I32(numbers) => self.write(numbers, i32::to_be_bytes),
            Numbers::I64(numbers) => self.write(numbers, i64::to_be_bytes),
        }
    }

    /// The `slab`-th piece, counted in pieces of the size of `data`, of an array of f32.
    pub(super) fn write_slab(
        &mut self,
        array: usize,
        slab: usize,
        data: ArrayView3<'_, f32>,
    ) -> Result<()> {
        let data = data.as_standard_layout();
        // A standard layout is one slice.
        let values = data.as_slice().unwrap_or_default();
        self.seek(array, (slab * values.len() * size_of::<f32>()) as u64)?;
        self.write(values, f32::to_be_bytes)
    }

    /// Waits until everything is on disk and checks the length.
    pub(super) fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(|e| self.failed(&e))?;
        let found = self.file.metadata().map_err(|e| self.failed(&e))?.len();
        match found == self.length() {
            true => Ok(()),
            false => Err(write_error(
                &self.path,
                format!("expected {} bytes in the end, found {found}", self.length()),
            )),
        }
    }

    /// Length of the whole file in bytes.
    fn length(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    fn seek(&mut self, array: usize, bytes: u64) -> Result<()> {
        let place = SeekFrom::Start(self.offsets[array] + bytes);
        self.file.seek(place).map_err(|e| self.failed(&e))?;
        Ok(())
    }

    fn write<T: Copy, const N: usize>(
        &mut self,
        values: &[T],
        bytes: fn(T) -> [u8; N],
    ) -> Result<()> {
        let mut buffer = Vec::with_capacity(BUFFER.min(values.len() * N));
        for piece in values.chunks(BUFFER / N) {
            buffer.clear();
            piece.iter().for_each(|&value| buffer.extend(bytes(value)));
            self.file.write_all(&buffer).map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        let full = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        );
        let message = match full {
            true => format!(
                "{error}\nhint: the whole file takes {} bytes; free some space or write fewer steps",
                self.length()
            ),
            false => error.to_string(),
        };
        write_error(&self.path, message)
    }
}

/// Where arrays lie that follow each other from `start`, and where the last one ends.
fn offsets(start: u64, plans: &[ArrayPlan]) -> Option<Vec<u64>> {
    let mut offsets = vec![start];
    let mut end = start;
    for plan in plans {
        // All sizes are multiples of 4, so there is no padding.
        end = end.checked_add(n_bytes(plan)?)?;
        offsets.push(end);
    }
    (end <= i64::MAX as u64).then_some(offsets)
}

fn n_bytes(plan: &ArrayPlan) -> Option<u64> {
    let width = match plan.kind {
        Kind::F32 | Kind::I32 => 4,
        Kind::I64 => 8,
    };
    plan.n_elements()?.checked_mul(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, length: usize, kind: Kind) -> ArrayPlan {
        let mut plan = ArrayPlan::field(name, vec![("a", 2), ("x", length)], Map::new());
        plan.kind = kind;
        plan
    }

    #[test]
    fn format_follows_size_and_type() {
        let limit = (CDF2_LIMIT / 8) as usize;
        assert!(fits_cdf2(&[plan("field", limit, Kind::F32)]));
        assert!(!fits_cdf2(&[plan("field", limit + 1, Kind::F32)]));
        assert!(!fits_cdf2(&[plan("field", usize::MAX, Kind::F32)]));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.nc");
        for (kind, version) in [(Kind::I32, 2), (Kind::I64, 5)] {
            ClassicFile::create(&path, &[plan("x", 3, kind)], &Map::new()).unwrap();
            assert_eq!(
                std::fs::read(&path).unwrap()[..4],
                [b'C', b'D', b'F', version]
            );
        }
    }

    #[test]
    fn a_size_beyond_64_bits_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.nc");
        let plans = [plan("x", usize::MAX / 2, Kind::F32)];
        let error = ClassicFile::create(&path, &plans, &Map::new()).unwrap_err();
        assert!(error.to_string().contains("64 bits"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn an_array_that_was_not_written_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.nc");
        let mut file = ClassicFile::create(
            &path,
            &[plan("x", 1, Kind::I32), plan("y", 1, Kind::I32)],
            &Map::new(),
        )
        .unwrap();
        file.write_numbers(0, &Numbers::I32(vec![1, 2])).unwrap();
        let error = file.finish().unwrap_err().to_string();
        assert!(error.contains("bytes in the end"), "{error}");
    }

    /// Most of this file is a hole, so it takes some kB of disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn arrays_beyond_4_gib_have_their_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.nc");
        let dims = vec![("step", 300), ("lat", 2048), ("lon", 2048)];
        let plans = ["a", "b"].map(|name| ArrayPlan::field(name, dims.clone(), Map::new()));
        let mut file = ClassicFile::create(&path, &plans, &Map::new()).unwrap();
        let data = ndarray::Array3::from_shape_fn((1, 2048, 2048), |(_, i, j)| (i * j) as f32);
        file.write_slab(1, 299, data.view()).unwrap();
        file.finish().unwrap();
        let file = netcdf_reader::NcFile::open(&path).unwrap();
        let slice = |start, end| netcdf_reader::NcSliceInfoElem::Slice {
            start,
            end,
            step: 1,
        };
        let selections = vec![slice(299, 300), slice(0, 2048), slice(0, 2048)];
        let selection = netcdf_reader::NcSliceInfo { selections };
        let found = file.read_variable_slice::<f32>("b", &selection).unwrap();
        assert_eq!(found, data.into_dyn());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_says_what_is_needed() {
        let error = ClassicFile::create(
            Path::new("/dev/full"),
            &[plan("x", 1, Kind::I32)],
            &Map::new(),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains("No space left"), "{error}");
        assert!(error.contains("the whole file takes"), "{error}");
    }
}
