//! What a packed store says of itself.

use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, Value, json};

use super::PackConfig;
use super::record::Record;
use crate::windows::runs;
use crate::writer::attributes_of_variable;
use crate::{MANTISSA_BITS, STEP_HOURS, Source, Time, TimeSelection, Variable, Window};

/// Attributes of a source that are not true of a part of it.
const NOT_INHERITED: [&str; 12] = [
    "Conventions",
    "history",
    "days_done",
    "members",
    "windows",
    "splits",
    "training_blocks",
    "packing",
    "daily_planes",
    "provenance",
    "valid_time_start",
    "valid_time_stop",
];

/// Units and names as the source has them, and the bits that are kept if not all are.
pub(super) fn of_variable(source: &Source, variable: &Variable, bits: u32) -> Map<String, Value> {
    let mut attributes = attributes_of_variable(variable);
    if let Some(units) = source.units(variable) {
        attributes.insert("units".to_owned(), units.into());
    }
    if bits < MANTISSA_BITS {
        attributes.insert("mantissa_bits".to_owned(), bits.into());
    }
    attributes
}

/// Those of the first source, those of the configuration, and what was done.
pub(super) fn of_store(
    record: &Record,
    config: &PackConfig,
    grid: &LatLonGrid,
    selection: &TimeSelection,
) -> Map<String, Value> {
    let inherited = record
        .first()
        .attributes()
        .as_object()
        .cloned()
        .unwrap_or_default();
    let mut attributes: Map<String, Value> = inherited
        .into_iter()
        .filter(|(name, _)| !NOT_INHERITED.contains(&name.as_str()))
        .collect();
    attributes.extend(config.attributes.clone());
    let shape = |grid: &LatLonGrid| format!("{}x{}", grid.n_lon(), grid.n_lat());
    let mut packing = json!({
        "by": format!("dropsonde-fields {}", env!("CARGO_PKG_VERSION")),
        "from_grid": shape(record.first().grid()),
        "to_grid": shape(grid),
        "method": "area-weighted means over cells (first-order conservative), then rounding to `mantissa_bits`",
    });
    if let Some(earlier) = record.first().attributes().get("packing") {
        packing["of"] = earlier.clone();
    }
    attributes.insert("packing".to_owned(), packing);
    if !config.daily.is_empty() {
        let names: Vec<&str> = config.daily.iter().map(Variable::name).collect();
        let text = format!(
            "{}: at a time holds the plane of the latest `day` not after it",
            names.join(", ")
        );
        attributes.insert("daily_planes".to_owned(), text.into());
    }
    match &selection.within {
        None => {
            attributes.insert("members".to_owned(), members(record));
        }
        Some(windows) => attributes.extend(of_windows(record, windows)),
    }
    attributes
}

/// The contiguous pieces: name of the source, first time, number of states.
pub(super) fn members(record: &Record) -> Value {
    let of = |member: &super::record::Member| -> Vec<Value> {
        let piece = |(first, steps): (usize, usize)| json!({ "name": member.name, "first": member.times[first], "steps": steps });
        runs(&member.times, STEP_HOURS)
            .into_iter()
            .map(piece)
            .collect()
    };
    record.members.iter().flat_map(of).collect()
}

/// `windows`, `splits` and `training_blocks`: the runs of states that are in no window.
fn of_windows(record: &Record, windows: &[Window]) -> Map<String, Value> {
    let of_store = |window: &&Window| {
        record
            .members
            .iter()
            .any(|m| m.times.binary_search(&window.first).is_ok())
    };
    let mut windows: Vec<&Window> = windows.iter().filter(of_store).collect();
    windows.sort_by_key(|window| window.first);
    let rows: Vec<Value> = windows
        .iter()
        .map(|w| json!({ "split": w.split, "first": w.first, "steps": w.steps }))
        .collect();
    let mut splits: Map<String, Value> = Map::new();
    for window in &windows {
        let entry = splits
            .entry(window.split.clone())
            .or_insert_with(|| json!([]));
        if let Some(list) = entry.as_array_mut() {
            list.push(json!(window.first));
        }
    }
    let outside = |time: &Time| !windows.iter().any(|window| window.contains(*time));
    let blocks: Vec<Value> = record
        .members
        .iter()
        .flat_map(|member| {
            let times: Vec<Time> = member
                .source
                .times()
                .iter()
                .copied()
                .filter(outside)
                .collect();
            let block =
                |(first, steps): (usize, usize)| json!({ "first": times[first], "steps": steps });
            runs(&times, STEP_HOURS)
                .into_iter()
                .map(block)
                .collect::<Vec<_>>()
        })
        .collect();
    [
        ("windows".to_owned(), json!(rows)),
        ("splits".to_owned(), Value::Object(splits)),
        ("training_blocks".to_owned(), json!(blocks)),
    ]
    .into_iter()
    .collect()
}
