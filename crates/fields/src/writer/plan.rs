//! What a store will consist of, before any of it is written.

use serde_json::{Map, Value};

/// A dimension: its name and its length.
pub(super) type Dim = (&'static str, usize);

/// Type of the numbers of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    I32,
    I64,
}

/// One array: its name, its dimensions from slow to fast, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct ArrayPlan {
    pub(super) name: String,
    pub(super) dims: Vec<Dim>,
    pub(super) kind: Kind,
    pub(super) attributes: Map<String, Value>,
}

impl ArrayPlan {
    /// An array of f32.
    pub(super) fn field(name: &str, dims: Vec<Dim>, attributes: Map<String, Value>) -> Self {
        Self {
            name: name.to_owned(),
            dims,
            kind: Kind::F32,
            attributes,
        }
    }

    pub(super) fn shape(&self) -> impl Iterator<Item = usize> {
        self.dims.iter().map(|&(_, length)| length)
    }

    /// Number of elements, or `None` if it does not fit.
    pub(super) fn n_elements(&self) -> Option<u64> {
        self.shape()
            .try_fold(1_u64, |n, length| n.checked_mul(length as u64))
    }
}

/// The numbers of a coordinate.
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    F32(Vec<f32>),
    I32(Vec<i32>),
    I64(Vec<i64>),
}

impl Numbers {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::F32(_) => Kind::F32,
            Self::I32(_) => Kind::I32,
            Self::I64(_) => Kind::I64,
        }
    }

    /// The same numbers in 32 bits, if they are integers and all of them fit.
    pub(super) fn narrowed(&self) -> Option<Self> {
        match self {
            Self::I64(numbers) => {
                let narrow = numbers.iter().map(|&n| i32::try_from(n).ok());
                Some(Self::I32(narrow.collect::<Option<_>>()?))
            }
            other => Some(other.clone()),
        }
    }
}

/// A coordinate and all of its numbers.
#[derive(Clone, Debug)]
pub(super) struct Coordinate {
    pub(super) plan: ArrayPlan,
    pub(super) numbers: Numbers,
}

impl Coordinate {
    pub(super) fn new(
        name: &str,
        dims: Vec<Dim>,
        numbers: Numbers,
        attributes: Map<String, Value>,
    ) -> Self {
        let plan = ArrayPlan {
            name: name.to_owned(),
            dims,
            kind: numbers.kind(),
            attributes,
        };
        Self { plan, numbers }
    }
}
