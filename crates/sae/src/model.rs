//! The autoencoder and its tensors.

use dropsonde_activations::Rng;
use rayon::prelude::*;
use tch::Tensor;

use crate::matrix;
use crate::{Activation, Error, Result, SaeConfig, SaeMeta, kernels};

/// Where the thresholds of jump ReLU begin (Rajamanoharan et al. 2024, arXiv 2407.14435).
const FIRST_THRESHOLD: f64 = 1e-3;

/// A sparse autoencoder, transcoder or crosscoder.
///
/// All tensors are f32 on the CPU.
#[derive(Debug)]
pub struct Sae {
    /// Its shape.
    pub config: SaeConfig,
    /// Encoder, `[n_latents, d_in]`.
    pub w_enc: Tensor,
    /// Decoder, `[n_latents, d_out]`; rows of unit norm, unless imported from a file with others.
    pub w_dec: Tensor,
    /// Bias added after the decoder, and taken off before the encoder where it is shared (the paper's `b_pre`), `[d_out]`.
    pub b_dec: Tensor,
    /// Bias of the encoder, `[n_latents]`.
    pub b_enc: Option<Tensor>,
    /// Jump ReLU: a threshold for each latent, `[n_latents]`; batch top-k: one for all, `[1]`.
    pub threshold: Option<Tensor>,
    /// Gated: `r` and `m`, `[n_latents]` each.
    pub gate: Option<[Tensor; 2]>,
    /// Where it comes from.
    pub meta: SaeMeta,
}

