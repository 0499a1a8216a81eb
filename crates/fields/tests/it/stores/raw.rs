//! Zarr v2 stores written by hand, uncompressed, one chunk per array.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A Zarr v2 group that is being written.
pub(crate) struct RawStore {
    path: PathBuf,
}

impl RawStore {
    /// A group with attributes.
    pub(crate) fn create(path: &Path, attributes: &Value) -> Self {
        std::fs::create_dir_all(path).unwrap();
        std::fs::write(path.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
        std::fs::write(path.join(".zattrs"), attributes.to_string()).unwrap();
        Self {
            path: path.to_owned(),
        }
    }

    /// A group with the grid of the fixtures: six latitudes, twelve longitudes from `west`.
    pub(crate) fn on_grid(path: &Path, attributes: &Value, west: f32) -> Self {
        let store = Self::create(path, attributes);
        let lat = [-75.0, -45.0, -15.0, 15.0, 45.0, 75.0];
        store.floats("latitude", &["latitude"], &[6], &lat, json!({}));
        let lon: Vec<f32> = (0..12).map(|j| west + 30.0 * j as f32).collect();
        store.floats("longitude", &["longitude"], &[12], &lon, json!({}));
        store
    }

    pub(crate) fn floats(
        &self,
        name: &str,
        dims: &[&str],
        shape: &[usize],
        data: &[f32],
        attributes: Value,
    ) {
        let bytes = data
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<_>>();
        self.put(name, dims, shape, "<f4", json!("NaN"), &bytes, attributes);
    }

    pub(crate) fn integers(&self, name: &str, dims: &[&str], data: &[i64], attributes: Value) {
        let bytes = data
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<_>>();
        let shape: Vec<usize> = if dims.is_empty() {
            vec![]
        } else {
            vec![data.len()]
        };
        self.put(name, dims, &shape, "<i8", Value::Null, &bytes, attributes);
    }

    /// An array of one chunk.
    #[allow(clippy::too_many_arguments, reason = "each is a key of the metadata")]
    pub(crate) fn put(
        &self,
        name: &str,
        dims: &[&str],
        shape: &[usize],
        dtype: &str,
        fill: Value,
        bytes: &[u8],
        mut attributes: Value,
    ) {
        let chunks: Vec<usize> = shape.iter().map(|&n| n.max(1)).collect();
        let array = json!({
            "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": dtype, "fill_value": fill,
            "order": "C", "filters": null, "compressor": null,
        });
        attributes["_ARRAY_DIMENSIONS"] = json!(dims);
        let directory = self.path.join(name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(".zarray"), array.to_string()).unwrap();
        std::fs::write(directory.join(".zattrs"), attributes.to_string()).unwrap();
        let key = vec!["0"; shape.len().max(1)].join(".");
        std::fs::write(directory.join(key), bytes).unwrap();
    }

    /// A field that is the same number everywhere at each of several times.
    pub(crate) fn constant_fields(&self, name: &str, numbers: &[f32], attributes: Value) {
        let data: Vec<f32> = numbers.iter().flat_map(|&x| [x; 72]).collect();
        let dims = ["time", "latitude", "longitude"];
        self.floats(name, &dims, &[numbers.len(), 6, 12], &data, attributes);
    }
}
