use dropsonde_kernels::{Block, Cpu, Operand, Packed, Start, product};
use tch::Tensor;

use crate::host::values;
use crate::parameters::{Block as Shape, Parameters};
use crate::{ModelConfig, Result};

/// Rows that are worked on together: a whole number of tiles, and few enough that a core's second-level cache holds their
/// operands, hidden values and results.
pub(super) const ROWS: usize = 56;

/// x W + b, packed.
#[derive(Debug)]
struct Linear {
    w: Packed,
    b: Vec<f32>,
}

/// An MLP of the network, its first layer cut into the rows that belong to each part of a concatenated input.
#[derive(Debug)]
pub(super) struct Mlp {
    path: String,
    first: Vec<Packed>,
    bias: Vec<f32>,
    rest: Vec<Linear>,
    norm: Option<[Vec<f32>; 2]>,
    d_out: usize,
}

/// Buffers of one thread.
#[derive(Debug)]
pub(super) struct Work {
    /// Left side of the first products.
    pub(super) x: Operand,
    /// Fixed features of edges or nodes.
    features: Operand,
    hidden: Operand,
    /// Results, of the latent width.
    pub(super) latent: Block,
    output: Block,
}

impl Work {
    /// For inputs of `d_in` values.
    pub(super) fn new(cpu: Cpu, d_in: usize, latent: usize) -> Self {
        Self::with(cpu, latent, d_in, 0, 0)
    }

    /// For latents and fixed features.
    pub(super) fn with_features(cpu: Cpu, latent: usize, features: usize) -> Self {
        Self::with(cpu, latent, latent, features, 0)
    }

    /// For latents, fixed features, and results of `output` values.
    pub(super) fn for_decoder(cpu: Cpu, latent: usize, features: usize, output: usize) -> Self {
        Self::with(cpu, latent, latent, features, output)
    }

    fn with(cpu: Cpu, latent: usize, d_in: usize, features: usize, output: usize) -> Self {
        let rows = |width: usize| if width == 0 { 0 } else { ROWS };
        Self {
            x: Operand::new(cpu, ROWS, d_in),
            features: Operand::new(cpu, rows(features), features),
            hidden: Operand::new(cpu, ROWS, latent),
            latent: Block::new(cpu, ROWS, latent),
            output: Block::new(cpu, rows(output), output),
        }
    }

    /// The latents become the left side of the next product.
    pub(super) fn take_latent(&mut self, rows: usize) {
        self.x.copy(rows, &self.latent);
    }

    /// Results of an MLP with `width` outputs.
    pub(super) fn output(&mut self, width: usize) -> &mut Block {
        result(&mut self.latent, &mut self.output, true, width)
    }
}

impl Mlp {
    /// `parts`: rows of each part of the input.
    pub(super) fn new(
        cpu: Cpu,
        parameters: &Parameters,
        config: &ModelConfig,
        shape: &Shape,
        parts: &[usize],
    ) -> Result<Self> {
        let layers = usize::from(config.hidden_layers);
        Self::pack(cpu, parameters, &shape.path, (layers, shape.norm), parts)
    }

    /// Packs the weights again, after training has changed them.
    pub(super) fn refresh(&mut self, cpu: Cpu, parameters: &Parameters) -> Result<()> {
        let parts: Vec<usize> = self.first.iter().map(Packed::n_in).collect();
        let shape = (self.rest.len(), self.norm.is_some());
        *self = Self::pack(cpu, parameters, &self.path, shape, &parts)?;
        Ok(())
    }

    fn pack(
        cpu: Cpu,
        parameters: &Parameters,
        path: &str,
        (layers, norm): (usize, bool),
        parts: &[usize],
    ) -> Result<Self> {
        let linear = |i: usize, what: &str| parameters.get(&linear_name(path, i, what));
        let part = |part: &str| -> Result<Vec<f32>> {
            Ok(values(parameters.get(&norm_name(path, part))?).to_vec())
        };
        let rest = (1..=layers).map(|i| {
            let (w, b) = (linear(i, "w")?, linear(i, "b")?);
            Ok(Linear {
                w: Packed::new(cpu, values(w), w.size()[1] as usize),
                b: values(b).to_vec(),
            })
        });
        Ok(Self {
            path: path.to_owned(),
            first: split(cpu, linear(0, "w")?, parts),
            bias: values(linear(0, "b")?).to_vec(),
            rest: rest.collect::<Result<_>>()?,
            norm: match norm {
                true => Some([part("scale")?, part("offset")?]),
                false => None,
            },
            d_out: linear(layers, "b")?.numel(),
        })
    }

