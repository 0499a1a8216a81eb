//! CF attributes (<https://cfconventions.org/Data/cf-conventions/cf-conventions-1.8/cf-conventions.html>).

use serde_json::{Map, Value, json};

use crate::Variable;

/// Units of absolute times, and the moment they count from.
pub(super) const HOURS_SINCE_1900: &str = "hours since 1900-01-01";

/// Attributes of a store: those of the caller, and `Conventions` and `history` where they are not given.
pub(super) fn of_store(mut attributes: Map<String, Value>) -> Map<String, Value> {
    let program = format!("dropsonde-fields {}", env!("CARGO_PKG_VERSION"));
    attributes
        .entry("Conventions")
        .or_insert_with(|| json!("CF-1.8"));
    attributes
        .entry("history")
        .or_insert_with(|| json!(format!("written by {program}")));
    attributes
}

/// Those of [`of_store`], and `title` and `source` of a forecast where they are not given.
pub(super) fn of_forecast(attributes: Map<String, Value>) -> Map<String, Value> {
    let mut attributes = of_store(attributes);
    let program = format!("dropsonde-fields {}", env!("CARGO_PKG_VERSION"));
    attributes
        .entry("title")
        .or_insert_with(|| json!("weather forecast"));
    attributes.entry("source").or_insert_with(|| json!(program));
    attributes
}

/// `units`, `standard_name` and `long_name`, as far as they are known.
pub(crate) fn of_variable(variable: &Variable) -> Map<String, Value> {
    let mut attributes = map(json!({ "long_name": variable.name().replace('_', " ") }));
    let known = [
        ("units", variable.units()),
        ("standard_name", variable.standard_name()),
    ];
    for (name, text) in known {
        if let Some(text) = text {
            attributes.insert(name.to_owned(), json!(text));
        }
    }
    attributes
}

pub(super) fn latitude() -> Map<String, Value> {
    map(json!({"units": "degrees_north", "standard_name": "latitude", "axis": "Y"}))
}

pub(super) fn longitude() -> Map<String, Value> {
    map(json!({"units": "degrees_east", "standard_name": "longitude", "axis": "X"}))
}

pub(super) fn level() -> Map<String, Value> {
    map(json!({"units": "hPa", "standard_name": "air_pressure", "positive": "down", "axis": "Z"}))
}

/// Moments in [`HOURS_SINCE_1900`].
pub(super) fn moments(standard_name: &str) -> Map<String, Value> {
    map(json!({
        "units": HOURS_SINCE_1900, "calendar": "proleptic_gregorian", "standard_name": standard_name,
    }))
}

/// Lead times in hours. Without `dtype` xarray (from 2025.04) leaves durations as numbers.
pub(super) fn lead_times() -> Map<String, Value> {
    map(json!({
        "units": "hours", "dtype": "timedelta64[ns]", "standard_name": "forecast_period",
        "long_name": "time since the initial time",
    }))
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
