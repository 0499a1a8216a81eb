//! The MLP of the naive formulation.

use tch::Tensor;

use super::Weights;

/// Linear -> swish -> .. -> Linear -> layer normalisation (the latter where the checkpoint has weights for it).
#[derive(Debug)]
pub(super) struct Mlp {
    /// W `[in, out]` and b of each layer.
    linears: Vec<(Tensor, Tensor)>,
    norm: Option<(Tensor, Tensor)>,
}

impl Mlp {
    pub(super) fn new(weights: &Weights, hidden_layers: u8, path: &str) -> Result<Self, String> {
        let get = |name: String| {
            weights
                .get(&name)
                .map(Tensor::shallow_clone)
                .ok_or_else(|| format!("missing weight: {name}"))
        };
        let linear = |layer: u8| {
            let name = format!("{path}_mlp/~/linear_{layer}");
            Ok::<_, String>((get(format!("{name}:w"))?, get(format!("{name}:b"))?))
        };
        let norm = |part: &str| get(format!("{path}_layer_norm:{part}")).ok();
        Ok(Self {
            linears: (0..=hidden_layers).map(linear).collect::<Result<_, _>>()?,
            norm: norm("scale").zip(norm("offset")),
        })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let mut layers = self.linears.iter();
        let mut y = layers
            .next()
            .map_or_else(|| x.shallow_clone(), |(w, b)| b.addmm(x, w));
        for (w, b) in layers {
            y = b.addmm(&y.silu(), w);
        }
        match &self.norm {
            Some((scale, offset)) => {
                y.layer_norm(scale.size(), Some(scale), Some(offset), 1e-5, true)
            }
            None => y,
        }
    }
}
