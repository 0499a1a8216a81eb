//! Encode, decode, differences.

use dropsonde_kernels::Operands;
use rayon::prelude::*;
use tch::Tensor;

use crate::encoder::{BLOCK_ROWS, Blocked, Encode};
use crate::matrix::{self, Matrix};
use crate::model::optional;
use crate::preprocess::{self, Frame};
use crate::topk::{self, Scratch};
use crate::train::Network;
use crate::{Activation, Codes, Error, Result, RowContext, Sae, kernels};

impl Sae {
    /// The codes of each row of `x`, and what preprocessing took out of it.
    ///
    /// With TopK there are `k` slots per row, else as many as the fullest row needs.
    ///
    /// # Shapes
    /// `x`: `[rows, d_in]`, any dtype and device (computed in f32 on the CPU).
    ///
    /// # Errors
    /// On another shape, or a row that is not finite.
    pub fn encode(&self, x: &Tensor) -> Result<(Codes, RowContext)> {
        let _guard = tch::no_grad_guard();
        self.check()?;
        let x = matrix::input("x", x, self.config.d_in)?;
        let x = matrix::values("x", &x)?;
        let network = self.network()?;
        let d = self.config.d_in;
        let n_rows = x.len() / d;
        let mut frames = vec![(0.0, 1.0); n_rows * self.config.n_sites];
        let encoder = Blocked::new(network.w_enc, d, Operands::F32);
        let rows: Vec<Vec<Slot>> = x
            .par_chunks(BLOCK_ROWS * d)
            .zip(frames.par_chunks_mut(BLOCK_ROWS * self.config.n_sites))
            .enumerate()
            .map_init(
                || {
                    (
                        vec![0.0; BLOCK_ROWS * d],
                        encoder.room(),
                        Scratch::default(),
                    )
                },
                |(input, product, scratch), (block, (x, frames))| {
                    let input = &mut input[..x.len()];
                    centred(&network, (x, block * BLOCK_ROWS), input, frames)?;
                    encoder.run(input, network.b_enc, product);
                    Ok((0..x.len() / d)
                        .map(|row| codes_of(&network, encoder.pieces(product, row), scratch))
                        .collect::<Vec<_>>())
                },
            )
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        Ok((self.pad(&rows), context(&frames)))
    }

