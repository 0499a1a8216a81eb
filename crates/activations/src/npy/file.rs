//! One `.npy` file of rows.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::bits::{Histogram, NpyDtype};
use super::header::Header;
use super::name::Name;
use crate::rows::Precision;
use crate::{Error, Result};

/// Places in a file from which elements are looked at, and how many from each.
const SAMPLES: (u64, usize) = (16, 4096);

/// How elements are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Packed(Precision),
    F64,
}

impl Element {
    pub(super) fn size(self) -> usize {
        match self {
            Self::Packed(precision) => precision.size(),
            Self::F64 => 8,
        }
    }
}

/// A file of a [`NpyDump`](super::NpyDump).
#[derive(Clone, Debug, PartialEq)]
pub struct NpyFile {
    path: PathBuf,
    name: Option<Name>,
    pub(super) n_rows: usize,
    pub(super) width: usize,
    pub(super) element: Element,
    data_start: u64,
}

fn wrong(path: &Path, found: impl Into<String>, hint: &str) -> Error {
    Error::Npy {
        path: path.to_path_buf(),
        found: found.into(),
        hint: hint.to_owned(),
    }
}

impl NpyFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The site in its name, as in [`LatentsMeta::site`](crate::LatentsMeta::site).
    pub fn site(&self) -> Option<&str> {
        self.name.as_ref().map(|name| name.site.as_str())
    }

    /// The node set in its name.
    pub fn node_set(&self) -> Option<&str> {
        self.name.as_ref().map(|name| name.node_set.as_str())
    }

    /// The time in its name, seconds since 1970-01-01 UTC: that of the state which the step produces.
    pub fn time(&self) -> Option<i64> {
        self.name.as_ref().map(|name| name.time)
    }

    /// Reads the header and compares it with the length of the file.
    pub(super) fn open(path: &Path, dtype: Option<NpyDtype>) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io(path))?;
        let length = file.metadata().map_err(Error::io(path))?.len();
        let header = Header::read(&mut file)
            .map_err(|found| wrong(path, found, "files are written with `numpy.save`"))?;
        if header.fortran {
            return Err(wrong(
                path,
                "the array is in Fortran order",
                "save `numpy.ascontiguousarray(x)`",
            ));
        }
        let (n_rows, width) = rows_of(path, &header.shape)?;
        let sample = || sample(&mut file, &header, length).map_err(Error::io(path));
        let element = element(path, &header.descr, dtype, sample)?;
        let n_bytes = n_rows
            .checked_mul(width)
            .and_then(|n| n.checked_mul(element.size()));
        let held = length.saturating_sub(header.data_start);
        if n_bytes.map(|n| n as u64) != Some(held) {
            let found = format!(
                "shape {:?} of `{}` needs {} bytes, and {held} follow the header",
                header.shape,
                header.descr,
                n_bytes.map_or_else(|| "more than 2^64".to_owned(), |n| n.to_string())
            );
            let hint = "the file is cut off or has something appended; copy it again";
            return Err(wrong(path, found, hint));
        }
        Ok(Self {
            path: path.to_path_buf(),
            name: Name::parse(path),
            n_rows,
            width,
            element,
            data_start: header.data_start,
        })
    }

    /// Reads rows from `first_row` on into `out`; the caller has checked that they exist.
    pub(super) fn read(&self, first_row: usize, out: &mut [f32]) -> Result<()> {
        let size = self.element.size();
        let mut bytes = vec![0; out.len() * size];
        let start = self.data_start + (first_row * self.width * size) as u64;
        File::open(&self.path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(start))?;
                file.read_exact(&mut bytes)
            })
            .map_err(Error::io(&self.path))?;
        match self.element {
            Element::Packed(precision) => precision.unpack(&bytes, out),
            Element::F64 => {
                for (out, v) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f64::from_le_bytes(*v) as f32;
                }
            }
        }
        match out.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(at) => Err(Error::NotFinite {
                path: self.path.clone(),
                row: first_row + at / self.width,
                channel: at % self.width,
                value: self.exact(&bytes, at, out[at]),
            }),
        }
    }

    /// The value as the file has it; an f64 may only be too large for f32.
    fn exact(&self, bytes: &[u8], at: usize, rounded: f32) -> f64 {
        match (self.element, bytes.as_chunks().0.get(at)) {
            (Element::F64, Some(value)) => f64::from_le_bytes(*value),
            _ => f64::from(rounded),
        }
    }
}

