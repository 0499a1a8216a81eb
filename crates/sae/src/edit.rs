//! The algebra of code edits.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{Codes, Error, Result, RowContext, Sae};

/// What is done to the code of each chosen feature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EditOp {
    /// `code -> (1 + strength) * code`: -1 ablates, 0 is the identity, 1 doubles.
    Scale {
        /// The strength `a`.
        strength: f32,
    },
    /// `code -> value`, also where the feature is not active.
    Set {
        /// The new code.
        value: f32,
    },
    /// `code -> code + value`, also where the feature is not active.
    Add {
        /// What is added.
        value: f32,
    },
}

/// How a difference of unit-norm rows is put into the latents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rescale {
    /// Multiplied by the norm of the row: the edit is as large in the latents as in the codes.
    #[default]
    Rescaled,
    /// Added as it is, as the published injector does: smaller by the row's norm; for comparison only.
    Published,
}

/// An edit of chosen features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeEdit {
    /// The features; one given twice counts once.
    pub features: Vec<u32>,
    /// What is done to each.
    pub op: EditOp,
    /// How the difference is put into the latents.
    #[serde(default)]
    pub rescale: Rescale,
}

impl CodeEdit {
    /// An edit with the norm of the row restored.
    pub fn new(features: Vec<u32>, op: EditOp) -> Self {
        Self {
            features,
            op,
            rescale: Rescale::Rescaled,
        }
    }

    /// The sparse difference `edited - codes`, one slot per feature.
    ///
    /// Rows outside the mask (when one is given) and rows without change have only zeros.
    /// A mask shorter than the rows leaves the remaining rows unchanged.
    ///
    /// # Shapes
    /// `row_mask`: `[n_rows]`; result: `[n_rows, features]`.
    pub fn delta(&self, codes: &Codes, row_mask: Option<&[bool]>) -> Codes {
        let mut features = self.features.clone();
        features.sort_unstable();
        features.dedup();
        let mut delta = Codes::zeros(codes.n_rows, features.len());
        for (row, slots) in delta.indices.chunks_mut(features.len().max(1)).enumerate() {
            slots.copy_from_slice(&features);
            if row_mask.is_some_and(|mask| !mask.get(row).copied().unwrap_or(false)) {
                continue;
            }
            for (slot, &feature) in features.iter().enumerate() {
                delta.values[row * features.len() + slot] = self.change(codes.value(row, feature));
            }
        }
        delta
    }

    fn change(&self, code: f32) -> f32 {
        match self.op {
            EditOp::Scale { strength } => strength * code + 0.0, // never -0
            EditOp::Set { value } => value - code,
            EditOp::Add { value } => value,
        }
    }

    /// What is to be added to the latents `x` to carry out this edit; exactly 0 in rows without change.
    ///
    /// # Shapes
    /// `x`, result: `[n_rows, d_in]`; `row_mask`: `[n_rows]`.
    ///
    /// # Errors
    /// As [`Sae::encode`], when a feature does not exist, and when the mask has the wrong length.
    pub fn latent_delta(&self, sae: &Sae, x: &Tensor, row_mask: Option<&[bool]>) -> Result<Tensor> {
        let (codes, context) = sae.encode(x)?;
        if let Some(found) = row_mask.map(<[bool]>::len).filter(|&n| n != codes.n_rows) {
            return Err(Error::Length {
                what: "row_mask",
                expected: codes.n_rows,
                found,
            });
        }
        let context = self.rescale.context(context);
        sae.decode_delta(&self.delta(&codes, row_mask), &context)
    }
}

impl Rescale {
    /// The context to decode a difference with: the row's own, or norm 1 for the published convention.
    pub fn context(self, context: RowContext) -> RowContext {
        match self {
            Self::Rescaled => context,
            Self::Published => RowContext::identity(context.norm.len()),
        }
    }
}
