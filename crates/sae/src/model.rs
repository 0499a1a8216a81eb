//! The autoencoder: encode, decode, differences.

use dropsonde_activations::Rng;
use rayon::prelude::*;
use tch::Tensor;

use crate::kernels::{self, dispatch};
use crate::matrix::{self, Matrix};
use crate::topk::{self, Scratch};
use crate::{Codes, Error, Result, RowContext, SaeConfig, SaeMeta, preprocess};

/// Rows encoded at a time: the pre-activations of a chunk stay in the outer caches.
const CHUNK_ROWS: usize = 1024;

/// A TopK sparse autoencoder.
#[derive(Debug)]
pub struct Sae {
    /// Its shape.
    pub config: SaeConfig,
    /// Encoder, `[n_latents, d_in]`, f32 on the CPU.
    pub w_enc: Tensor,
    /// Decoder, `[n_latents, d_in]`, rows of unit norm, f32 on the CPU.
    pub w_dec: Tensor,
    /// Shared bias, `[d_in]`: taken off before the encoder, added after the decoder.
    pub b_pre: Tensor,
    /// Where it comes from.
    pub meta: SaeMeta,
}

impl Sae {
    /// Random unit decoder rows, encoder equal to the decoder, zero bias (the published initialisation).
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub fn random(config: SaeConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let (n, d) = (config.n_latents as i64, config.d_in as i64);
        let mut rng = Rng::new(seed);
        let dec: Vec<f32> = (0..n * d).map(|_| rng.normal()).collect();
        let dec = matrix::tensor(&dec, &[n, d]);
        let meta = SaeMeta {
            seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..SaeMeta::default()
        };
        let mut sae = Self::from_parts(
            config,
            [dec.copy(), dec, Tensor::zeros([d], tch::kind::FLOAT_CPU)],
            meta,
        )?;
        sae.w_enc = sae.w_dec.copy();
        Ok(sae)
    }

    /// An autoencoder from its tensors `[w_enc, w_dec, b_pre]`; the decoder rows are brought to unit norm.
    ///
    /// # Errors
    /// When the configuration is not valid or a tensor has another shape.
    pub fn from_parts(config: SaeConfig, tensors: [Tensor; 3], meta: SaeMeta) -> Result<Self> {
        config.check()?;
        let (n, d) = (config.n_latents as i64, config.d_in as i64);
        let shapes: [(&str, &[i64]); 3] = [("w_enc", &[n, d]), ("w_dec", &[n, d]), ("b_pre", &[d])];
        for ((name, shape), tensor) in shapes.into_iter().zip(&tensors) {
            if tensor.size() != shape {
                let expected = format!("{shape:?}");
                return Err(Error::Shape {
                    name: name.into(),
                    expected,
                    found: tensor.size(),
                });
            }
        }
        let own = |t: Tensor| {
            t.detach()
                .to_device(tch::Device::Cpu)
                .to_kind(tch::Kind::Float)
                .contiguous()
                .copy()
        };
        let [w_enc, w_dec, b_pre] = tensors.map(own);
        let mut sae = Self {
            config,
            w_enc,
            w_dec,
            b_pre,
            meta,
        };
        sae.renormalise()?;
        Ok(sae)
    }

    /// Divides each decoder row by `max(norm, 1e-8)`.
    pub(crate) fn renormalise(&mut self) -> Result<()> {
        let d = self.config.d_in;
        matrix::values_mut("w_dec", &mut self.w_dec)?
            .par_chunks_mut(d)
            .for_each(kernels::unit);
        Ok(())
    }

    /// The codes of each row of `x`, and what preprocessing took out of it.
    ///
    /// # Shapes
    /// `x`: `[rows, d_in]`, any dtype and device (computed in f32 on the CPU).
    ///
    /// # Errors
    /// On another shape, or a row that is not finite.
    pub fn encode(&self, x: &Tensor) -> Result<(Codes, RowContext)> {
        let _guard = tch::no_grad_guard();
        let (d, k) = (self.config.d_in, self.config.k);
        let x = matrix::input("x", x, d)?;
        let n_rows = x.size()[0] as usize;
        let (x, b_pre) = (
            matrix::values("x", &x)?,
            matrix::values("b_pre", &self.b_pre)?,
        );
        let w_enc_t = self.w_enc.tr();
        let chunk = CHUNK_ROWS.min(n_rows);
        let (mut input, pre) = (
            Matrix::zeros(chunk, d),
            Matrix::zeros(chunk, self.config.n_latents),
        );
        let mut codes = Codes::zeros(n_rows, k);
        let mut context = RowContext {
            mean: vec![0.0; n_rows],
            norm: vec![0.0; n_rows],
        };
        for start in (0..n_rows).step_by(CHUNK_ROWS) {
            let end = n_rows.min(start + CHUNK_ROWS);
            let rows = end - start;
            let out = &mut input.as_mut_slice()[..rows * d];
            let row_context = (&mut context.mean[start..end], &mut context.norm[start..end]);
            preprocess::rows(
                self.config.preprocessing,
                (&x[start * d..end * d], d, start),
                out,
                row_context,
            )?;
            out.par_chunks_mut(d)
                .for_each(|row| kernels::subtract(row, b_pre));
            let _ = input.head(rows).f_matmul_out(&pre.head(rows), &w_enc_t)?;
            let slots = start * k..end * k;
            let out = (&mut codes.indices[slots.clone()], &mut codes.values[slots]);
            select(&pre.as_slice()[..rows * self.config.n_latents], k, out);
        }
        Ok((codes, context))
    }