impl Sae {
    /// Random unit decoder rows, encoder equal to the decoder, zero biases (the published initialisation).
    ///
    /// A transcoder's encoder has random unit rows of its own. Thresholds begin at 0.001, gates without a scale.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub fn random(config: SaeConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let mut rng = Rng::new(seed);
        let mut rows = |d: usize| {
            let mut values: Vec<f32> = (0..config.n_latents * d).map(|_| rng.normal()).collect();
            values.par_chunks_mut(d).for_each(kernels::unit);
            matrix::tensor(&values, &[config.n_latents as i64, d as i64])
        };
        let w_dec = rows(config.d_out);
        let w_enc = match config.transcoder {
            true => rows(config.d_in),
            false => w_dec.copy(),
        };
        let mut sae = Self::plain(config, [w_enc, w_dec]);
        sae.meta = SaeMeta {
            seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..SaeMeta::default()
        };
        Ok(sae)
    }

    /// An autoencoder of two matrices `[w_enc, w_dec]`, with the biases and thresholds of the beginning.
    fn plain(config: SaeConfig, [w_enc, w_dec]: [Tensor; 2]) -> Self {
        let zeros = |n: usize| Tensor::zeros([n as i64], tch::kind::FLOAT_CPU);
        let n = config.n_latents;
        Self {
            w_enc,
            w_dec,
            b_dec: zeros(config.d_out),
            b_enc: config.bias.has_encoder().then(|| zeros(n)),
            threshold: match config.activation {
                Activation::JumpRelu { .. } => Some(zeros(n) + FIRST_THRESHOLD),
                Activation::BatchTopK { .. } => Some(zeros(1)),
                Activation::TopK { .. } | Activation::Gated | Activation::Relu => None,
            },
            gate: (config.activation == Activation::Gated).then(|| [zeros(n), zeros(n)]),
            config,
            meta: SaeMeta::default(),
        }
    }

    /// An autoencoder from tensors by the names of [`Self::named`]; the decoder rows are brought to unit norm.
    ///
    /// `w_enc`, `w_dec` and `b_dec` must be there; missing others begin as in [`Self::random`].
    ///
    /// # Errors
    /// When the configuration is not valid, a tensor has another shape, or is not one of this configuration.
    pub fn from_tensors(
        config: SaeConfig,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
        meta: SaeMeta,
    ) -> Result<Self> {
        let mut sae = Self::from_raw(config, tensors, meta)?;
        sae.renormalise()?;
        Ok(sae)
    }

    /// As [`Self::from_tensors`], with the decoder as it is.
    pub(crate) fn from_raw(
        config: SaeConfig,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
        meta: SaeMeta,
    ) -> Result<Self> {
        config.check()?;
        let empty = || Tensor::zeros([0], tch::kind::FLOAT_CPU);
        let mut sae = Self::plain(config, [empty(), empty()]);
        sae.meta = meta;
        let shapes = sae.shapes();
        let mut missing = vec!["w_enc", "w_dec", "b_dec"];
        for (name, tensor) in tensors {
            let Some((key, shape)) = shapes.iter().find(|(key, _)| *key == name) else {
                let names: Vec<&str> = shapes.iter().map(|(key, _)| *key).collect();
                return Err(Error::Tensor {
                    name,
                    expected: format!("one of `{}`", names.join("`, `")),
                });
            };
            if tensor.size() != *shape {
                return Err(Error::Shape {
                    name,
                    expected: format!("{shape:?}"),
                    found: tensor.size(),
                });
            }
            missing.retain(|name| name != key);
            sae.set(key, own(&tensor)?);
        }
        match missing.first() {
            Some(name) => Err(Error::Tensor {
                name: (*name).to_owned(),
                expected: "among the tensors".into(),
            }),
            None => Ok(sae),
        }
    }

    /// Name and shape of every tensor of this configuration.
    fn shapes(&self) -> Vec<(&'static str, Vec<i64>)> {
        let (n, d_in, d_out) = (
            self.config.n_latents as i64,
            self.config.d_in as i64,
            self.config.d_out as i64,
        );
        let mut shapes = vec![
            ("w_enc", vec![n, d_in]),
            ("w_dec", vec![n, d_out]),
            ("b_dec", vec![d_out]),
        ];
        if self.config.bias.has_encoder() {
            shapes.push(("b_enc", vec![n]));
        }
        match self.config.activation {
            Activation::JumpRelu { .. } => shapes.push(("threshold", vec![n])),
            Activation::BatchTopK { .. } => shapes.push(("threshold", vec![1])),
            Activation::Gated => shapes.extend([("gate_r", vec![n]), ("gate_m", vec![n])]),
            Activation::TopK { .. } | Activation::Relu => {}
        }
        shapes
    }

    fn set(&mut self, name: &str, tensor: Tensor) {
        match (name, &mut self.gate) {
            ("w_enc", _) => self.w_enc = tensor,
            ("w_dec", _) => self.w_dec = tensor,
            ("b_dec", _) => self.b_dec = tensor,
            ("b_enc", _) => self.b_enc = Some(tensor),
            ("threshold", _) => self.threshold = Some(tensor),
            ("gate_r", Some([r, _])) => *r = tensor,
            ("gate_m", Some([_, m])) => *m = tensor,
            _ => {}
        }
    }

    /// Every tensor with its name: `w_enc`, `w_dec`, `b_dec`, and `b_enc`, `threshold`, `gate_r`, `gate_m` where there are.
    pub fn named(&self) -> Vec<(&'static str, &Tensor)> {
        let mut named = vec![
            ("w_enc", &self.w_enc),
            ("w_dec", &self.w_dec),
            ("b_dec", &self.b_dec),
        ];
        named.extend(self.b_enc.as_ref().map(|t| ("b_enc", t)));
        named.extend(self.threshold.as_ref().map(|t| ("threshold", t)));
        if let Some([r, m]) = &self.gate {
            named.extend([("gate_r", r), ("gate_m", m)]);
        }
        named
    }

    /// Divides each decoder row by `max(norm, 1e-8)`.
    pub(crate) fn renormalise(&mut self) -> Result<()> {
        let d = self.config.d_out;
        matrix::values_mut("w_dec", &mut self.w_dec)?
            .par_chunks_mut(d)
            .for_each(kernels::unit);
        Ok(())
    }

    /// The values of one of [`Self::named`], to be written.
    pub(crate) fn values_mut(&mut self, name: &str) -> Result<&mut [f32]> {
        let tensor = match (name, &mut self.gate) {
            ("w_enc", _) => Some(&mut self.w_enc),
            ("w_dec", _) => Some(&mut self.w_dec),
            ("b_dec", _) => Some(&mut self.b_dec),
            ("b_enc", _) => self.b_enc.as_mut(),
            ("threshold", _) => self.threshold.as_mut(),
            ("gate_r", Some([r, _])) => Some(r),
            ("gate_m", Some([_, m])) => Some(m),
            _ => None,
        };
        match tensor {
            Some(tensor) => matrix::values_mut(name, tensor),
            None => Err(Error::Tensor {
                name: name.to_owned(),
                expected: "among the tensors".into(),
            }),
        }
    }

    /// The values of the gates; none are empty slices.
    pub(crate) fn gates(&self) -> Result<[&[f32]; 2]> {
        match &self.gate {
            Some([r, m]) => Ok([matrix::values("gate_r", r)?, matrix::values("gate_m", m)?]),
            None => Ok([&[]; 2]),
        }
    }

    /// Checks that every tensor is what the configuration says; public fields may have been changed.
    pub(crate) fn check(&self) -> Result<()> {
        self.config.check()?;
        let named = self.named();
        for (name, shape) in self.shapes() {
            let found = named.iter().find(|(key, _)| *key == name);
            match found {
                Some((_, tensor)) if tensor.size() == shape => {}
                found => {
                    return Err(Error::Shape {
                        name: name.into(),
                        expected: format!("{shape:?}"),
                        found: found.map_or(Vec::new(), |(_, tensor)| tensor.size()),
                    });
                }
            }
        }
        Ok(())
    }

    /// An independent copy.
    pub fn copy(&self) -> Self {
        Self {
            config: self.config.clone(),
            w_enc: self.w_enc.copy(),
            w_dec: self.w_dec.copy(),
            b_dec: self.b_dec.copy(),
            b_enc: self.b_enc.as_ref().map(Tensor::copy),
            threshold: self.threshold.as_ref().map(Tensor::copy),
            gate: self.gate.as_ref().map(|[r, m]| [r.copy(), m.copy()]),
            meta: self.meta.clone(),
        }
    }

    /// The decoder row of one feature, `[d_out]`, unit norm: its direction in the preprocessed latents.
    ///
    /// # Errors
    /// When the feature does not exist.
    pub fn direction(&self, feature: u32) -> Result<Tensor> {
        if feature as usize >= self.config.n_latents {
            return Err(Error::Feature {
                feature,
                n_latents: self.config.n_latents,
            });
        }
        Ok(self.w_dec.get(i64::from(feature)).copy())
    }
}

/// A contiguous f32 copy on the CPU.
fn own(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor
        .detach()
        .f_to_device(tch::Device::Cpu)?
        .f_to_kind(tch::Kind::Float)?
        .f_contiguous()?
        .copy())
}

/// The values of an optional tensor; none are an empty slice.
pub(crate) fn optional<'a>(name: &str, tensor: Option<&'a Tensor>) -> Result<&'a [f32]> {
    tensor.map_or(Ok(&[]), |tensor| matrix::values(name, tensor))
}
