use tch::Tensor;

use crate::parameters::{Block, Parameters};
use crate::{ModelConfig, Result};

/// y = x W + b, with W `[in, out]`.
#[derive(Debug)]
struct Linear {
    w: Tensor,
    b: Tensor,
}

/// Linear -> swish -> ... -> Linear, then layer normalisation (none on the decoder's output).
#[derive(Debug)]
pub(crate) struct Mlp {
    first: Linear,
    rest: Vec<Linear>,
    norm: Option<(Tensor, Tensor)>,
}

impl Mlp {
    pub(crate) fn new(
        parameters: &Parameters,
        config: &ModelConfig,
        block: &Block,
    ) -> Result<Self> {
        let linear = |layer: u8| -> Result<Linear> {
            let name = format!("{}_mlp/~/linear_{layer}", block.path);
            Ok(Linear {
                w: parameters.get(&format!("{name}:w"))?.shallow_clone(),
                b: parameters.get(&format!("{name}:b"))?.shallow_clone(),
            })
        };
        let norm = |part: &str| -> Result<Tensor> {
            Ok(parameters
                .get(&format!("{}_layer_norm:{part}", block.path))?
                .shallow_clone())
        };
        Ok(Self {
            first: linear(0)?,
            rest: (1..=config.hidden_layers)
                .map(linear)
                .collect::<Result<_>>()?,
            norm: if block.norm {
                Some((norm("scale")?, norm("offset")?))
            } else {
                None
            },
        })
    }

    /// # Shapes
    /// `x`: `[.., in]`; result `[.., out]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        self.finish(x.matmul(&self.first.w) + &self.first.b)
    }

    /// The MLP on an input whose leading `skip` channels are all 0: those rows of W are left out.
    pub(crate) fn forward_tail(&self, x: &Tensor, skip: i64) -> Tensor {
        self.finish(
            x.matmul(&self.first.w.narrow(0, skip, self.first.w.size()[0] - skip)) + &self.first.b,
        )
    }

    /// W of the first layer, cut into the rows that belong to each part of a concatenated input.
    pub(crate) fn split<const PARTS: usize>(&self) -> [Tensor; PARTS] {
        let rows = self.first.w.size()[0] / PARTS as i64;
        std::array::from_fn(|part| self.first.w.narrow(0, part as i64 * rows, rows))
    }

    /// b of the first layer.
    pub(crate) fn first_bias(&self) -> &Tensor {
        &self.first.b
    }

    /// Everything after the first linear layer.
    pub(crate) fn finish(&self, mut x: Tensor) -> Tensor {
        for linear in &self.rest {
            x = x.silu().matmul(&linear.w) + &linear.b;
        }
        match &self.norm {
            Some((scale, offset)) => {
                x.layer_norm(scale.size(), Some(scale), Some(offset), 1e-5, true)
            }
            None => x,
        }
    }
}