    /// The reconstruction of the latents, `mean + norm * (codes . w_dec + b_pre)`.
    ///
    /// # Shapes
    /// Result: `[n_rows, d_in]`.
    ///
    /// # Errors
    /// When the lengths disagree or a feature does not exist.
    pub fn decode(&self, codes: &Codes, context: &RowContext) -> Result<Tensor> {
        context.check(codes.n_rows)?;
        let b_pre = matrix::values("b_pre", &self.b_pre)?;
        self.decode_rows(codes, |row, out| {
            kernels::affine(out, b_pre, (context.norm[row], context.mean[row]));
        })
    }

    /// The reconstruction of the preprocessed rows, `codes . w_dec + b_pre`.
    ///
    /// # Shapes
    /// Result: `[n_rows, d_in]`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_normalised(&self, codes: &Codes) -> Result<Tensor> {
        self.decode(codes, &RowContext::identity(codes.n_rows))
    }

    /// What a difference of codes is in the latents, `norm * (delta . w_dec)`: no mean, no bias.
    ///
    /// Rows whose values are all zero are exactly zero.
    ///
    /// # Shapes
    /// Result: `[n_rows, d_in]`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_delta(&self, delta: &Codes, context: &RowContext) -> Result<Tensor> {
        context.check(delta.n_rows)?;
        self.decode_rows(delta, |row, out| kernels::scale(out, context.norm[row]))
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
        let mut context = RowContext {
            mean: vec![0.0; n_rows],
            norm: vec![0.0; n_rows],
        };
        let row_context = (&mut context.mean[..], &mut context.norm[..]);
        preprocess::rows(
            self.config.preprocessing,
            (matrix::values("x", &x)?, d, 0),
            out.as_mut_slice(),
            row_context,
        )?;
        Ok((out.into_tensor(), context))
    }

    fn decode_rows(
        &self,
        codes: &Codes,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Tensor> {
        codes.check(self.config.n_latents)?;
        let (d, k) = (self.config.d_in, codes.k);
        let w_dec = matrix::values("w_dec", &self.w_dec)?;
        let mut out = Matrix::zeros(codes.n_rows, d);
        out.as_mut_slice()
            .par_chunks_mut(d)
            .enumerate()
            .for_each(|(row, out)| {
                let slots = row * k..(row + 1) * k;
                combine(
                    &codes.indices[slots.clone()],
                    &codes.values[slots],
                    w_dec,
                    out,
                );
                finish(row, out);
            });
        Ok(out.into_tensor())
    }
}

/// Top-k of every row of `pre`, `[rows, n_latents]`.
fn select(pre: &[f32], k: usize, (indices, values): (&mut [u32], &mut [f32])) {
    let n_latents = pre.len() * k / indices.len();
    let slots = indices.par_chunks_mut(k).zip(values.par_chunks_mut(k));
    pre.par_chunks(n_latents).zip(slots).for_each_init(
        Scratch::default,
        |scratch, (row, (indices, values))| {
            topk::top_k(row, indices, values, scratch);
        },
    );
}

#[inline(always)]
fn combine_body(indices: &[u32], values: &[f32], w: &[f32], out: &mut [f32]) {
    let d = out.len();
    for (&index, &value) in indices.iter().zip(values) {
        if value != 0.0 {
            kernels::axpy(out, value, &w[index as usize * d..][..d]);
        }
    }
}

dispatch! {
    /// `out += sum_s values_s w[indices_s]`, in slot order, zeros skipped.
    fn combine(indices: &[u32], values: &[f32], w: &[f32], out: &mut [f32]) = combine_body
}
