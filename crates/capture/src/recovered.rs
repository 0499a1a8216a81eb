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
        let one = std::slice::from_mut(self);
        Self::add_all(one, forecaster, raw, truth, (site, &[splice]))
    }

    /// Adds one step to several measures, one for each splice; what they share is computed once.
    ///
    /// # Shapes
    /// As [`add`](Self::add); `all`: as many as there are splices.
    ///
    /// # Errors
    /// As [`add`](Self::add), and if the numbers differ.
    pub fn add_all(
        all: &mut [Self],
        forecaster: &Forecaster,
        raw: &Tensor,
        truth: Option<&Tensor>,
        (site, splices): (Site, &[Splice<'_>]),
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let (_, width) = forecaster.latent_shape();
        let run = |splice| -> Result<Tensor> {
            let mut tap = SpliceTap::new(site, splice, width)?;
            let output = forecaster.predict(raw, &mut tap)?;
            tap.finish()?;
            Ok(output)
        };
        let base = forecaster.predict(raw, &mut NoTap)?;
        if let Some(truth) = truth.filter(|truth| truth.size() != base.size()) {
            return Err(mismatch("true state", &base.size(), &truth.size()));
        }
        if all.len() != splices.len() {
            let (expected, found) = (splices.len() as i64, all.len() as i64);
            return Err(mismatch("number of measures", &[expected], &[found]));
        }
        let zeroed = run(Splice::Zero)?;
        let spliced = splices.iter().map(|&splice| run(splice));
        let spliced = spliced.collect::<Result<Vec<_>>>()?;
        for (one, spliced) in all.iter_mut().zip(&spliced) {
            one.n_steps += 1;
            one.sums[0] += one.mean_square(spliced, &base);
            one.sums[1] += one.mean_square(&zeroed, &base);
            if let Some(truth) = truth {
                one.n_with_truth += 1;
                one.sums[2] += one.mean_square(&base, truth);
                one.sums[3] += one.mean_square(spliced, truth);
            }
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

fn mismatch(what: &'static str, expected: &[i64], found: &[i64]) -> Error {
    Error::Mismatch {
        what,
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
        hint: "use `Forecaster::raw_targets` of the state 6 h later, and one measure for each splice",
    }
}
