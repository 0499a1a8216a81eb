//! The archives of `torch.save`, read and written without Python.
//!
//! An archive is a zip of uncompressed members under one directory: `data.pkl`, a pickle that says what there is, and
//! `data/N`, the bytes of one storage each.
//! Pickle is a program for a stack machine that may call any Python function; [`pickle`] is a machine that knows only what
//! dictionaries of tensors and numbers need, and calls nothing.
//!
//! # Source
//! <https://github.com/pytorch/pytorch/blob/main/docs/source/notes/serialization.rst>, and Python's `pickletools` for the
//! meaning of each instruction.

mod document;
mod dtype;
mod pickle;
mod write;

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

pub(super) use document::{Document, Item, TensorRef};
pub(super) use dtype::{Dtype, Values};
pub(super) use write::{Data, Object, archive};

use crate::{Error, Result};

const PICKLE: &str = "data.pkl";

/// An opened archive.
pub(super) struct PtFile {
    path: PathBuf,
    archive: ZipArchive<Cursor<Vec<u8>>>,
    /// The directory in the archive, with its slash.
    prefix: String,
    n_bytes: u64,
    document: Document,
}

impl PtFile {
    /// Reads the file and its pickle, not yet the tensors.
    ///
    /// # Errors
    /// When the file cannot be read, is not such an archive, or its pickle needs more than dictionaries of tensors.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let n_bytes = bytes.len() as u64;
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| {
            let reason = format!(
                "expected the zip archive of `torch.save`: {e}\nhint: is it cut off, or written by PyTorch before 1.6?"
            );
            Error::checkpoint(path, reason)
        })?;
        let found = archive.file_names().filter_map(|name| {
            let name = name.ok()?;
            let prefix = name.strip_suffix(PICKLE)?;
            (prefix.is_empty() || prefix.ends_with('/')).then(|| prefix.to_owned())
        });
        let prefix = found.min_by_key(String::len).ok_or_else(|| {
            Error::checkpoint(
                path,
                "there is no `data.pkl` in the archive, so it is not of `torch.save`",
            )
        })?;
        let mut file = Self {
            path: path.to_path_buf(),
            archive,
            prefix,
            n_bytes,
            document: Document::default(),
        };
        file.check_byte_order()?;
        let pickle = file.member(PICKLE)?;
        file.document = pickle::parse(&pickle)
            .map_err(|reason| Error::checkpoint(path, format!("`{PICKLE}`: {reason}")))?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The object that was saved.
    pub(super) fn root(&self) -> Item<'_> {
        self.document.root()
    }

    /// The values of a tensor in row-major order.
    ///
    /// # Errors
    /// When its storage is missing, damaged or shorter than the tensor.
    pub(super) fn values(&mut self, tensor: &TensorRef) -> Result<Values> {
        let storage = &tensor.storage;
        let bytes = self.member(&format!("data/{}", storage.key))?;
        let held = bytes.len() / storage.dtype.size();
        let positions = tensor
            .positions(storage.len.min(held))
            .map_err(|reason| Error::checkpoint(&self.path, reason))?;
        Ok(storage.dtype.gather(&bytes, &positions))
    }

    fn check_byte_order(&mut self) -> Result<()> {
        let name = format!("{}byteorder", self.prefix);
        if self.archive.index_for_name(&name).is_none() {
            return Ok(()); // Before PyTorch 2.1 there was none, and machines were little-endian.
        }
        match &self.member("byteorder")?[..] {
            b"little" => Ok(()),
            other => {
                let reason = format!(
                    "expected little-endian numbers, found `{}`",
                    String::from_utf8_lossy(&other[..other.len().min(16)])
                );
                Err(Error::checkpoint(&self.path, reason))
            }
        }
    }

    /// The bytes of a member; its checksum is verified.
    fn member(&mut self, name: &str) -> Result<Vec<u8>> {
        let wrong = |reason: String| Error::checkpoint(&self.path, format!("`{name}`: {reason}"));
        let full = format!("{}{name}", self.prefix);
        let member = self
            .archive
            .by_name(&full)
            .map_err(|e| wrong(e.to_string()))?;
        // `torch.save` compresses nothing, so no member can be larger than the file.
        if member.compression() != CompressionMethod::Stored || member.size() > self.n_bytes {
            return Err(wrong(
                "expected an uncompressed member within the file".into(),
            ));
        }
        let mut bytes = Vec::new();
        member
            .take(self.n_bytes)
            .read_to_end(&mut bytes)
            .map_err(|e| wrong(format!("{e} (is the file damaged?)")))?;
        Ok(bytes)
    }
}
