use tch::{Kind, Tensor};

use super::{Dataset, Trainer};
use crate::Result;
use crate::fused::gradient::Saved;

/// One pass of the network inside a rollout, cut out of libtorch's graph.
struct Pass {
    /// What went in, with its history.
    features: Tensor,
    /// What came out, as a leaf.
    output: Tensor,
    saved: Saved,
}

impl Trainer {
    /// The loss of the fused network; its gradient is taken here, and `backward` hands it to the weights.
    ///
    /// libtorch differentiates what lies between the passes of the network (normalisation, update of the inputs, error),
    /// the fused kernels the passes, last one first.
    pub(super) fn fused_loss(
        &self,
        data: &Dataset,
        samples: &[usize],
        horizon: usize,
    ) -> Result<Tensor> {
        let (network, graph) = (self.forecaster.fused()?, self.forecaster.graph());
        let mut passes = Vec::new();
        let errors = self.rollout_errors(data, samples, horizon, |features| {
            let (output, saved) = network.forward_saved(graph, &features.detach())?;
            let output = output.set_requires_grad(true);
            passes.push(Pass {
                features: features.shallow_clone(),
                output: output.shallow_clone(),
                saved,
            });
            Ok(output)
        })?;
        let loss = (errors * &self.channel_weights).sum(None::<Kind>);
        if !loss.requires_grad() {
            // The caller has switched gradients off.
            return Ok(loss);
        }
        // What earlier outputs are still to be differentiated with respect to.
        let mut ahead = loss.shallow_clone();
        let mut sum = loss.zeros_like();
        while let Some(Pass {
            features,
            output,
            saved,
        }) = passes.pop()
        {
            let gradient = Tensor::f_run_backward(&[&ahead], &[&output], true, false)?;
            let found =
                network.backward(graph, self.forecaster.parameters(), saved, &gradient[0])?;
            if !passes.is_empty() {
                ahead = &ahead + (&features * found.features).sum(None::<Kind>);
            }
            for (name, gradient) in found.weights {
                sum += (self.forecaster.parameters().get(&name)? * gradient).sum(None::<Kind>);
            }
        }
        // The value is the loss, the gradient that of `sum`.
        Ok(loss.detach() + (&sum - sum.detach()))
    }
}
