//! How an autoencoder is trained.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which decoder the auxiliary loss uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuxDecoder {
    /// Rows of unit norm, as in the main reconstruction.
    #[default]
    Normalised,
    /// The decoder as it is, as in the published code; the gradient then has a radial part, which the projection removes.
    Raw,
}

/// Settings of the training step.
///
/// The loss is `NMSE(u', u) + aux_weight * NMSE(aux, stopgrad(u - u'))`, with
/// `NMSE(r, t) = mean over rows of |r - t|^2 / |t|^2` and the second term only while latents are dead.
///
/// # Source
/// Gao et al. 2024 (arXiv 2406.04093), section 2 and appendix A; the paper's own loop is not published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Adam's learning rate after the warm-up.
    pub learning_rate: f64,
    /// Adam's decay of the mean gradient.
    pub beta1: f64,
    /// Adam's decay of the mean squared gradient.
    pub beta2: f64,
    /// Adam's epsilon.
    pub epsilon: f64,
    /// Steps over which the learning rate rises linearly; 0 for none.
    pub warmup_steps: u64,
    /// Where the learning rate falls linearly to 0; `None` for no decay.
    pub decay: Option<Decay>,
    /// Weight of the auxiliary loss.
    pub aux_weight: f32,
    /// Which decoder the auxiliary loss uses.
    pub aux_decoder: AuxDecoder,
    /// A latent that was not active for this many rows counts as dead.
    pub dead_window: u64,
}

/// A linear fall of the learning rate to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decay {
    /// Last step at the full rate.
    pub from_step: u64,
    /// First step at rate 0.
    pub to_step: u64,
}

impl TrainConfig {
    /// Defaults for a training set of `epoch_rows` rows: a latent unused for one epoch is dead.
    pub fn new(epoch_rows: u64) -> Self {
        Self {
            warmup_steps: 50,
            aux_decoder: AuxDecoder::Normalised,
            dead_window: epoch_rows.max(1),
            ..Self::paper()
        }
    }

    /// What is known of the published training: dead after 3,000,000 rows, the raw decoder in the auxiliary loss,
    /// no schedule.
    ///
    /// # Source
    /// <https://github.com/theodoremacmillan/graphcast-interpretability>, `model.py`; loss and rate are not published.
    pub fn paper() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            warmup_steps: 0,
            decay: None,
            aux_weight: 1.0 / 32.0,
            aux_decoder: AuxDecoder::Raw,
            dead_window: 3_000_000,
        }
    }

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// Naming the first such setting.
    pub fn check(&self) -> Result<()> {
        let invalid = |key, found: f64, expected: &str| {
            Err(Error::Config {
                key,
                found: found.to_string(),
                expected: expected.to_owned(),
            })
        };
        let unit = |x: f64| (0.0..1.0).contains(&x);
        match self {
            c if !(c.learning_rate > 0.0 && c.learning_rate.is_finite()) => {
                invalid("learning_rate", c.learning_rate, "a positive number")
            }
            c if !unit(c.beta1) => invalid("beta1", c.beta1, "in [0, 1)"),
            c if !unit(c.beta2) => invalid("beta2", c.beta2, "in [0, 1)"),
            c if c.epsilon.is_nan() || c.epsilon <= 0.0 => {
                invalid("epsilon", c.epsilon, "a positive number")
            }
            c if !(c.aux_weight >= 0.0 && c.aux_weight.is_finite()) => invalid(
                "aux_weight",
                f64::from(c.aux_weight),
                "zero or a positive number",
            ),
            c if c.dead_window == 0 => invalid("dead_window", 0.0, "at least 1 row"),
            c if c.decay.is_some_and(|d| d.from_step >= d.to_step) => invalid(
                "decay.from_step",
                c.decay.map_or(0.0, |d| d.from_step as f64),
                "before `decay.to_step`",
            ),
            _ => Ok(()),
        }
    }

    /// The learning rate of a step, counted from 0.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        let warmup = match self.warmup_steps {
            0 => 1.0,
            n => ((step + 1) as f64 / n as f64).min(1.0),
        };
        let decay = self.decay.map_or(1.0, |d| {
            let left = d.to_step.saturating_sub(step) as f64 / (d.to_step - d.from_step) as f64;
            left.min(1.0)
        });
        self.learning_rate * warmup * decay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_rises_stays_and_falls() {
        let decay = Some(Decay {
            from_step: 10,
            to_step: 20,
        });
        let config = TrainConfig {
            warmup_steps: 4,
            decay,
            ..TrainConfig::paper()
        };
        let rates: Vec<f64> = [0, 3, 5, 10, 15, 20, 99]
            .map(|s| config.learning_rate_at(s) / 1e-3)
            .to_vec();
        for (found, expected) in rates.iter().zip([0.25, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{rates:?}");
        }
    }

    #[test]
    fn bad_settings_are_named() {
        let bad = TrainConfig {
            beta2: 1.0,
            ..TrainConfig::paper()
        };
        assert!(bad.check().unwrap_err().to_string().contains("`beta2` = 1"));
        assert!(TrainConfig::new(0).check().is_ok());
    }
}
