//! From the metadata of an array to the array.

use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::array::ArrayMetadata;
use zarrs::storage::ReadableStorageTraits;

use super::blosc::{self, BloscChunks};
use super::metadata::Node;
use super::number::DynArray;
use super::place::Place;
use super::shard::{self, ShardStorage};

/// Lengths of a chunk.
pub(super) fn unit_shape(array: &DynArray) -> Result<Vec<u64>, String> {
    let shape = array.chunk_shape(&vec![0; array.dimensionality()]);
    let shape = shape.map_err(|e| format!("expected a regular grid of chunks: {e}"))?;
    Ok(shape.iter().map(|length| length.get()).collect())
}

/// The array, or that of the chunks within its shards.
pub(super) fn open_array(
    place: &Place,
    name: &str,
    node: Node,
) -> Result<(DynArray, Option<Arc<ShardStorage>>), String> {
    match node {
        Node::V2 { .. } => Ok((open(place.storage(), name, node)?, None)),
        Node::V3(node) if shard::is_sharded(&node) => {
            let outer = open(place.storage(), name, Node::V3(node.clone()))?;
            let (shards, inner) = shard::split(&node, outer)?;
            let shards = Arc::new(shards);
            Ok((open(shards.clone(), name, Node::V3(inner))?, Some(shards)))
        }
        Node::V3(_) => Ok((open(place.storage(), name, node)?, None)),
    }
}

/// An array whose chunks are in `storage`.
fn open(
    storage: Arc<dyn ReadableStorageTraits>,
    name: &str,
    node: Node,
) -> Result<DynArray, String> {
    let is_blosc = blosc::is_blosc(&node);
    let metadata = match node {
        Node::V2 { array, .. } => serde_json::from_value(array).map(ArrayMetadata::V2),
        Node::V3(node) => serde_json::from_value(node).map(ArrayMetadata::V3),
    }
    .map_err(|e| e.to_string())?;
    let open = |storage| {
        DynArray::new_with_metadata(storage, &format!("/{name}"), metadata.clone())
            .map_err(|e| e.to_string())
    };
    let array = open(storage.clone())?;
    if !is_blosc {
        return Ok(array);
    }
    let number = array.data_type().fixed_size().unwrap_or(1) as u64;
    let size = unit_shape(&array)?
        .iter()
        .fold(number, |size, &length| size.saturating_mul(length));
    open(Arc::new(BloscChunks { storage, size }))
}

/// Whether the data type of an array is a number, as far as its name tells.
pub(super) fn is_numeric(node: &Node) -> bool {
    match node {
        Node::V2 { array, .. } => {
            let kind = array["dtype"].as_str().and_then(|text| text.chars().nth(1));
            kind.is_some_and(|kind| "fiu".contains(kind)) || array["dtype"].is_null()
        }
        Node::V3(node) => {
            let name = node["data_type"].as_str();
            let is_number = |name: &str| {
                ["float", "bfloat", "int", "uint"]
                    .iter()
                    .any(|kind| name.starts_with(kind))
            };
            name.map_or(node["data_type"].is_null(), is_number)
        }
    }
}

/// Names of dimensions, and attributes.
pub(super) fn description(node: &Node) -> (Option<Vec<String>>, Map<String, Value>) {
    match node {
        Node::V2 { attributes, .. } => {
            let dims = attributes.get("_ARRAY_DIMENSIONS").map(names);
            (dims, attributes.clone())
        }
        Node::V3(node) => {
            let dims = node.get("dimension_names").map(names);
            (
                dims,
                node["attributes"].as_object().cloned().unwrap_or_default(),
            )
        }
    }
}

fn names(list: &Value) -> Vec<String> {
    let texts = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
