//! Named tensors of a file, taken one by one; what is left was not carried over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

use super::pt::{Dtype, Item, PtFile, TensorRef, Values};
use crate::{Error, Result};

/// Tensors by name, of a `.pt` archive or a safetensors file.
pub(super) struct Weights {
    path: PathBuf,
    source: Source,
    names: BTreeSet<String>,
}

enum Source {
    Pt {
        file: Box<PtFile>,
        tensors: Vec<(String, TensorRef)>,
    },
    Safetensors(Vec<u8>),
}

/// A matrix in row-major order.
pub(super) struct Table {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) values: Vec<f32>,
}

impl Table {
    /// `[cols, rows]`.
    pub(super) fn transposed(&self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            values: transpose(&self.values, self.cols),
        }
    }
}

/// Rows and columns exchanged, of values in rows of `cols`.
pub(super) fn transpose(values: &[f32], cols: usize) -> Vec<f32> {
    let column = |c: usize| values.iter().skip(c).step_by(cols.max(1)).copied();
    (0..cols).flat_map(column).collect()
}

impl Weights {
    /// The tensors in the dictionary `key` of an archive, or of the archive itself.
    pub(super) fn of_pt(file: PtFile, key: Option<&str>) -> Self {
        let root = file.root();
        let dict = match key {
            Some(key) => root.get(key),
            None => Some(root),
        };
        let entries = dict.into_iter().flat_map(|dict| dict.entries());
        let tensors: Vec<(String, TensorRef)> = entries
            .filter_map(|(name, item): (&str, Item<'_>)| {
                Some((name.to_owned(), item.tensor()?.clone()))
            })
            .collect();
        Self {
            path: file.path().to_path_buf(),
            names: tensors.iter().map(|(name, _)| name.clone()).collect(),
            source: Source::Pt {
                file: Box::new(file),
                tensors,
            },
        }
    }

    /// The tensors of a safetensors file.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub(super) fn of_safetensors(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::checkpoint(path, format!("{e} (is it cut off?)")))?;
        let names = file.names().into_iter().map(ToString::to_string).collect();
        Ok(Self {
            path: path.to_path_buf(),
            names,
            source: Source::Safetensors(bytes),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Names of the tensors that were not taken.
    pub(super) fn left(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// A matrix of finite floats.
    pub(super) fn matrix(&mut self, name: &str) -> Result<Table> {
        match self.floats(name)? {
            (shape, values) if shape.len() == 2 => Ok(Table {
                rows: shape[0],
                cols: shape[1],
                values,
            }),
            (shape, _) => Err(self.shape_error(name, "[rows, columns]", &shape)),
        }
    }

    /// A vector of `n` finite floats.
    pub(super) fn vector(&mut self, name: &str, n: usize) -> Result<Vec<f32>> {
        match self.floats(name)? {
            (shape, values) if shape == [n] => Ok(values),
            (shape, _) => Err(self.shape_error(name, &format!("[{n}]"), &shape)),
        }
    }

    /// A single number.
    pub(super) fn number(&mut self, name: &str) -> Result<f64> {
        let (shape, values) = self.take(name)?;
        let number = match &values {
            Values::Float(x) => x.first().map(|&x| f64::from(x)),
            Values::Int(x) => x.first().map(|&x| x as f64),
            Values::Bool(_) => None,
        };
        match number.filter(|x| x.is_finite() && shape.iter().all(|&n| n == 1)) {
            Some(number) => Ok(number),
            None => Err(self.shape_error(name, "[] (one finite number)", &shape)),
        }
    }

    /// Integers that are not negative.
    pub(super) fn counts(&mut self, name: &str) -> Result<Vec<u64>> {
        let (shape, values) = self.take(name)?;
        let counts = match values {
            Values::Int(x) => x
                .into_iter()
                .map(u64::try_from)
                .collect::<Result<_, _>>()
                .ok(),
            _ => None,
        };
        counts.ok_or_else(|| self.shape_error(name, "[n] of integers from 0", &shape))
    }

    pub(super) fn flags(&mut self, name: &str) -> Result<Vec<bool>> {
        match self.take(name)? {
            (_, Values::Bool(flags)) => Ok(flags),
            (shape, _) => Err(self.shape_error(name, "[n] of booleans", &shape)),
        }
    }

    fn floats(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        match self.take(name)? {
            (shape, Values::Float(values)) if values.iter().all(|x| x.is_finite()) => {
                Ok((shape, values))
            }
            (_, Values::Float(_)) => Err(Error::checkpoint(
                &self.path,
                format!("`{name}` holds a NaN, an infinity, or a number that f32 cannot hold"),
            )),
            (shape, _) => Err(self.shape_error(name, "floats", &shape)),
        }
    }

    fn take(&mut self, name: &str) -> Result<(Vec<usize>, Values)> {
        if !self.names.contains(name) {
            return Err(self.missing(name));
        }
        let found = match &mut self.source {
            Source::Pt { file, tensors } => {
                let found = tensors.iter().rev().find(|(key, _)| key == name);
                let tensor = found.map(|(_, tensor)| tensor);
                let taken = tensor.map(|t| file.values(t).map(|values| (t.shape.clone(), values)));
                taken.transpose()?
            }
            Source::Safetensors(bytes) => of_safetensors(&self.path, bytes, name)?,
        };
        let found = found.ok_or_else(|| self.missing(name))?;
        self.names.remove(name);
        Ok(found)
    }

    fn missing(&self, name: &str) -> Error {
        let names: Vec<&str> = self.names.iter().take(20).map(String::as_str).collect();
        let names = names.join("`, `");
        let reason = format!("there is no tensor `{name}`\nhint: there are `{names}`");
        Error::checkpoint(&self.path, reason)
    }

    fn shape_error(&self, name: &str, expected: &str, found: &[usize]) -> Error {
        let reason = format!("`{name}` must be {expected}, found {found:?}");
        Error::checkpoint(&self.path, reason)
    }
}

fn of_safetensors(path: &Path, bytes: &[u8], name: &str) -> Result<Option<(Vec<usize>, Values)>> {
    use safetensors::Dtype as Kind;
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::checkpoint(path, e))?;
    let view = file.tensor(name).map_err(|e| Error::checkpoint(path, e))?;
    let dtype = match view.dtype() {
        Kind::F64 => Dtype::F64,
        Kind::F32 => Dtype::F32,
        Kind::F16 => Dtype::F16,
        Kind::BF16 => Dtype::Bf16,
        Kind::I64 => Dtype::I64,
        Kind::I32 => Dtype::I32,
        Kind::U8 => Dtype::U8,
        Kind::BOOL => Dtype::Bool,
        other => {
            let reason = format!("`{name}` is in {other:?}, which is not read");
            return Err(Error::checkpoint(path, reason));
        }
    };
    let positions: Vec<usize> = (0..view.data().len() / dtype.size()).collect();
    Ok(Some((
        view.shape().to_vec(),
        dtype.gather(view.data(), &positions),
    )))
}
