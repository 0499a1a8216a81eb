//! From the metadata of an array to the array.

use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::array::ArrayMetadata;
use zarrs::storage::ReadableStorageTraits;

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
    let open = |storage: Arc<dyn ReadableStorageTraits>, metadata: ArrayMetadata| {
        DynArray::new_with_metadata(storage, &format!("/{name}"), metadata)
            .map_err(|e| e.to_string())
    };
    let v3 = |node: Value| {
        serde_json::from_value(node)
            .map(ArrayMetadata::V3)
            .map_err(|e| e.to_string())
    };
    match node {
        Node::V2 { array, .. } => {
            let metadata = serde_json::from_value(array).map_err(|e| e.to_string())?;
            Ok((open(place.storage(), ArrayMetadata::V2(metadata))?, None))
        }
        Node::V3(node) => {
            let outer = open(place.storage(), v3(node.clone())?)?;
            if !shard::is_sharded(&node) {
                return Ok((outer, None));
            }
            let (shards, inner) = shard::split(&node, outer)?;
            let shards = Arc::new(shards);
            Ok((open(shards.clone(), v3(inner)?)?, Some(shards)))
        }
    }
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
