use tch::{Device, Kind, Tensor};

use crate::parameters::{Block, Parameters};
use crate::{ModelConfig, Precision, Result};

/// y = x W + b, with W `[in, out]` in the precision of matrix products and b in that of the latents.
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
        precision: Precision,
        block: &Block,
    ) -> Result<Self> {
        let linear = |layer: u8| -> Result<Linear> {
            let name = format!("{}_mlp/~/linear_{layer}", block.path);
            let w = parameters.get(&format!("{name}:w"))?;
            Ok(Linear {
                // A handle on the same tensor where nothing is cast: training changes it in place.
                w: match w.kind() == precision.product() {
                    true => w.shallow_clone(),
                    false => w.to_kind(precision.product()),
                },
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
        self.finish(self.first.apply(x))
    }

    /// The MLP on an input whose leading `skip` channels are all 0: those rows of W are left out.
    pub(crate) fn forward_tail(&self, x: &Tensor, skip: i64) -> Tensor {
        let mut pre = product(x, &self.first_rows(skip, self.first.w.size()[0] - skip));
        pre += &self.first.b;
        self.finish(pre)
    }

    /// The MLP on `x` `[N, B, C]` with fixed channels `tail` `[N, 1, T]` appended to every batch member, without a copy.
    pub(crate) fn forward_with_tail(&self, x: &Tensor, tail: &Tensor) -> Tensor {
        let [channels, extra] = [x, tail].map(|t| t.size()[t.dim() - 1]);
        let mut pre = product(x, &self.first_rows(0, channels));
        pre += product(tail, &self.first_rows(channels, extra));
        pre += &self.first.b;
        self.finish(pre)
    }

    /// W of the first layer, cut into the rows that belong to each part of a concatenated input.
    pub(crate) fn split<const PARTS: usize>(&self) -> [Tensor; PARTS] {
        let rows = self.first.w.size()[0] / PARTS as i64;
        std::array::from_fn(|part| self.first_rows(part as i64 * rows, rows))
    }

    fn first_rows(&self, start: i64, rows: i64) -> Tensor {
        self.first.w.narrow(0, start, rows)
    }

    /// b of the first layer.
    pub(crate) fn first_bias(&self) -> &Tensor {
        &self.first.b
    }

    /// Everything after the first linear layer; `x` must be a fresh tensor, it is overwritten.
    pub(crate) fn finish(&self, mut x: Tensor) -> Tensor {
        for linear in &self.rest {
            x = linear.apply(&x.silu_());
        }
        match &self.norm {
            Some((scale, offset)) => {
                x.layer_norm(scale.size(), Some(scale), Some(offset), 1e-5, true)
            }
            None => x,
        }
    }
}

impl Linear {
    fn apply(&self, x: &Tensor) -> Tensor {
        let mut y = product(x, &self.w);
        y += &self.b;
        y
    }
}

/// x W, `[.., in]` times `[in, out]`, always in the element type of `x`.
///
/// With W in bf16, x is rounded to bf16 too, and products are summed and returned in the type of x, on every device.
pub(crate) fn product(x: &Tensor, w: &Tensor) -> Tensor {
    if w.kind() == x.kind() {
        return x.matmul(w);
    }
    let low = w.kind();
    match x.device() {
        Device::Cuda(_) if !x.requires_grad() => wide_product(&x.to_kind(low), w, x.kind()),
        _ => {
            // libtorch's own bf16 product on a CPU rounds its result to bf16 once more: twice as fast where the
            // processor has bf16 instructions, but a quarter less accurate in the forecast.
            let rounded = x.to_kind(low).to_kind(x.kind());
            rounded.matmul(&w.to_kind(x.kind()))
        }
    }
}

/// The product of two bf16 tensors in another element type (CUDA only, without a gradient).
fn wide_product(x: &Tensor, w: &Tensor, out: Kind) -> Tensor {
    let mut size = x.size();
    let rows = x.reshape([-1, w.size()[0]]);
    if let Some(last) = size.last_mut() {
        *last = w.size()[1];
    }
    rows.mm_dtype(w, out).reshape(size)
}
