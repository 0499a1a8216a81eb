//! What a pickle said, as a table of objects that refer to each other by number.
//!
//! References instead of nested values: a short pickle can describe an enormous or endless tree, and never has to be
//! written out.

use serde_json::{Number, Value};

use super::dtype::Dtype;

/// Objects that [`Item::json`] writes out at most.
const JSON_OBJECTS: usize = 10_000;
/// Levels that it goes down.
const JSON_DEPTH: usize = 8;

/// The number of an object.
pub(super) type Id = usize;

#[derive(Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Class(Class),
    Storage(Storage),
    Tensor(TensorRef),
}

/// The Python names that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    OrderedDict,
    RebuildTensor,
    Storage(Dtype),
}

/// A member `data/<key>` of the archive.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(super) key: String,
    pub(super) dtype: Dtype,
    /// Values in it, as the pickle says.
    pub(super) len: usize,
}

/// Where the values of a tensor lie.
#[derive(Clone, Debug)]
pub(crate) struct TensorRef {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(super) stride: Vec<usize>,
}

impl TensorRef {
    /// The place in the storage of each value, in row-major order.
    ///
    /// # Errors
    /// When a value lies behind the `held` values of the storage, or there are more than those.
    pub(super) fn positions(&self, held: usize) -> Result<Vec<usize>, String> {
        let wrong = || {
            format!(
                "a tensor of shape {:?} with strides {:?} from {} on does not fit into its storage `{}` of {held} values",
                self.shape, self.stride, self.offset, self.storage.key
            )
        };
        let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let n = product(&self.shape)
            .filter(|&n| n <= held)
            .ok_or_else(wrong)?;
        if n == 0 {
            return Ok(Vec::new());
        }
        let mut dimensions = self.shape.iter().zip(&self.stride);
        let last = dimensions.try_fold(self.offset, |at, (&size, &stride)| {
            at.checked_add((size - 1).checked_mul(stride)?)
        });
        if last.is_none_or(|last| last >= held) {
            return Err(wrong());
        }
        let mut positions = vec![self.offset];
        for (&size, &stride) in self.shape.iter().zip(&self.stride) {
            let outer = positions;
            positions = Vec::with_capacity(outer.len() * size);
            for start in outer {
                positions.extend((0..size).map(|i| start + i * stride));
            }
        }
        Ok(positions)
    }
}

/// All objects of a pickle.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
}

/// One object of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    document: &'a Document,
    id: Id,
}

impl Document {
    pub(crate) fn root(&self) -> Item<'_> {
        self.item(self.root)
    }

    fn item(&self, id: Id) -> Item<'_> {
        Item { document: self, id }
    }
}

impl<'a> Item<'a> {
    fn node(&self) -> Option<&'a Node> {
        self.document.nodes.get(self.id)
    }

    /// The entries of a dictionary whose keys are text; nothing for another object.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> + use<'a> {
        let document = self.document;
        let pairs: &[(Id, Id)] = match self.node() {
            Some(Node::Dict(pairs)) => pairs,
            _ => &[],
        };
        pairs
            .iter()
            .filter_map(move |&(key, value)| match document.nodes.get(key) {
                Some(Node::Text(key)) => Some((key.as_str(), document.item(value))),
                _ => None,
            })
    }

    /// The value of a key, the last one if there are several, as in Python.
    pub(crate) fn get(&self, key: &str) -> Option<Item<'a>> {
        let found = self.entries().filter(|(name, _)| *name == key);
        found.map(|(_, value)| value).last()
    }

    pub(crate) fn tensor(&self) -> Option<&'a TensorRef> {
        match self.node() {
            Some(Node::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// Numbers, text, lists and dictionaries as JSON; anything else, and what is too deep or too much, as null.
    pub(crate) fn json(&self) -> Value {
        self.json_within(JSON_DEPTH, &mut { JSON_OBJECTS })
    }

    fn json_within(&self, depth: usize, left: &mut usize) -> Value {
        if depth == 0 || *left == 0 {
            return Value::Null;
        }
        *left -= 1;
        let mut inner = |id: Id| self.document.item(id).json_within(depth - 1, left);
        match self.node() {
            Some(Node::Bool(b)) => Value::Bool(*b),
            Some(Node::Int(i)) => Value::from(*i),
            Some(Node::Float(x)) => Number::from_f64(*x).map_or(Value::Null, Value::Number),
            Some(Node::Text(text)) => Value::String(text.clone()),
            Some(Node::Tuple(ids) | Node::List(ids)) => {
                ids.iter().take(JSON_OBJECTS).map(|&id| inner(id)).collect()
            }
            Some(Node::Dict(_)) => {
                let entries = self.entries().take(JSON_OBJECTS);
                let entries = entries.map(|(key, value)| (key.to_owned(), inner(value.id)));
                Value::Object(entries.collect())
            }
            _ => Value::Null,
        }
    }
}
