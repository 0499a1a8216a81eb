//! Autoencoders on disk: a directory with `sae.safetensors`, `config.json`, and a model card `README.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tch::Tensor;

use crate::card::card;
use crate::{Error, Result, Sae, SaeConfig, SaeMeta, matrix};

const WEIGHTS: &str = "sae.safetensors";
const CONFIG: &str = "config.json";
const CARD: &str = "README.md";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    config: SaeConfig,
    metadata: SaeMeta,
    sha256: String,
}

/// A tensor's name, shape and values.
pub(crate) type Named<'a> = (String, Vec<usize>, &'a [f32]);

const FORMAT: &str = "dropsonde-sae 2";

impl Sae {
    /// Writes `sae.safetensors`, `config.json` and a model card `README.md` into `dir`, replacing an older autoencoder there at once.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<()> {
        replace_dir(dir.as_ref(), &self.files()?)
    }

    /// The files of this autoencoder with their contents.
    pub(crate) fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let header = Header {
            format: FORMAT.into(),
            config: self.config.clone(),
            metadata: self.meta.clone(),
            sha256: self.sha256()?,
        };
        Ok(vec![
            (WEIGHTS, serialise(&self.named_tensors()?)?),
            (CONFIG, json(&header)?),
            (CARD, card(self).into_bytes()),
        ])
    }

    /// Reads an autoencoder that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When a file is missing, cut off or malformed, a shape is wrong, or the contents do not match their hash.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        recover_dir(dir)?;
        let header: Header = read_json(&dir.join(CONFIG))?;
        if header.format != FORMAT {
            let reason = format!("`format` must be `{FORMAT}`, found `{}`", header.format);
            return Err(Error::checkpoint(dir.join(CONFIG), reason));
        }
        // Before the sizes are used.
        header.config.check()?;
        let path = dir.join(WEIGHTS);
        let tensors = TensorFile::read(&path)?;
        let sae = Self::from_raw(header.config, tensors.tensors()?, header.metadata)
            .map_err(|e| Error::checkpoint(&path, e))?;
        if sae.sha256()? != header.sha256 {
            return Err(Error::checkpoint(
                path,
                "its contents do not match `sha256` in `config.json`",
            ));
        }
        Ok(sae)
    }

    /// SHA-256 of the shape and the weights, the identity of this autoencoder.
    ///
    /// # Errors
    /// When a tensor is not f32, contiguous and on the CPU.
    pub fn sha256(&self) -> Result<String> {
        let mut hash = Sha256::new();
        let config = serde_json::to_vec(&self.config).map_err(|e| Error::checkpoint(CONFIG, e))?;
        hash.update(&config);
        for (name, _, values) in self.named_tensors()? {
            hash.update(name.as_bytes());
            hash.update(bytes_of(values));
        }
        let mut text = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(text)
    }

    fn named_tensors(&self) -> Result<Vec<Named<'_>>> {
        let named = self.named().into_iter();
        named
            .map(|(name, tensor)| {
                let shape = tensor.size().iter().map(|&n| n as usize).collect();
                Ok((name.to_owned(), shape, matrix::values(name, tensor)?))
            })
            .collect()
    }
}

/// Little-endian bytes, as safetensors wants them.
pub(crate) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(crate) fn serialise(tensors: &[Named<'_>]) -> Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| bytes_of(values))
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views = views
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| Error::checkpoint(WEIGHTS, e))?;
    safetensors::serialize(views, None).map_err(|e| Error::checkpoint(WEIGHTS, e))
}

pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|e| Error::checkpoint(CONFIG, e))
}

pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::checkpoint(path, e))
}

/// The bytes of a safetensors file, whose tensors are taken by name and shape.
pub(crate) struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl TensorFile {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::checkpoint(path, format!("{e} (is it cut off?)")))?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
        })
    }

    /// All tensors, which must be f32.
    fn tensors(&self) -> Result<Vec<(String, Tensor)>> {
        let file =
            SafeTensors::deserialize(&self.bytes).map_err(|e| Error::checkpoint(&self.path, e))?;
        let mut tensors = Vec::new();
        let mut views = file.tensors();
        // Their order in the file is not fixed, that of error messages should be.
        views.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, view) in views {
            let values = self.f32(&name, view.shape())?;
            let shape: std::result::Result<Vec<i64>, _> =
                view.shape().iter().map(|&n| i64::try_from(n)).collect();
            let shape = shape.map_err(|e| Error::checkpoint(&self.path, e))?;
            let tensor = Tensor::from_slice(&values).f_reshape(shape)?;
            tensors.push((name, tensor));
        }
        Ok(tensors)
    }

    pub(crate) fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let file =
            SafeTensors::deserialize(&self.bytes).map_err(|e| Error::checkpoint(&self.path, e))?;
        let view = file.tensor(name).map_err(|_| {
            let names = file.names().join("`, `");
            Error::checkpoint(
                &self.path,
                format!("no tensor `{name}`\nhint: it has `{names}`"),
            )
        })?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let reason = format!(
                "`{name}` must be F32 {shape:?}, found {:?} {:?}",
                view.dtype(),
                view.shape()
            );
            return Err(Error::checkpoint(&self.path, reason));
        }
        let (words, _) = view.data().as_chunks::<4>();
        Ok(words.iter().map(|w| f32::from_le_bytes(*w)).collect())
    }
}

fn sibling(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    dir.with_file_name(name)
}

/// Puts the old directory back where a kill struck between the two renames of [`replace_dir`].
pub(crate) fn recover_dir(dir: &Path) -> Result<()> {
    let old = sibling(dir, ".old");
    if !dir.exists() && old.is_dir() {
        fs::rename(&old, dir).map_err(Error::io(dir))?;
    }
    Ok(())
}

/// Writes files into `<dir>.part`, then puts that directory in the place of `dir`.
pub(crate) fn replace_dir(dir: &Path, files: &[(&str, Vec<u8>)]) -> Result<()> {
    recover_dir(dir)?;
    let (part, old) = (sibling(dir, ".part"), sibling(dir, ".old"));
    for leftover in [&part, &old] {
        if leftover.is_dir() {
            fs::remove_dir_all(leftover).map_err(Error::io(leftover))?;
        }
    }
    fs::create_dir_all(&part).map_err(Error::io(&part))?;
    for (name, bytes) in files {
        let path = part.join(name);
        fs::write(&path, bytes).map_err(Error::io(&path))?;
    }
    if dir.is_dir() {
        fs::rename(dir, &old).map_err(Error::io(dir))?;
    }
    fs::rename(&part, dir).map_err(Error::io(dir))?;
    if old.is_dir() {
        fs::remove_dir_all(&old).map_err(Error::io(&old))?;
    }
    Ok(())
}