    /// The transposed matrices: parts of the first layer, and the other layers. `parameters` are those it was made from.
    pub(super) fn transposed(&self, cpu: Cpu, parameters: &Parameters) -> Result<[Vec<Packed>; 2]> {
        let get = |i: usize| parameters.get(&linear_name(&self.path, i, "w"));
        let (all, columns) = (values(get(0)?), self.bias.len());
        let mut start = 0;
        let first = self.first.iter().map(|part| {
            let rows = &all[start * columns..(start + part.n_in()) * columns];
            start += part.n_in();
            Packed::transposed(cpu, rows, columns)
        });
        let first = first.collect();
        let rest = self.rest.iter().enumerate().map(|(i, linear)| {
            Ok(Packed::transposed(
                cpu,
                values(get(i + 1)?),
                linear.w.n_out(),
            ))
        });
        Ok([first, rest.collect::<Result<_>>()?])
    }

    /// The common part of the weights' names.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Parts of the first layer.
    pub(super) fn parts(&self) -> &[Packed] {
        &self.first
    }

    /// Weights and biases of the layers after the first.
    pub(super) fn rest(&self) -> impl ExactSizeIterator<Item = (&Packed, &[f32])> {
        self.rest.iter().map(|linear| (&linear.w, &linear.b[..]))
    }

    /// Scale and offset of the layer normalisation.
    pub(super) fn norm(&self) -> Option<[&[f32]; 2]> {
        self.norm
            .as_ref()
            .map(|norm| norm.each_ref().map(|v| &v[..]))
    }

    /// Values in a row of the result.
    pub(super) fn d_out(&self) -> usize {
        self.d_out
    }

    /// Part of the first layer.
    pub(super) fn part(&self, part: usize) -> &Packed {
        &self.first[part]
    }

    /// Bias of the first layer.
    pub(super) fn bias(&self) -> Start<'_> {
        Start::Row(&self.bias)
    }

    /// `work.x` times a part of the first layer.
    pub(super) fn enter(&self, part: usize, work: &mut Work, rows: usize, start: Start<'_>) {
        let single = self.rest.is_empty();
        let out = result(&mut work.latent, &mut work.output, single, self.d_out);
        product(&work.x, rows, &self.first[part], start, out);
    }

    /// The whole MLP on fixed features, in `work.latent`; `part` is theirs.
    pub(super) fn embed<'s>(
        &self,
        work: &mut Work,
        part: usize,
        rows: usize,
        source: impl Fn(usize) -> &'s [f32],
    ) {
        work.features.fill(0, rows, source);
        product(
            &work.features,
            rows,
            &self.first[part],
            self.bias(),
            &mut work.latent,
        );
        self.finish(work, rows, |_| []);
    }

    /// Everything after the first layer, in place; `more` is added to the first layer's result.
    pub(super) fn finish<'s, const N: usize>(
        &self,
        work: &mut Work,
        rows: usize,
        more: impl Fn(usize) -> [&'s [f32]; N],
    ) {
        let Work {
            hidden,
            latent,
            output,
            ..
        } = work;
        match self.rest.is_empty() {
            true => result(latent, output, true, self.d_out).add(rows, more),
            false => latent.activate(rows, more, hidden),
        }
        for (i, linear) in self.rest.iter().enumerate() {
            let last = i + 1 == self.rest.len();
            let out = result(latent, output, last, self.d_out);
            product(hidden, rows, &linear.w, Start::Row(&linear.b), out);
            if !last {
                latent.activate(rows, |_| [], hidden);
            }
        }
        if let Some([scale, shift]) = &self.norm {
            result(latent, output, true, self.d_out).normalize(rows, scale, shift);
        }
    }
}

/// Where a layer's result goes: hidden values and latents share a block, the decoder's output has its own.
fn result<'a>(
    latent: &'a mut Block,
    output: &'a mut Block,
    last: bool,
    d_out: usize,
) -> &'a mut Block {
    match last && d_out != latent.width() {
        true => output,
        false => latent,
    }
}

/// Name of a linear layer's weights, `w` or `b`.
pub(super) fn linear_name(path: &str, layer: usize, what: &str) -> String {
    format!("{path}_mlp/~/linear_{layer}:{what}")
}

/// Name of a layer normalisation's weights, `scale` or `offset`.
pub(super) fn norm_name(path: &str, what: &str) -> String {
    format!("{path}_layer_norm:{what}")
}

/// Cuts a matrix into its rows by part.
fn split(cpu: Cpu, w: &Tensor, parts: &[usize]) -> Vec<Packed> {
    let (columns, all) = (w.size()[1] as usize, values(w));
    let mut start = 0;
    parts
        .iter()
        .map(|&rows| {
            let part = &all[start * columns..(start + rows) * columns];
            start += rows;
            Packed::new(cpu, part, columns)
        })
        .collect()
}
