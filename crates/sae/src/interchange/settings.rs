//! The JSON beside the weights.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Format;
use crate::{Error, Result, SaeMeta, io};

/// A JSON object with the file that it comes from.
pub(super) struct Settings {
    path: PathBuf,
    pub(super) values: Value,
}

impl Settings {
    /// # Errors
    /// When the file cannot be read or is not a JSON object.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let values: Value = io::read_json(path)?;
        match values.is_object() {
            true => Ok(Self::of(path, values)),
            false => Err(Error::checkpoint(path, "expected a JSON object")),
        }
    }

    pub(super) fn of(path: &Path, values: Value) -> Self {
        Self {
            path: path.to_path_buf(),
            values,
        }
    }

    /// A value that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let value = self
            .get(key)
            .map(|v| v.as_bool().ok_or_else(|| self.wrong(key, "true or false")));
        value.transpose()
    }

    /// A size, also one written as a float.
    pub(super) fn size(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let whole = value.as_u64().or_else(|| {
            let x = value.as_f64()?;
            (x.fract() == 0.0 && (0.0..1e15).contains(&x)).then_some(x as u64)
        });
        let size = whole.and_then(|n| usize::try_from(n).ok());
        size.map(Some)
            .ok_or_else(|| self.wrong(key, "a whole number"))
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>> {
        let value = self
            .get(key)
            .map(|v| v.as_f64().ok_or_else(|| self.wrong(key, "a number")));
        value.transpose()
    }

    pub(super) fn sizes(&self, key: &str) -> Result<Option<Vec<usize>>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let items = value
            .as_array()
            .ok_or_else(|| self.wrong(key, "a list of whole numbers"))?;
        let sizes = items.iter().map(|v| usize::try_from(v.as_u64()?).ok());
        let sizes: Option<Vec<usize>> = sizes.collect();
        sizes
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a list of whole numbers"))
    }

    /// A size that must be there.
    pub(super) fn needs(&self, key: &str) -> Result<usize> {
        self.size(key)?
            .ok_or_else(|| self.wrong(key, "a whole number"))
    }

    /// # Errors
    /// When a size that is there is not the one of the tensors.
    pub(super) fn agrees(&self, key: &str, tensors: usize) -> Result<()> {
        match self.size(key)? {
            Some(found) if found != tensors => {
                let expected = format!("{tensors}, the size of the tensors");
                Err(self.wrong(key, &expected))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn wrong(&self, key: &str, expected: &str) -> Error {
        let found = self.values.get(key).unwrap_or(&Value::Null);
        let reason = format!("`{key}` must be {expected}, found `{found}`");
        Error::checkpoint(&self.path, reason)
    }
}

/// Metadata of an imported autoencoder; all that its own settings said is kept.
pub(super) fn metadata(format: Format, settings: &Value) -> SaeMeta {
    SaeMeta {
        extra: serde_json::json!({ "imported": { "format": format.name(), "settings": settings } }),
        ..SaeMeta::default()
    }
}
