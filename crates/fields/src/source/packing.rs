//! CF packing: how stored numbers become values (CF conventions, section 8.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::json;

/// CF attributes that say how numbers are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Packing {
    scale: Option<f64>,
    offset: Option<f64>,
    /// Stored numbers that mean "missing"; NaN is always missing.
    missing: Vec<f64>,
}

impl Packing {
    /// Reads `scale_factor`, `add_offset`, `_FillValue` and `missing_value`, written as any kind of number.
    pub(super) fn from_attributes(attributes: &Map<String, Value>) -> Self {
        let one = |name: &str| attributes.get(name).and_then(single);
        let missing = ["_FillValue", "missing_value"]
            .iter()
            .filter_map(|name| attributes.get(*name))
            .flat_map(numbers)
            .filter(|number| !number.is_nan())
            .collect();
        Self {
            scale: one("scale_factor"),
            offset: one("add_offset"),
            missing,
        }
    }

    /// Whether stored numbers are scaled or shifted.
    pub(super) fn is_packed(&self) -> bool {
        self.scale.is_some() || self.offset.is_some()
    }

    /// Whether stored numbers are the values.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_packed() && self.missing.is_empty()
    }

    /// Adds a stored number that means "missing".
    pub(super) fn add_missing(&mut self, number: f64) {
        if !number.is_nan() {
            self.missing.push(number);
        }
    }

    /// The value of a stored number, NaN if it is missing.
    pub(super) fn unpack(&self, stored: f64) -> f64 {
        // Attributes are often written with more digits than 32-bit data have.
        let is = |missing: &f64| *missing == stored || *missing as f32 == stored as f32;
        if self.missing.iter().any(is) {
            return f64::NAN;
        }
        stored * self.scale.unwrap_or(1.0) + self.offset.unwrap_or(0.0)
    }
}

/// The numbers of an attribute: one, several, or one as xarray writes a Zarr v3 `_FillValue` (base64 of 8 bytes).
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().filter_map(json::number).collect(),
        Value::String(text) => json::number(value)
            .or_else(|| from_base64(text))
            .into_iter()
            .collect(),
        other => other.as_f64().into_iter().collect(),
    }
}

fn single(value: &Value) -> Option<f64> {
    match numbers(value).as_slice() {
        [number] => Some(*number),
        _ => None,
    }
}

fn from_base64(text: &str) -> Option<f64> {
    let bytes = STANDARD.decode(text).ok()?;
    Some(f64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packing(value: Value) -> Packing {
        Packing::from_attributes(value.as_object().unwrap())
    }

    #[test]
    fn integers_and_floats() {
        let packing = packing(json!({
            "scale_factor": 2, "add_offset": [0.5], "_FillValue": -32767, "missing_value": [-1.0, -2]
        }));
        assert!(packing.is_packed());
        assert_eq!(packing.unpack(10.0), 20.5);
        for missing in [-32767.0, -1.0, -2.0] {
            assert!(packing.unpack(missing).is_nan());
        }
    }

    #[test]
    fn fill_values_of_zarr_v3_and_of_32_bits() {
        assert!(packing(json!({"_FillValue": "AAAAAAAA+H8="})).is_plain());
        let encoded = STANDARD.encode((-999.0_f64).to_le_bytes());
        assert!(
            packing(json!({"_FillValue": encoded}))
                .unpack(-999.0)
                .is_nan()
        );
        let rounded = packing(json!({"missing_value": 9.96921e36}));
        assert!(rounded.unpack(f64::from(9.96921e36_f32)).is_nan());
        assert!(packing(json!({"_FillValue": "NaN"})).is_plain());
    }
}