/// Rows and channels of `[rows, channels]` or `[nodes, 1, channels]`.
fn rows_of(path: &Path, shape: &[usize]) -> Result<(usize, usize)> {
    match *shape {
        [n_rows, width] | [n_rows, 1, width] if n_rows > 0 && width > 0 => Ok((n_rows, width)),
        _ => Err(wrong(
            path,
            format!("shape {shape:?}, expected [rows, channels] or [nodes, 1, channels]"),
            "the batch axis is the one of length 1 in the middle; reshape the array",
        )),
    }
}

/// How the elements of a dtype are read, given the choice of the caller.
fn element(
    path: &Path,
    descr: &str,
    dtype: Option<NpyDtype>,
    sample: impl FnOnce() -> Result<Histogram>,
) -> Result<Element> {
    let (order, kind) = match descr.chars().next() {
        Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
        _ => (' ', descr),
    };
    let known = ["f2", "f4", "f8", "V2", "u2"].contains(&kind);
    if !known {
        let hint = "activations are f2, f4, f8, or V2 with a stated meaning";
        return Err(wrong(path, format!("dtype `{descr}`"), hint));
    }
    if order == '>' {
        let hint = "save `x.astype(x.dtype.newbyteorder('<'))`";
        return Err(wrong(path, format!("dtype `{descr}` is big-endian"), hint));
    }
    let chosen = |dtype| match dtype {
        NpyDtype::Bf16 => Element::Packed(Precision::Bf16),
        NpyDtype::F16View => Element::Packed(Precision::F16),
    };
    match (kind, dtype) {
        ("f4", None) => Ok(Element::Packed(Precision::F32)),
        ("f8", None) => Ok(Element::F64),
        ("f4" | "f8", Some(_)) => Err(wrong(
            path,
            format!("dtype `{descr}`, which says what it means"),
            "leave the choice of `dtype` out; it is for elements of 2 bytes",
        )),
        (_, Some(dtype)) => Ok(chosen(dtype)),
        // Declared float16 is believed unless it is bfloat16 to all appearance: somebody may have saved the view.
        ("f2", None) => {
            let histogram = sample()?;
            match histogram.guess() {
                Some(NpyDtype::Bf16) => Err(undecided(path, descr, &histogram)),
                _ => Ok(chosen(NpyDtype::F16View)),
            }
        }
        (_, None) => Err(undecided(path, descr, &sample()?)),
    }
}

fn undecided(path: &Path, descr: &str, histogram: &Histogram) -> Error {
    wrong(
        path,
        format!("dtype `{descr}` does not say what its bits mean: choose `bf16` or `f16-view`"),
        &histogram.hint(),
    )
}

/// Looks at elements of 2 bytes all over a file.
fn sample(file: &mut File, header: &Header, length: u64) -> std::io::Result<Histogram> {
    let (n_places, at_once) = SAMPLES;
    let n = length.saturating_sub(header.data_start) / 2;
    let mut bits = Vec::new();
    let mut end = 0;
    for place in 0..n_places {
        let first = (n * place / n_places).max(end);
        let count = (n - first).min(at_once as u64);
        end = first + count;
        let mut bytes = vec![0; 2 * count as usize];
        file.seek(SeekFrom::Start(header.data_start + 2 * first))?;
        file.read_exact(&mut bytes)?;
        bits.extend(bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)));
    }
    Ok(Histogram::of(bits.into_iter()))
}
