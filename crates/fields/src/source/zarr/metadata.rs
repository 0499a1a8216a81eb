//! What a Zarr store says of itself: v2 or v3, consolidated or not.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::super::json;
use super::super::layout::names::known_arrays;
use super::place::Place;
use crate::{Error, Result};

const V3: &str = "zarr.json";
const V2_GROUP: &str = ".zgroup";
const V2_ALL: &str = ".zmetadata";
const V2_ARRAY: &str = ".zarray";
const V2_ATTRIBUTES: &str = ".zattrs";

/// The metadata of one array, as its version writes it.
pub(super) enum Node {
    V2 {
        array: Value,
        attributes: Map<String, Value>,
    },
    V3(Value),
}

/// The metadata of a group and the arrays directly below it.
pub(super) struct Metadata {
    pub(super) attributes: Value,
    pub(super) arrays: BTreeMap<String, Node>,
}

impl Metadata {
    /// Looks for a group of either version; `None` if there is none.
    pub(super) fn read(place: &Place) -> Result<Option<Self>> {
        if let Some(group) = read_json(place, V3)? {
            return v3(place, &group).map(Some);
        }
        if let Some(all) = read_json(place, V2_ALL)? {
            return v2_consolidated(place, &all).map(Some);
        }
        if read_json(place, V2_GROUP)?.is_some() {
            return v2(place).map(Some);
        }
        Ok(None)
    }
}

fn read_json(place: &Place, key: &str) -> Result<Option<Value>> {
    let Some(bytes) = place.get(key)? else {
        return Ok(None);
    };
    match json::parse(&bytes) {
        Ok(value) => Ok(Some(value)),
        // A server of web pages answers every address.
        Err(_) if bytes.trim_ascii_start().starts_with(b"<") => Ok(None),
        Err(e) => Err(Error::malformed(
            place.shown(),
            key,
            format!("expected JSON: {e}"),
        )),
    }
}

fn attributes_of(node: &Value) -> Value {
    match node.get("attributes") {
        Some(Value::Object(attributes)) => Value::Object(attributes.clone()),
        _ => json!({}),
    }
}

fn v3(place: &Place, group: &Value) -> Result<Metadata> {
    if group["zarr_format"] != 3 || group["node_type"] != "group" {
        let message = format!(
            "expected a Zarr v3 group, found format {} {}",
            group["zarr_format"], group["node_type"]
        );
        return Err(Error::malformed(place.shown(), V3, message));
    }
    let nodes: Vec<(String, Value)> = match &group["consolidated_metadata"]["metadata"] {
        Value::Object(nodes) => nodes
            .iter()
            .map(|(name, node)| (name.clone(), node.clone()))
            .collect(),
        _ => children(place, V3)?,
    };
    let is_array =
        |(name, node): &(String, Value)| node["node_type"] == "array" && !name.contains('/');
    let arrays = nodes.into_iter().filter(is_array);
    Ok(Metadata {
        attributes: attributes_of(group),
        arrays: arrays.map(|(name, node)| (name, Node::V3(node))).collect(),
    })
}

fn v2_consolidated(place: &Place, all: &Value) -> Result<Metadata> {
    let Value::Object(entries) = &all["metadata"] else {
        return Err(Error::malformed(
            place.shown(),
            V2_ALL,
            "expected an object `metadata`, found none",
        ));
    };
    let object = |key: &str| entries.get(key).and_then(Value::as_object).cloned();
    let mut arrays = BTreeMap::new();
    for (key, array) in entries {
        let Some(name) = key
            .strip_suffix(V2_ARRAY)
            .and_then(|name| name.strip_suffix('/'))
        else {
            continue;
        };
        if !name.contains('/') {
            let attributes = object(&format!("{name}/{V2_ATTRIBUTES}")).unwrap_or_default();
            let array = array.clone();
            arrays.insert(name.to_owned(), Node::V2 { array, attributes });
        }
    }
    Ok(Metadata {
        attributes: Value::Object(object(V2_ATTRIBUTES).unwrap_or_default()),
        arrays,
    })
}

fn v2(place: &Place) -> Result<Metadata> {
    let attributes = read_json(place, V2_ATTRIBUTES)?.unwrap_or_else(|| json!({}));
    let mut arrays = BTreeMap::new();
    for (name, array) in children(place, V2_ARRAY)? {
        let own = read_json(place, &format!("{name}/{V2_ATTRIBUTES}"))?;
        let attributes = own
            .and_then(|own| own.as_object().cloned())
            .unwrap_or_default();
        arrays.insert(name, Node::V2 { array, attributes });
    }
    Ok(Metadata { attributes, arrays })
}

/// The metadata files of everything below the group: of what a listing names, or of known names.
fn children(place: &Place, file: &str) -> Result<Vec<(String, Value)>> {
    let listed = place.children()?;
    let can_list = listed.is_some();
    let names = listed.unwrap_or_else(|| known_arrays().into_iter().map(str::to_owned).collect());
    let read = || {
        names
            .par_iter()
            .map(|name| Ok((name.clone(), read_json(place, &format!("{name}/{file}"))?)))
            .collect::<Result<Vec<_>>>()
    };
    let read = match place.bucket() {
        Some(bucket) => bucket.pool().install(read),
        None => read(),
    }?;
    let found: Vec<_> = read
        .into_iter()
        .filter_map(|(name, node)| Some((name, node?)))
        .collect();
    if found.is_empty() && !can_list {
        let message = "the store has no consolidated metadata, this server cannot list it, and none of the known names of variables and coordinates is there\nhint: consolidate it with `zarr.consolidate_metadata(STORE)`, or open it through `gs://` or `s3://`";
        return Err(Error::malformed(place.shown(), file, message));
    }
    Ok(found)
}
