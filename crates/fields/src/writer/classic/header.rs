//! The header of a classic NetCDF file.

use serde_json::{Map, Value};

use super::super::plan::{ArrayPlan, Dim, Kind};
use super::{Format, n_bytes};

const DIMENSIONS: u32 = 10;
const VARIABLES: u32 = 11;
const ATTRIBUTES: u32 = 12;

const CHAR: u32 = 2;
const INT: u32 = 4;
const FLOAT: u32 = 5;
const DOUBLE: u32 = 6;
const INT64: u32 = 10;

/// The bytes of a header.
pub(super) struct Header {
    format: Format,
    bytes: Vec<u8>,
}

impl Header {
    /// The header of a file with these arrays at these offsets.
    pub(super) fn new(
        format: Format,
        plans: &[ArrayPlan],
        attributes: &Map<String, Value>,
        offsets: &[u64],
    ) -> Self {
        let version = match format {
            Format::Cdf2 => 2,
            Format::Cdf5 => 5,
        };
        let mut this = Self {
            format,
            bytes: vec![b'C', b'D', b'F', version],
        };
        // No records, as no dimension is unlimited.
        this.count(0);
        let dims = dimensions(plans);
        this.list(DIMENSIONS, dims.len());
        for &(name, length) in &dims {
            this.name(name);
            this.count(length as u64);
        }
        this.attributes(attributes);
        this.list(VARIABLES, plans.len());
        for (plan, &offset) in plans.iter().zip(offsets) {
            this.variable(plan, &dims, offset);
        }
        this
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn variable(&mut self, plan: &ArrayPlan, dims: &[Dim], offset: u64) {
        self.name(&plan.name);
        self.count(plan.dims.len() as u64);
        for (name, _) in &plan.dims {
            // Every dimension of an array is in the list.
            let index = dims.iter().position(|(other, _)| other == name);
            self.count(index.unwrap_or_default() as u64);
        }
        self.attributes(&plan.attributes);
        self.number(match plan.kind {
            Kind::F32 => FLOAT,
            Kind::I32 => INT,
            Kind::I64 => INT64,
        });
        self.count(n_bytes(plan).unwrap_or_default());
        self.bytes.extend(offset.to_be_bytes());
    }

    fn attributes(&mut self, attributes: &Map<String, Value>) {
        self.list(ATTRIBUTES, attributes.len());
        for (name, value) in attributes {
            self.name(name);
            self.value(value);
        }
    }

    /// Texts, integers of 32 bits, other numbers as f64; anything else as JSON text.
    fn value(&mut self, value: &Value) {
        let small = value.as_i64().and_then(|number| i32::try_from(number).ok());
        if let Some(text) = value.as_str() {
            self.text(text);
        } else if let Some(number) = small {
            self.number(INT);
            self.count(1);
            self.bytes.extend(number.to_be_bytes());
        } else if let Some(numbers) = numbers(value) {
            self.number(DOUBLE);
            self.count(numbers.len() as u64);
            numbers
                .iter()
                .for_each(|number| self.bytes.extend(number.to_be_bytes()));
        } else {
            self.text(&value.to_string());
        }
    }

    fn text(&mut self, text: &str) {
        self.number(CHAR);
        self.name(text);
    }

    /// Length and bytes of a text, filled up to a multiple of four.
    fn name(&mut self, text: &str) {
        self.count(text.len() as u64);
        self.bytes.extend(text.as_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The tag and the length of a list; an empty list has no tag.
    fn list(&mut self, tag: u32, length: usize) {
        self.number(if length == 0 { 0 } else { tag });
        self.count(length as u64);
    }

    fn number(&mut self, number: u32) {
        self.bytes.extend(number.to_be_bytes());
    }

    /// A length or an index, as wide as the format has them.
    fn count(&mut self, count: u64) {
        match self.format {
            // What CDF-2 counts is below 4 GiB, or the file would be CDF-5.
            Format::Cdf2 => self.bytes.extend((count as u32).to_be_bytes()),
            Format::Cdf5 => self.bytes.extend(count.to_be_bytes()),
        }
    }
}

/// Every dimension once, in the order of appearance.
fn dimensions(plans: &[ArrayPlan]) -> Vec<Dim> {
    let mut dims: Vec<Dim> = Vec::new();
    for dim in plans.iter().flat_map(|plan| &plan.dims) {
        if !dims.iter().any(|(name, _)| *name == dim.0) {
            dims.push(*dim);
        }
    }
    dims
}

/// A number or a list of numbers.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(values) if !values.is_empty() => values.iter().map(Value::as_f64).collect(),
        other => Some(vec![other.as_f64()?]),
    }
}
