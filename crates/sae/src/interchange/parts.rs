//! An autoencoder as plain arrays, and the ways to write the same function with other numbers.

use crate::model::optional;
use crate::{
    Activation, Bias, Error, Preprocessing, Result, Sae, SaeConfig, SaeMeta, kernels, matrix,
};

/// Norms that differ from 1 by less than this are those of unit rows in f32.
const UNIT: f32 = 1e-5;

/// The tensors of a [`Sae`]; those it does not have are empty.
pub(super) struct Parts {
    pub(super) config: SaeConfig,
    pub(super) meta: SaeMeta,
    /// `[n_latents, d_in]`.
    pub(super) w_enc: Vec<f32>,
    /// `[n_latents, d_out]`.
    pub(super) w_dec: Vec<f32>,
    pub(super) b_dec: Vec<f32>,
    pub(super) b_enc: Vec<f32>,
    pub(super) threshold: Vec<f32>,
    /// `r` and `m`.
    pub(super) gate: [Vec<f32>; 2],
}

impl Parts {
    /// The two matrices in our layout, with zero biases.
    ///
    /// # Errors
    /// When their shapes do not fit each other.
    pub(super) fn new(
        config: SaeConfig,
        w_enc: Vec<f32>,
        w_dec: Vec<f32>,
        b_dec: Vec<f32>,
    ) -> Self {
        Self {
            b_enc: match config.bias.has_encoder() {
                true => vec![0.0; config.n_latents],
                false => Vec::new(),
            },
            config,
            meta: SaeMeta::default(),
            w_enc,
            w_dec,
            b_dec,
            threshold: Vec::new(),
            gate: [Vec::new(), Vec::new()],
        }
    }

    pub(super) fn of(sae: &Sae) -> Result<Self> {
        sae.check()?;
        let [r, m] = sae.gates()?;
        Ok(Self {
            config: sae.config.clone(),
            meta: sae.meta.clone(),
            w_enc: matrix::values("w_enc", &sae.w_enc)?.to_vec(),
            w_dec: matrix::values("w_dec", &sae.w_dec)?.to_vec(),
            b_dec: matrix::values("b_dec", &sae.b_dec)?.to_vec(),
            b_enc: optional("b_enc", sae.b_enc.as_ref())?.to_vec(),
            threshold: optional("threshold", sae.threshold.as_ref())?.to_vec(),
            gate: [r.to_vec(), m.to_vec()],
        })
    }

    /// The autoencoder, with the decoder as it is.
    pub(super) fn into_sae(self) -> Result<Sae> {
        self.config.check()?;
        let n = self.config.n_latents;
        let [r, m] = self.gate;
        let all = [
            ("w_enc", self.w_enc, vec![n, self.config.d_in]),
            ("w_dec", self.w_dec, vec![n, self.config.d_out]),
            ("b_dec", self.b_dec, vec![self.config.d_out]),
            ("b_enc", self.b_enc, vec![n]),
            ("gate_r", r, vec![n]),
            ("gate_m", m, vec![n]),
        ];
        let threshold = ("threshold", vec![self.threshold.len()], self.threshold);
        let mut tensors = Vec::new();
        let all = all
            .into_iter()
            .map(|(name, values, shape)| (name, shape, values));
        for (name, shape, values) in all.chain([threshold]) {
            if values.is_empty() {
                continue;
            }
            if values.len() != shape.iter().product::<usize>() {
                return Err(Error::Shape {
                    name: name.into(),
                    expected: format!("{shape:?}"),
                    found: vec![values.len() as i64],
                });
            }
            let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
            tensors.push((name.to_owned(), matrix::tensor(&values, &shape)));
        }
        Sae::from_raw(self.config, tensors, self.meta)
    }

    /// The same function on rows in units `factor` times smaller: `u -> factor * u`. Codes stay as they are.
    pub(super) fn stretch(&mut self, factor: f64) {
        let times = |values: &mut [f32], factor: f64| {
            for x in values {
                *x = (f64::from(*x) * factor) as f32;
            }
        };
        times(&mut self.w_enc, 1.0 / factor);
        times(&mut self.w_dec, factor);
        times(&mut self.b_dec, factor);
    }

