//! What every storage format offers: named arrays with named dimensions.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use ndarray::ArrayD;
use serde_json::{Map, Value};

use crate::Result;

/// A file or directory of named arrays.
pub(super) trait Store: Send + Sync {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Its arrays by name.
    fn arrays(&self) -> &BTreeMap<String, ArrayInfo>;

    /// Its own attributes, a JSON object.
    fn attributes(&self) -> &Value;

    /// Numbers of a box of an array, unpacked, missing ones NaN; `ranges` has one range per dimension.
    fn read(&self, name: &str, ranges: &[Range<usize>]) -> Result<ArrayD<f32>>;

    /// All numbers of an array in f64, unpacked, missing ones NaN.
    fn read_all(&self, name: &str) -> Result<ArrayD<f64>>;
}

/// The shape of an array and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct ArrayInfo {
    /// Names of the dimensions.
    pub(super) dims: Vec<String>,
    /// Lengths of the dimensions.
    pub(super) shape: Vec<usize>,
    /// Attributes such as `units`.
    pub(super) attributes: Map<String, Value>,
}

impl ArrayInfo {
    /// An attribute that is a text.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }
}
