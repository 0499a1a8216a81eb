//! Mean activation of every feature at every mesh node.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use ndarray::{Array2, ArrayView1};
use npyz::WriterBuilder;

use crate::{Error, Result, file};

/// Mean code of every feature at every mesh node over all records, `[n_latents, M]`; dead features have zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// `[n_latents, M]`.
    pub means: Array2<f32>,
}

impl FeatureMaps {
    /// The map of one feature, `[M]`, unless it does not exist.
    pub fn map(&self, feature: u32) -> Option<ArrayView1<'_, f32>> {
        let feature = feature as usize;
        (feature < self.means.nrows()).then(|| self.means.row(feature))
    }

    /// Writes a NumPy file, under a temporary name first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let part = file::part_of(path);
        self.write(&part).map_err(Error::io(&part))?;
        fs::rename(&part, path).map_err(Error::io(path))
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let (rows, columns) = self.means.dim();
        let mut out = BufWriter::new(File::create(path)?);
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&[rows as u64, columns as u64])
            .writer(&mut out)
            .begin_nd()?;
        writer.extend(self.means.iter().copied())?;
        writer.finish()?;
        out.flush()
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the file is missing, truncated, or not a two-dimensional array of f32.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let wrong = |reason: String| Error::Format {
            path: path.to_path_buf(),
            expected: "an array of f32 `[n_latents, M]`",
            reason,
        };
        let reader = BufReader::new(File::open(path).map_err(Error::io(path))?);
        let npy = npyz::NpyFile::new(reader).map_err(|e| wrong(e.to_string()))?;
        let shape = npy.shape().to_vec();
        let [rows, columns] = shape[..] else {
            return Err(wrong(format!("its shape is {shape:?}")));
        };
        if npy.order() != npyz::Order::C {
            return Err(wrong("it is in Fortran order".to_owned()));
        }
        let values = npy.into_vec::<f32>().map_err(|e| wrong(e.to_string()))?;
        let means = Array2::from_shape_vec((rows as usize, columns as usize), values)
            .map_err(|e| wrong(e.to_string()))?;
        Ok(Self { means })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_back_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("maps.npy");
        let maps = FeatureMaps {
            means: Array2::from_shape_fn((3, 5), |(i, j)| (10 * i + j) as f32),
        };
        maps.save(&path).unwrap();
        assert_eq!(FeatureMaps::load(&path).unwrap(), maps);
        assert_eq!(maps.map(2).unwrap()[4], 24.0);
        assert!(maps.map(3).is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
        let error = FeatureMaps::load(&path).unwrap_err().to_string();
        assert!(error.contains("maps.npy"), "{error}");
    }
}