    /// The same function with the biases in other places; `Shared` asks for an encoder bias of zero, and says false without it.
    pub(super) fn move_bias(&mut self, bias: Bias) -> bool {
        let sign = match (self.config.bias.is_shared(), bias.is_shared()) {
            (true, false) => -1.0,
            (false, true) => 1.0,
            _ => 0.0,
        };
        if self.b_enc.is_empty() {
            self.b_enc = vec![0.0; self.config.n_latents];
        }
        if sign != 0.0 {
            let [r, m] = &mut self.gate;
            let rows = self.w_enc.chunks(self.config.d_in.max(1));
            for (i, (row, b)) in rows.zip(&mut self.b_enc).enumerate() {
                let products = row.iter().zip(&self.b_dec);
                let dot = products
                    .map(|(w, b)| f64::from(*w) * f64::from(*b))
                    .sum::<f64>();
                let shift = sign * dot;
                *b = (f64::from(*b) + shift) as f32;
                // `r (p - b) + m` with another `b` but the same `p`.
                if let (Some(r), Some(m)) = (r.get(i), m.get_mut(i)) {
                    *m = (f64::from(*m) + f64::from(*r).exp() * shift) as f32;
                }
            }
        }
        self.config.bias = if bias.is_shared() {
            Bias::SharedAndEncoder
        } else {
            bias
        };
        if bias == Bias::Shared {
            if self.b_enc.iter().any(|&b| b != 0.0) {
                return false;
            }
            (self.b_enc, self.config.bias) = (Vec::new(), bias);
        }
        true
    }

    pub(super) fn decoder_norms(&self) -> Vec<f32> {
        let rows = self.w_dec.chunks(self.config.d_out.max(1));
        rows.map(|row| kernels::dot(row, row).sqrt()).collect()
    }

    /// Smallest and largest norm of a decoder row where they are not all 1.
    pub(super) fn not_unit(&self) -> Option<(f32, f32)> {
        let norms = self.decoder_norms();
        let least = norms.iter().copied().fold(f32::INFINITY, f32::min);
        let most = norms.iter().copied().fold(0.0, f32::max);
        (least < 1.0 - UNIT || most > 1.0 + UNIT).then_some((least, most))
    }

    /// Divides each decoder row by its norm, at least 1e-8.
    pub(super) fn divide_decoder(&mut self) {
        for row in self.w_dec.chunks_mut(self.config.d_out.max(1)) {
            kernels::unit(row);
        }
    }

    /// Unit decoder rows, their norms put into the codes: the reconstruction stays, each code is multiplied by a norm.
    ///
    /// For top-k this chooses other latents, unless it chose after such a multiplication already.
    pub(super) fn fold_norms(&mut self) {
        let norms = self.decoder_norms();
        self.divide_decoder();
        for (row, norm) in self.w_enc.chunks_mut(self.config.d_in.max(1)).zip(&norms) {
            row.iter_mut().for_each(|w| *w *= norm);
        }
        let [_, m] = &mut self.gate;
        for values in [&mut self.b_enc, m] {
            values
                .iter_mut()
                .zip(&norms)
                .for_each(|(x, norm)| *x *= norm);
        }
        if self.threshold.len() == norms.len() {
            let thresholds = self.threshold.iter_mut().zip(&norms);
            thresholds.for_each(|(x, norm)| *x *= norm);
        }
    }

    /// The frame of a format whose rows have none: a number of the whole data set is multiplied in.
    ///
    /// # Errors
    /// With preprocessing of each row, which is what is returned.
    pub(super) fn without_frame(&mut self) -> Result<(), Preprocessing> {
        match self.config.preprocessing {
            Preprocessing::None => Ok(()),
            Preprocessing::Scale(scale) => {
                self.stretch(scale.into());
                self.config.preprocessing = Preprocessing::None;
                Ok(())
            }
            other => Err(other),
        }
    }
}

impl Sae {
    /// The same reconstruction from unit decoder rows: each row's norm is put into the code of its latent.
    ///
    /// Imported autoencoders keep the decoder of their file, and so its codes; this makes codes comparable between latents.
    ///
    /// # Errors
    /// For TopK and BatchTopK, which would choose other latents; and when a tensor is not what the configuration says.
    pub fn with_unit_decoder(&self) -> Result<Self> {
        let mut parts = Parts::of(self)?;
        if parts.not_unit().is_none() {
            return Ok(self.copy());
        }
        if let Activation::TopK { .. } | Activation::BatchTopK { .. } = self.config.activation {
            return Err(Error::Config {
                key: "activation",
                found: self.config.activation.name().into(),
                expected: "one that chooses each latent by itself: top-k with codes in other units chooses other latents".into(),
            });
        }
        parts.fold_norms();
        parts.into_sae()
    }
}
