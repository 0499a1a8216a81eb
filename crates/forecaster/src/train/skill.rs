use dropsonde_fields::Channel;
use tch::{Kind, Tensor};

use super::Dataset;
use crate::{Forecaster, NoTap, Result};

/// Root-mean-square errors of one output channel at one lead, in SI units, area-weighted.
#[derive(Debug, Clone)]
pub struct ChannelSkill {
    /// The channel.
    pub channel: Channel,
    /// Hours ahead.
    pub lead_hours: i64,
    /// Error of the forecast.
    pub forecast: f64,
    /// Error of the state at 0 h kept unchanged.
    pub persistence: f64,
    /// Error of the mean over training days.
    pub climatology: f64,
}

/// Errors of forecasts from every `stride`-th sample at these leads (in steps of 6 h), against persistence and a
/// climatological mean.
///
/// # Shapes
/// `climatology`: `[N, 1, C_out]`, SI units.
///
/// # Errors
/// If a state lacks a variable.
pub fn skill(
    forecaster: &Forecaster,
    data: &Dataset,
    climatology: &Tensor,
    leads: &[usize],
    stride: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<ChannelSkill>> {
    let last = leads.iter().copied().max().unwrap_or(1);
    let samples: Vec<usize> = (0..data.len()).step_by(stride.max(1)).collect();
    let weights = forecaster.graph().grid.node_weights();
    let weights = Tensor::from_slice(&weights)
        .to_device(forecaster.options().device)
        .reshape([-1, 1, 1]);
    let mut sums: Vec<[Tensor; 3]> = Vec::new();
    for (done, &sample) in samples.iter().enumerate() {
        let errors =
            tch::no_grad(|| sample_errors(forecaster, data, climatology, &weights, sample, last))?;
        if sums.is_empty() {
            sums = errors;
        } else {
            let pairs = sums.iter_mut().zip(errors);
            pairs.for_each(|(sum, new)| sum.iter_mut().zip(new).for_each(|(s, n)| *s += n));
        }
        progress(done + 1, samples.len());
    }
    let channels = forecaster.task().output_channels();
    let mut table = Vec::new();
    for &lead in leads {
        let rms = |which: usize, channel: usize| {
            (sums[lead - 1][which].double_value(&[channel as i64]) / samples.len() as f64).sqrt()
        };
        table.extend(
            channels
                .iter()
                .enumerate()
                .map(|(c, channel)| ChannelSkill {
                    channel: channel.clone(),
                    lead_hours: 6 * lead as i64,
                    forecast: rms(0, c),
                    persistence: rms(1, c),
                    climatology: rms(2, c),
                }),
        );
    }
    Ok(table)
}

/// Per lead the area-weighted mean squared errors `[C_out]` of forecast, persistence and climatology, in f64.
fn sample_errors(
    forecaster: &Forecaster,
    data: &Dataset,
    climatology: &Tensor,
    weights: &Tensor,
    sample: usize,
    last: usize,
) -> Result<Vec<[Tensor; 3]>> {
    let batch = data.batch(forecaster, &[sample], last)?;
    let start = forecaster.raw_targets(&data.states(sample)[1])?;
    let update =
        crate::autoregression::InputUpdate::new(forecaster.task(), forecaster.options().device);
    let mut raw = batch.inputs[0].shallow_clone();
    let mut errors = Vec::new();
    for (lead, target) in batch.targets.iter().enumerate() {
        let prediction = forecaster.predict(&raw, &mut NoTap)?;
        let mean_square = |forecast: &Tensor| {
            let error = (forecast - target).to_kind(Kind::Double);
            (&error * &error * weights).sum_dim_intlist([0i64, 1].as_slice(), false, None::<Kind>)
        };
        errors.push([
            mean_square(&prediction),
            mean_square(&start),
            mean_square(climatology),
        ]);
        if lead + 1 < last {
            raw = update.next(&batch.inputs[lead + 1], &prediction, &raw);
        }
    }
    Ok(errors)
}
