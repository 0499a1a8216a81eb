//! Everything that may stand for a phenomenon, as columns over (record, node).

mod components;
mod dense;
mod physical;
mod sparse;

pub use components::Components;
pub(crate) use components::read as read_record;
pub use dense::{DenseColumns, Neurons, gather};
pub use physical::{FieldInfo, PhysicalFields};
pub use sparse::SparseColumns;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// A feature of the trained autoencoder: its code.
    Feature,
    /// One channel of the latents, of either sign.
    Neuron,
    /// One principal component of the latents (fitted on *train*), of either sign.
    Component,
    /// A feature of an autoencoder of the same shape with random weights: what sparsity alone gives.
    RandomFeature,
    /// One input channel of the forecaster, averaged to the mesh node, of either sign.
    InputChannel,
    /// A quantity computed from the input fields, averaged to the mesh node, of either sign.
    DerivedField,
    /// The field that defines the phenomenon, for comparison: what can be had at best.
    DefiningField,
}

impl Family {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::Feature,
        Self::Neuron,
        Self::Component,
        Self::RandomFeature,
        Self::InputChannel,
        Self::DerivedField,
        Self::DefiningField,
    ];

    /// What it is, in a sentence for tables.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Feature => "code of a feature of the trained sparse autoencoder",
            Self::Neuron => "one channel of the latents, of either sign",
            Self::Component => {
                "one principal component of the latents of the training split, of either sign"
            }
            Self::RandomFeature => {
                "code of a feature of an untrained autoencoder of the same shape"
            }
            Self::InputChannel => {
                "one input channel of the forecaster averaged to the mesh node, of either sign"
            }
            Self::DerivedField => {
                "one quantity computed from the input fields, averaged to the mesh node, of either sign"
            }
            Self::DefiningField => "the field by which the phenomenon is defined; not a competitor",
        }
    }

    /// Whether a candidate may also be used with its sign changed.
    pub fn is_signed(self) -> bool {
        !matches!(self, Self::Feature | Self::RandomFeature)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Feature => "SAE feature",
            Self::Neuron => "neuron",
            Self::Component => "principal component",
            Self::RandomFeature => "random SAE feature",
            Self::InputChannel => "input channel",
            Self::DerivedField => "derived field",
            Self::DefiningField => "defining field",
        })
    }
}

/// Whether high or low values of a column speak for the phenomenon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// High values.
    Positive,
    /// Low values.
    Negative,
}

/// One column of one family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its family.
    pub family: Family,
    /// Its number in the family.
    pub index: usize,
    /// Which end of it is meant.
    pub sign: Sign,
    /// A name for tables, such as `feature 12` or `- temperature@850 (0 h)`.
    pub name: String,
}