    /// Sets the thresholds (jump ReLU) or the encoder's bias (ReLU, gated) so that about `l0` latents per row are active on `x`.
    ///
    /// Without it half of all latents are active at the beginning, and the first steps take long. Other activations are not
    /// changed. At most 1024 rows of `x` are looked at.
    ///
    /// # Shapes
    /// `x`: `[rows, d_in]`.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn start_at(&mut self, x: &Tensor, l0: f64) -> Result<()> {
        let key = match self.config.activation {
            Activation::JumpRelu { .. } => "threshold",
            Activation::Relu | Activation::Gated => "b_enc",
            Activation::TopK { .. } | Activation::BatchTopK { .. } => return Ok(()),
        };
        let _guard = tch::no_grad_guard();
        let x = matrix::input(
            "x",
            &x.narrow(0, 0, x.size()[0].min(1024)),
            self.config.d_in,
        )?;
        let x = matrix::values("x", &x)?;
        let network = self.network()?;
        let d = self.config.d_in;
        let encoder = Blocked::new(network.w_enc, d, Operands::F32);
        let mut room = encoder.room();
        let (mut all, mut input) = (Vec::new(), vec![0.0; BLOCK_ROWS * d]);
        let mut frames = vec![(0.0, 1.0); BLOCK_ROWS * self.config.n_sites];
        for (block, x) in x.chunks(BLOCK_ROWS * d).enumerate() {
            let (input, rows) = (&mut input[..x.len()], x.len() / d);
            let frames = &mut frames[..rows * self.config.n_sites];
            centred(&network, (x, block * BLOCK_ROWS), input, frames)?;
            encoder.run(input, &[], &mut room);
            for row in 0..rows {
                encoder
                    .pieces(&room, row)
                    .for_each(|piece| all.extend_from_slice(piece));
            }
        }
        let rows = x.len() / d;
        let n = ((rows as f64 * l0) as usize).min(all.len().saturating_sub(1));
        let (_, level, _) = all.select_nth_unstable_by(n, |a, b| b.total_cmp(a));
        let level = level.max(1e-6);
        let value = if key == "threshold" { level } else { -level };
        self.values_mut(key)?.fill(value);
        Ok(())
    }

    fn pad(&self, rows: &[Vec<Slot>]) -> Codes {
        let fullest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let k = match self.config.activation {
            Activation::TopK { k } => k,
            _ => fullest.max(1),
        };
        let mut codes = Codes::zeros(rows.len(), k);
        for (row, slots) in rows.iter().enumerate() {
            for (at, &(code, latent)) in slots.iter().enumerate() {
                codes.indices[row * k + at] = latent;
                codes.values[row * k + at] = code;
            }
        }
        codes
    }

    /// The weights as slices.
    pub(crate) fn network(&self) -> Result<Network<'_, f32>> {
        Ok(Network {
            config: &self.config,
            w_enc: matrix::values("w_enc", &self.w_enc)?,
            w_dec: matrix::values("w_dec", &self.w_dec)?,
            b_dec: matrix::values("b_dec", &self.b_dec)?,
            b_enc: optional("b_enc", self.b_enc.as_ref())?,
            threshold: optional("threshold", self.threshold.as_ref())?,
            gate: self.gates()?,
        })
    }

    /// The reconstruction of the latents, `mean + norm * (codes . w_dec + b_dec)`.
    ///
    /// # Shapes
    /// Result: `[n_rows, d_out]`.
    ///
    /// # Errors
    /// When the lengths disagree or a feature does not exist.
    pub fn decode(&self, codes: &Codes, context: &RowContext) -> Result<Tensor> {
        let b_dec = matrix::values("b_dec", &self.b_dec)?;
        self.decode_rows(codes, context, |out, frames| {
            kernels::add(out, b_dec);
            let width = out.len() / frames.len();
            for (out, (mean, norm)) in out.chunks_mut(width).zip(frames) {
                kernels::affine(out, *norm, *mean);
            }
        })
    }

    /// The reconstruction of the preprocessed rows, `codes . w_dec + b_dec`.
    ///
    /// # Shapes
    /// Result: `[n_rows, d_out]`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_normalised(&self, codes: &Codes) -> Result<Tensor> {
        self.decode(
            codes,
            &RowContext::identity(codes.n_rows * self.config.n_sites),
        )
    }

    /// What a difference of codes is in the latents, `norm * (delta . w_dec)`: no mean, no bias.
    ///
    /// Rows whose values are all zero are exactly zero.
    ///
    /// # Shapes
    /// Result: `[n_rows, d_out]`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_delta(&self, delta: &Codes, context: &RowContext) -> Result<Tensor> {
        self.decode_rows(delta, context, |out, frames| {
            let width = out.len() / frames.len();
            for (out, (_, norm)) in out.chunks_mut(width).zip(frames) {
                kernels::scale(out, *norm);
            }
        })
    }

    /// Preprocessed rows as the encoder sees them before the bias is taken off, for metrics.
    ///
    /// # Shapes
    /// `x`, result: `[rows, d_in]`.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn preprocess(&self, x: &Tensor) -> Result<(Tensor, RowContext)> {
        let d = self.config.d_in;
        let x = matrix::input("x", x, d)?;
        let n_rows = x.size()[0] as usize;
        let mut out = Matrix::zeros(n_rows, d);
        let mut frames = vec![(0.0, 1.0); n_rows * self.config.n_sites];
        let x = (matrix::values("x", &x)?, 0);
        preprocess::rows(&self.config, x, out.as_mut_slice(), &mut frames)?;
        Ok((out.into_tensor(), context(&frames)))
    }

    fn decode_rows(
        &self,
        codes: &Codes,
        context: &RowContext,
        finish: impl Fn(&mut [f32], &[Frame<f32>]) + Sync,
    ) -> Result<Tensor> {
        self.config.check()?;
        codes.check(self.config.n_latents)?;
        let n_sites = self.config.n_sites;
        context.check(codes.n_rows * n_sites)?;
        let frames: Vec<Frame<f32>> = context
            .mean
            .iter()
            .copied()
            .zip(context.norm.iter().copied())
            .collect();
        let (d, k) = (self.config.d_out, codes.k);
        let w_dec = matrix::values("w_dec", &self.w_dec)?;
        if w_dec.len() != self.config.n_latents * d {
            return Err(Error::Shape {
                name: "w_dec".into(),
                expected: format!("[{}, {d}]", self.config.n_latents),
                found: self.w_dec.size(),
            });
        }
        let ones = vec![1.0; self.config.n_latents];
        let mut out = Matrix::zeros(codes.n_rows, d);
        out.as_mut_slice()
            .par_chunks_mut(d)
            .zip(frames.par_chunks(n_sites))
            .enumerate()
            .for_each(|(row, (out, frames))| {
                let slots = row * k..(row + 1) * k;
                let codes = (&codes.indices[slots.clone()], &codes.values[slots]);
                kernels::combine(codes, &ones, w_dec, out);
                finish(out, frames);
            });
        Ok(out.into_tensor())
    }
}

/// Preprocesses rows and takes the shared bias off.
fn centred(
    network: &Network<'_, f32>,
    x: (&[f32], usize),
    out: &mut [f32],
    frames: &mut [Frame<f32>],
) -> Result<()> {
    let config = network.config;
    preprocess::rows(config, x, out, frames)?;
    if config.bias.is_shared() {
        for row in out.chunks_mut(config.d_in) {
            kernels::subtract(row, network.b_dec);
        }
    }
    Ok(())
}

/// The codes of one row, by descending code, ties by lower latent.
fn codes_of<'a>(
    network: &Network<'_, f32>,
    pieces: impl Iterator<Item = &'a [f32]> + Clone,
    scratch: &mut Scratch<f32>,
) -> Vec<Slot> {
    let slot = |&key: &u64| <f32 as crate::real::Real>::of_key(key);
    if let Activation::TopK { k } = network.config.activation {
        let keys = topk::top_k(pieces, k, scratch);
        return keys.iter().map(slot).collect();
    }
    let bound = match network.config.activation {
        Activation::BatchTopK { .. } => network.threshold[0],
        _ => 0.0,
    };
    let (mut keys, mut first) = (Vec::new(), 0);
    for piece in pieces {
        topk::collect(piece, bound, first, &mut keys);
        first += piece.len();
    }
    let mut codes: Vec<Slot> = keys
        .iter()
        .map(|key| {
            let (pre, latent) = slot(key);
            (network.code(latent as usize, pre), latent)
        })
        .filter(|(code, _)| *code != 0.0)
        .collect();
    codes.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    codes
}

/// A code and its latent.
type Slot = (f32, u32);

fn context(frames: &[Frame<f32>]) -> RowContext {
    let (mean, norm) = frames.iter().copied().unzip();
    RowContext { mean, norm }
}
