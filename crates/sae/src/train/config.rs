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

/// What the encoder's product is computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// f32.
    #[default]
    F32,
    /// Rows and encoder rounded to bf16, sums in f32; everything else of the step is f32.
    Bf16,
}

/// Weight of the penalty that makes codes sparse, for activations without a fixed number of them.
///
/// The penalty is the mean over rows of the sum of codes (ReLU, gated) or of the number of active latents (jump ReLU).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// Weight at the beginning.
    pub weight: f64,
    /// Active latents per row that are wanted: after each step the weight is multiplied by
    /// `exp(rate * clamp(L0 / target - 1, -1, 1))`. Without it the weight stays.
    pub target_l0: Option<f64>,
    /// How fast the weight follows.
    pub rate: f64,
}

impl Penalty {
    fn check(&self) -> Result<()> {
        let wrong = |x: f64| !(x > 0.0 && x.is_finite());
        let found = [
            (
                "penalty.weight",
                self.weight,
                self.weight < 0.0 || !self.weight.is_finite(),
            ),
            (
                "penalty.target_l0",
                self.target_l0.unwrap_or(1.0),
                self.target_l0.is_some_and(wrong),
            ),
            ("penalty.rate", self.rate, wrong(self.rate)),
        ];
        match found.into_iter().find(|(_, _, bad)| *bad) {
            Some((key, found, _)) => Err(Error::Config {
                key,
                found: found.to_string(),
                expected: "a positive number".into(),
            }),
            None => Ok(()),
        }
    }

    /// The weight after a step in which `l0` latents per row were active.
    pub(crate) fn follow(&self, weight: f64, l0: f64) -> f64 {
        match self.target_l0 {
            Some(target) => weight * (self.rate * (l0 / target - 1.0).clamp(-1.0, 1.0)).exp(),
            None => weight,
        }
    }
}

impl Default for Penalty {
    fn default() -> Self {
        Self {
            weight: 1e-3,
            target_l0: None,
            rate: 0.01,
        }
    }
}

/// Settings of the training step.
///
/// The loss is `NMSE(u', u) + aux_weight * NMSE(aux, stopgrad(u - u')) + penalty`, with
/// `NMSE(r, t) = mean over rows of |r - t|^2 / |t|^2`, the mean over nested dictionaries for a Matryoshka, and the second term
/// only while latents are dead. Gated autoencoders have `NMSE(W_dec relu(p) + b_dec, u)` with a frozen decoder instead of the
/// second term.
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
    /// Where the learning rate falls to 0; `None` for no decay.
    pub decay: Option<Decay>,
    /// Gradients of all weights together are cut to this norm; `None` for no cut.
    pub clip_norm: Option<f64>,
    /// Decay of a running mean of the weights, which is then what training gives; `None` for the newest weights.
    pub ema_decay: Option<f64>,
    /// Weight of the auxiliary loss.
    pub aux_weight: f64,
    /// Which decoder the auxiliary loss uses.
    pub aux_decoder: AuxDecoder,
    /// A latent that was not active for this many rows counts as dead.
    pub dead_window: u64,
    /// The penalty on codes, where the activation needs one.
    pub penalty: Penalty,
    /// What the encoder's product is computed in.
    pub precision: Precision,
}

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// In a straight line.
    #[default]
    Linear,
    /// As half a cosine.
    Cosine,
}

/// A fall of the learning rate to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decay {
    /// Last step at the full rate.
    pub from_step: u64,
    /// First step at rate 0.
    pub to_step: u64,
    /// How it falls in between.
    #[serde(default)]
    pub shape: Shape,
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
            clip_norm: None,
            ema_decay: None,
            aux_weight: 1.0 / 32.0,
            aux_decoder: AuxDecoder::Raw,
            dead_window: 3_000_000,
            penalty: Penalty::default(),
            precision: Precision::F32,
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
            c if !(c.aux_weight >= 0.0 && c.aux_weight.is_finite()) => {
                invalid("aux_weight", c.aux_weight, "zero or a positive number")
            }
            c if c.clip_norm.is_some_and(|norm| norm.is_nan() || norm <= 0.0) => invalid(
                "clip_norm",
                c.clip_norm.unwrap_or(f64::NAN),
                "a positive number",
            ),
            c if !c.ema_decay.is_none_or(unit) => {
                invalid("ema_decay", c.ema_decay.unwrap_or(f64::NAN), "in [0, 1)")
            }
            c if c.dead_window == 0 => invalid("dead_window", 0.0, "at least 1 row"),
            c if c.decay.is_some_and(|d| d.from_step >= d.to_step) => invalid(
                "decay.from_step",
                c.decay.map_or(0.0, |d| d.from_step as f64),
                "before `decay.to_step`",
            ),
            c => c.penalty.check(),
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
            match d.shape {
                Shape::Linear => left.min(1.0),
                Shape::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * left.min(1.0)).cos(),
            }
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
            shape: Shape::Linear,
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
    fn a_cosine_is_half_way_down_in_the_middle() {
        let config = TrainConfig {
            decay: Some(Decay {
                from_step: 10,
                to_step: 20,
                shape: Shape::Cosine,
            }),
            ..TrainConfig::paper()
        };
        for (step, expected) in [(0, 1.0), (10, 1.0), (15, 0.5), (20, 0.0)] {
            let found = config.learning_rate_at(step) / 1e-3;
            assert!((found - expected).abs() < 1e-12, "{step}: {found}");
        }
    }

    #[test]
    fn the_weight_of_a_penalty_follows_what_is_active() {
        let penalty = Penalty {
            target_l0: Some(32.0),
            ..Penalty::default()
        };
        assert!(penalty.follow(1.0, 64.0) > 1.0 && penalty.follow(1.0, 16.0) < 1.0);
        assert_eq!(penalty.follow(1.0, 32.0), 1.0);
        assert_eq!(Penalty::default().follow(1.0, 64.0), 1.0);
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
