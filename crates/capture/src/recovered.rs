//! How much of a forecast survives when latents are replaced by their reconstruction.

use dropsonde_fields::Channel;
use dropsonde_forecaster::{Forecaster, NoTap, Site};
use tch::{Kind, Tensor};

use crate::{Error, Result, Splice, SpliceTap};

/// Forecast loss recovered, accumulated over steps.
///
/// Of every step there are three forecasts from the same input: the forecaster's own (base), one with the latents at a site
/// replaced (spliced), and one with them set to zero (zeroed). Per output channel, with means over area and steps,
///
/// ```text
/// recovered = 1 - MSE(spliced, base) / MSE(zeroed, base)
/// ```
///
/// 1 is a perfect replacement, 0 one that is no better than nothing at all; it can be negative. Where the truth is known, the
/// root-mean-square errors of base and spliced forecasts say what the replacement costs.
///
/// # Source
/// Loss recovered of language models (Bricken et al. 2023, <https://transformer-circuits.pub/2023/monosemantic-features>), with
/// the forecaster's own output in place of the loss.
#[derive(Debug)]
pub struct LossRecovered {
    channels: Vec<Channel>,
    /// Area weights of the grid nodes, sum 1, `[N, 1, 1]`.
    weights: Tensor,
    n_steps: u64,
    n_with_truth: u64,
    /// Spliced and zeroed against base; base and spliced against truth; `[C_out]` each, in SI units squared.
    sums: [Tensor; 4],
}

/// What [`LossRecovered`] says about one output channel.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveredChannel {
    /// The channel.
    pub channel: Channel,
    /// 1 - MSE(spliced, base) / MSE(zeroed, base).
    pub recovered: f64,
    /// Root-mean-square error of the forecaster's own output against the truth, in SI units; NaN without truth.
    pub rmse_base: f64,
    /// The same of the spliced forecast.
    pub rmse_spliced: f64,
}

impl LossRecovered {
    /// Nothing seen yet.
    pub fn new(forecaster: &Forecaster) -> Self {
        let weights = forecaster.graph().grid.node_weights();
        let weights = Tensor::from_slice(&weights).to_kind(Kind::Double);
        let weights = (&weights / weights.sum(Kind::Double))
            .reshape([-1, 1, 1])
            .to_device(forecaster.options().device);
        let channels = forecaster.task().output_channels();
        let options = (Kind::Double, forecaster.options().device);
        Self {
            sums: [0; 4].map(|_| Tensor::zeros([channels.len() as i64], options)),
            weights,
            n_steps: 0,
            n_with_truth: 0,
            channels,
        }
    }

    /// Adds one step from inputs in SI units; `truth` is what came true.
    ///
    /// # Shapes
    /// `raw`: `[N, 1, C_in]` ([`Forecaster::raw_inputs`]); `truth`: `[N, 1, C_out]` ([`Forecaster::raw_targets`]).
    ///
    /// # Errors
    /// If the shapes do not fit, or the latents cannot be replaced; nothing is added then.
    pub fn add(
        &mut self,
        forecaster: &Forecaster,
        raw: &Tensor,
        truth: Option<&Tensor>,
        (site, splice): (Site, Splice<'_>),
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let (_, width) = forecaster.latent_shape();
        let base = forecaster.predict(raw, &mut NoTap)?;
        let run = |splice| -> Result<Tensor> {
            let mut tap = SpliceTap::new(site, splice, width)?;
            let output = forecaster.predict(raw, &mut tap)?;
            tap.finish()?;
            Ok(output)
        };
        let (spliced, zeroed) = (run(splice)?, run(Splice::Zero)?);
        let expected = base.size();
        if let Some(truth) = truth.filter(|truth| truth.size() != expected) {
            return Err(Error::Mismatch {
                what: "true state",
                expected: format!("{expected:?}"),
                found: format!("{:?}", truth.size()),
                hint: "use `Forecaster::raw_targets` of the state 6 h later",
            });
        }
        self.n_steps += 1;
        self.sums[0] += self.mean_square(&spliced, &base);
        self.sums[1] += self.mean_square(&zeroed, &base);
        if let Some(truth) = truth {
            self.n_with_truth += 1;
            self.sums[2] += self.mean_square(&base, truth);
            self.sums[3] += self.mean_square(&spliced, truth);
        }
        Ok(())
    }

    /// Area-weighted mean squared difference of each channel, `[C_out]`.
    fn mean_square(&self, a: &Tensor, b: &Tensor) -> Tensor {
        let difference = (a - b).to_kind(Kind::Double);
        (difference.square() * &self.weights).sum_dim_intlist([0i64, 1].as_slice(), false, None)
    }

    /// Steps added.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }

    /// The measure for every output channel.
    pub fn channels(&self) -> Vec<RecoveredChannel> {
        let value = |which: usize, channel: usize| self.sums[which].double_value(&[channel as i64]);
        let rmse = |which, channel| (value(which, channel) / self.n_with_truth as f64).sqrt();
        let one = |(index, channel): (usize, &Channel)| RecoveredChannel {
            channel: channel.clone(),
            recovered: 1.0 - value(0, index) / value(1, index),
            rmse_base: rmse(2, index),
            rmse_spliced: rmse(3, index),
        };
        self.channels.iter().enumerate().map(one).collect()
    }

    /// Mean over the channels.
    pub fn mean(&self) -> f64 {
        let channels = self.channels();
        channels.iter().map(|one| one.recovered).sum::<f64>() / channels.len() as f64
    }

    /// Median over the channels (the upper one of two).
    pub fn median(&self) -> f64 {
        let mut values: Vec<f64> = self.channels().iter().map(|one| one.recovered).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}
