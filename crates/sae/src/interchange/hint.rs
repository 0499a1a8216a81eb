//! What other formats have no place for, kept beside them as our own configuration.
//!
//! It only chooses between ways to write the same function: an autoencoder that was changed by another tool after the
//! export is still read as what its tensors say.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Report;
use super::parts::Parts;
use crate::{Activation, Preprocessing, Sae, SaeConfig, SaeMeta};

/// The key under which it is kept.
pub(super) const KEY: &str = "dropsonde";

#[derive(Serialize, Deserialize)]
pub(super) struct Hint {
    config: SaeConfig,
    metadata: SaeMeta,
}

impl Hint {
    pub(super) fn of(sae: &Sae) -> Value {
        let hint = Self {
            config: sae.config.clone(),
            metadata: sae.meta.clone(),
        };
        serde_json::to_value(hint).unwrap_or(Value::Null)
    }

    /// The hint in a JSON object, if there is a valid one for an autoencoder of this shape.
    pub(super) fn find(object: &Value, config: &SaeConfig) -> Option<Self> {
        let hint: Self = serde_json::from_value(object.get(KEY)?.clone()).ok()?;
        let shape = |c: &SaeConfig| (c.d_in, c.d_out, c.n_latents, c.transcoder, c.n_sites);
        (hint.config.check().is_ok() && shape(&hint.config) == shape(config)).then_some(hint)
    }

    pub(super) fn apply(self, parts: &mut Parts, report: &mut Report) {
        parts.meta = self.metadata;
        parts.config.k_aux = self.config.k_aux;
        if parts.config.prefixes.is_empty() {
            parts.config.prefixes = self.config.prefixes;
        }
        restore_activation(parts, self.config.activation);
        restore_frame(parts, self.config.preprocessing);
        if self.config.bias != parts.config.bias {
            // An encoder bias that is not zero stays, whatever the note says.
            let _ = parts.move_bias(self.config.bias);
        }
        report.note("preprocessing, biases, nested dictionaries and metadata are as `dropsonde` noted them at the export");
    }
}

/// Formats that know one threshold per latent also hold those that have one for all.
pub(super) fn restore_activation(parts: &mut Parts, noted: Activation) {
    if let Activation::JumpRelu { .. } = parts.config.activation {
        let first = parts.threshold.first().copied();
        let equal = parts.threshold.iter().all(|&t| Some(t) == first);
        match noted {
            Activation::JumpRelu { .. } => parts.config.activation = noted,
            Activation::BatchTopK { .. } if equal => {
                parts.config.activation = noted;
                // Below zero a JumpReLU lets every positive pre-activation pass.
                parts.threshold = first.map(|t| t.max(0.0)).into_iter().collect();
            }
            _ => {}
        }
    }
}

fn restore_frame(parts: &mut Parts, noted: Preprocessing) {
    let factor = match (parts.config.preprocessing, noted) {
        (Preprocessing::LayerNorm, Preprocessing::CentreUnitNorm) => {
            1.0 / spread(parts.config.site_width())
        }
        (Preprocessing::None, Preprocessing::Scale(scale)) => 1.0 / f64::from(scale),
        _ => return,
    };
    parts.stretch(factor);
    parts.config.preprocessing = noted;
}

/// How much longer a row of `d` channels is in standard deviations than in norms: `sqrt(d - 1)`.
pub(super) fn spread(d: usize) -> f64 {
    ((d as f64) - 1.0).max(1.0).sqrt()
}
