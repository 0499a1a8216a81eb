use dropsonde_fields::{State, Time};
use tch::Tensor;

use crate::{Error, Forecaster, Result};

/// States in memory, and the places where a sample can start.
#[derive(Debug)]
pub struct Dataset {
    states: Vec<State>,
    /// Index of the state at 0 h of each sample; -6 h and the targets lie beside it, 6 h apart.
    starts: Vec<usize>,
    horizon: usize,
}

/// Inputs and targets of a batch in SI units.
pub(crate) struct Batch {
    /// Per forecast step `[N, B, C_in]`; from the second on only forcings and statics count.
    pub(crate) inputs: Vec<Tensor>,
    /// Per forecast step `[N, B, C_out]`.
    pub(crate) targets: Vec<Tensor>,
}

impl Dataset {
    /// Finds every sample whose `2 + horizon` states are 6 h apart.
    ///
    /// # Errors
    /// [`Error::Train`] if there is none.
    pub fn new(states: Vec<State>, horizon: usize) -> Result<Self> {
        let six_hours = |a: &State, b: &State| b.time.hours_since(a.time) == 6;
        let whole = |start: &usize| {
            (start - 1..start + horizon).all(|i| six_hours(&states[i], &states[i + 1]))
        };
        let starts: Vec<usize> = (1..states.len().saturating_sub(horizon))
            .filter(whole)
            .collect();
        if starts.is_empty() {
            return Err(Error::Train(format!(
                "{} states hold no {} in a row 6 h apart",
                states.len(),
                horizon + 2
            )));
        }
        Ok(Self {
            states,
            starts,
            horizon,
        })
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Never true: [`Dataset::new`] refuses an empty set.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Time at 0 h of a sample.
    pub fn init_time(&self, sample: usize) -> Time {
        self.states[self.starts[sample]].time
    }

    /// The states at -6 h, 0 h, +6 h, .. of a sample.
    pub fn states(&self, sample: usize) -> &[State] {
        let start = self.starts[sample];
        &self.states[start - 1..=start + self.horizon]
    }

    pub(crate) fn batch(
        &self,
        forecaster: &Forecaster,
        samples: &[usize],
        horizon: usize,
    ) -> Result<Batch> {
        let stack = |tensors: Vec<Tensor>| Tensor::cat(&tensors, 1);
        let step = |step: usize| -> Result<(Tensor, Tensor)> {
            let (mut inputs, mut targets) = (Vec::new(), Vec::new());
            for &sample in samples {
                let states = self.states(sample);
                inputs.push(forecaster.raw_inputs(
                    &states[step],
                    &states[step + 1],
                    &states[step + 2],
                )?);
                targets.push(forecaster.raw_targets(&states[step + 2])?);
            }
            Ok((stack(inputs), stack(targets)))
        };
        let (inputs, targets) = (0..horizon)
            .map(step)
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        Ok(Batch { inputs, targets })
    }
}
