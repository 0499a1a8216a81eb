//! Training in the naive formulation: libtorch's autograd and libtorch's AdamW.

use dropsonde_fields::loss_weights;
use tch::nn::{self, OptimizerConfig, VarStore};
use tch::{Device, Kind, Tensor};

use super::{Naive, Weights};
use crate::case::{Case, Error};

/// Forward, backward and AdamW as libtorch gives them.
#[derive(Debug)]
pub struct NaiveTrainer {
    naive: Naive,
    optimizer: nn::Optimizer,
    /// Handles on the weights, for comparison.
    weights: Weights,
    /// `[N, 1]`.
    node_weights: Tensor,
    /// `[C_out]`.
    channel_weights: Tensor,
}

impl NaiveTrainer {
    /// Starts from the case's random weights.
    ///
    /// # Errors
    /// If no network has this shape.
    pub fn new(case: &Case) -> Result<Self, Error> {
        let checkpoint = case.checkpoint()?;
        let graph = case.graph()?;
        let store = VarStore::new(Device::Cpu);
        let root = store.root();
        let copy = |(name, tensor): (&str, &Tensor)| (name.to_owned(), root.var_copy(name, tensor));
        let weights: Weights = checkpoint.parameters.iter().map(copy).collect();
        let (nodes, channels) = loss_weights(&case.task, &graph.grid);
        Ok(Self {
            naive: Naive::new(&weights, &case.model, &graph)?,
            optimizer: nn::adamw(0.9, 0.95, 0.1).build(&store, 1e-5)?,
            weights,
            node_weights: Tensor::from_slice(&nodes).reshape([-1, 1]),
            channel_weights: Tensor::from_slice(&channels),
        })
    }

    /// The loss that the forecaster's trainer has, of features `[N, C_in]` and normalised targets `[N, C_out]`.
    pub fn loss(&self, features: &Tensor, targets: &Tensor) -> Tensor {
        let error = self.naive.forward(features) - targets;
        let weighted = &error * &error * &self.node_weights;
        let channels = weighted.mean_dim([0i64].as_slice(), false, None::<Kind>);
        (channels * &self.channel_weights).sum(None::<Kind>)
    }

    /// One forward and backward pass and one move of the weights; the loss before the move.
    pub fn step(&mut self, features: &Tensor, targets: &Tensor) -> f64 {
        let loss = self.loss(features, targets);
        self.optimizer.backward_step(&loss);
        loss.double_value(&[])
    }

    /// The weights, by name.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::{Sample, trainer};

    #[test]
    fn loss_and_gradient_are_those_of_the_trainer() -> Result<(), Error> {
        let case = Case::sized(15.0, 1, 16, 2);
        let sample = Sample::new(&case)?;
        let trainer = trainer(&case)?;
        let naive = NaiveTrainer::new(&case)?;
        let (features, targets) = sample.tensors(trainer.forecaster())?;
        let ours = trainer.loss(&sample.data, &[0], 1)?;
        let theirs = naive.loss(&features, &targets);
        ours.backward();
        theirs.backward();
        let (ours, theirs) = (ours.double_value(&[]), theirs.double_value(&[]));
        assert!((ours / theirs - 1.0).abs() < 1e-5, "{ours} {theirs}");
        let mut compared = 0;
        for (name, parameter) in trainer.forecaster().parameters().iter() {
            let (ours, theirs) = (parameter.grad(), naive.weights()[name].grad());
            if ours.defined() {
                let scale = ours.abs().max().double_value(&[]).max(1e-6);
                let difference = (ours - theirs).abs().max().double_value(&[]);
                assert!(difference < 2e-3 * scale, "{name}: {difference} of {scale}");
                compared += 1;
            }
        }
        assert!(compared > 50, "{compared}");
        Ok(())
    }

    #[test]
    fn steps_lower_the_loss() -> Result<(), Error> {
        let case = Case::tiny();
        let sample = Sample::new(&case)?;
        let (features, targets) = sample.tensors(trainer(&case)?.forecaster())?;
        let mut naive = NaiveTrainer::new(&case)?;
        let first = naive.step(&features, &targets);
        let last = (0..5).map(|_| naive.step(&features, &targets)).last();
        assert!(last.is_some_and(|last| last < first), "{first} {last:?}");
        Ok(())
    }
}
