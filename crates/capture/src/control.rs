use dropsonde_forecaster::{Site, Tap};
use dropsonde_sae::{CodeEdit, Sae};
use tch::{Kind, Tensor};

use crate::edit::{edit_record, feature_delta};
use crate::rows::add_rows;
use crate::splice::{check_features, check_width};
use crate::{EditRecord, Error, Result};

/// Where a control edit points.
#[derive(Debug, Clone)]
pub enum ControlDirection {
    /// The decoder direction of another feature.
    Feature(u32),
    /// Any direction `[D]`; its length does not matter.
    Vector(Vec<f32>),
}

/// A control for an [`EditTap`](crate::EditTap): at every node and lead it adds a vector of the same length as the
/// feature's edit would have there, in another direction.
#[derive(Debug)]
pub struct ControlTap<'a> {
    sae: &'a Sae,
    edit: CodeEdit,
    direction: Tensor,
    site: Site,
    nodes: Option<Vec<bool>>,
    record: EditRecord,
}

impl<'a> ControlTap<'a> {
    /// The control of `edit`, which must be an edit of a single feature.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the direction does not fit the autoencoder, or the autoencoder the forecaster.
    pub fn new(
        sae: &'a Sae,
        edit: CodeEdit,
        direction: &ControlDirection,
        site: Site,
        latent_width: usize,
    ) -> Result<Self> {
        check_width(sae, latent_width)?;
        check_features(sae, &edit.features)?;
        let direction = match direction {
            ControlDirection::Feature(feature) if (*feature as usize) < sae.config.n_latents => {
                sae.w_dec.get(i64::from(*feature))
            }
            ControlDirection::Feature(feature) => {
                return Err(mismatch(
                    format!("a feature below {}", sae.config.n_latents),
                    feature.to_string(),
                ));
            }
            ControlDirection::Vector(v) if v.len() == latent_width => Tensor::from_slice(v),
            ControlDirection::Vector(v) => {
                return Err(mismatch(
                    format!("{latent_width} numbers"),
                    v.len().to_string(),
                ));
            }
        };
        let direction = &direction / direction.norm().clamp_min(1e-12);
        Ok(Self {
            sae,
            edit,
            direction,
            site,
            nodes: None,
            record: EditRecord::default(),
        })
    }

    /// Edits only these mesh nodes (`[M]`) from the next pass on.
    pub fn set_nodes(&mut self, nodes: Option<Vec<bool>>) {
        self.nodes = nodes;
    }

    /// What the last pass did.
    pub fn record(&self) -> EditRecord {
        self.record
    }
}

fn mismatch(expected: String, found: String) -> Error {
    Error::Mismatch {
        what: "control direction",
        expected,
        found,
        hint: "see `dropsonde features` for live features",
    }
}

impl Tap for ControlTap<'_> {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if site != self.site {
            return latents;
        }
        let Some((chosen, delta)) =
            feature_delta(self.sae, &self.edit, self.nodes.as_deref(), &latents)
        else {
            self.record = EditRecord::default();
            return latents;
        };
        // Signed length of the feature's edit along its own direction, [chosen, 1].
        let own = self
            .edit
            .features
            .first()
            .map(|&f| self.sae.w_dec.get(i64::from(f)));
        let length = delta.norm_scalaropt_dim(2.0, [1i64].as_slice(), true);
        let sign = own.map_or_else(
            || length.ones_like(),
            |w| delta.matmul(&w).unsqueeze(1).sign(),
        );
        let replaced = length * sign * self.direction.to_kind(Kind::Float).unsqueeze(0);
        self.record = edit_record(&latents, &chosen, &replaced);
        add_rows(&latents, &chosen, &replaced)
    }
}
