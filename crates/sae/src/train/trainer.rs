//! The training step.

use rayon::prelude::*;
use tch::Tensor;

use super::adam::{self, Adam, Row};
use super::backward;
use super::config::{AuxDecoder, TrainConfig};
use super::forward::{Model, Workspace};
use crate::{Error, Result, Sae, kernels, matrix};

/// What one step reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// `main + aux_weight * aux`.
    pub total: f64,
    /// Mean over rows of the squared error over the squared norm, in the preprocessed space.
    pub main: f64,
    /// The same of the auxiliary reconstruction against the residual; 0 while no latent is dead.
    pub aux: f64,
    /// Mean number of active latents per row.
    pub l0: f64,
    /// Latents that counted as dead in this step.
    pub n_dead: usize,
}

/// Dense gradients of one batch, for checks; a step never makes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// With respect to the encoder, `[n_latents, d_in]`.
    pub w_enc: Vec<f32>,
    /// With respect to the decoder, `[n_latents, d_in]`, before the projection.
    pub w_dec: Vec<f32>,
    /// The same after the projection, `[n_latents, d_in]`.
    pub w_dec_projected: Vec<f32>,
    /// With respect to the bias, `[d_in]`.
    pub b_pre: Vec<f32>,
}

/// First and second moments of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) m: Vec<f32>,
    pub(crate) v: Vec<f32>,
}

impl Moments {
    pub(crate) fn zeros(n: usize) -> Self {
        Self {
            m: vec![0.0; n],
            v: vec![0.0; n],
        }
    }
}

/// Trains an autoencoder one batch at a time; the loop belongs to the caller.
pub struct Trainer {
    pub(crate) sae: Sae,
    pub(crate) config: TrainConfig,
    pub(crate) step: u64,
    pub(crate) miss_counts: Vec<u64>,
    pub(crate) dead: Vec<bool>,
    pub(crate) enc: Moments,
    pub(crate) dec: Moments,
    pub(crate) bias: Moments,
    work: Workspace,
}

/// The per-step numbers derived from the weights.
struct Derived {
    inverse_norms: Vec<f32>,
    aux_scale: Vec<f32>,
    dead: Vec<u32>,
}

impl Trainer {
    /// Starts training at step 0.
    ///
    /// # Errors
    /// When a configuration is not valid.
    pub fn new(sae: Sae, config: TrainConfig) -> Result<Self> {
        sae.config.check()?;
        config.check()?;
        let (n, d) = (sae.config.n_latents, sae.config.d_in);
        sae.named_tensors()?;
        Ok(Self {
            config,
            step: 0,
            miss_counts: vec![0; n],
            dead: vec![false; n],
            enc: Moments::zeros(n * d),
            dec: Moments::zeros(n * d),
            bias: Moments::zeros(d),
            work: Workspace::new(d, n),
            sae,
        })
    }

    /// The autoencoder as it is now.
    pub fn sae(&self) -> &Sae {
        &self.sae
    }

    /// Ends the training.
    pub fn into_sae(self) -> Sae {
        self.sae
    }

    /// The settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Rows since each latent was last active, `[n_latents]`.
    pub fn miss_counts(&self) -> &[u64] {
        &self.miss_counts
    }

    /// Which latents count as dead, `[n_latents]`.
    pub fn dead(&self) -> &[bool] {
        &self.dead
    }

    /// Takes over the counters of another training, for example of a published checkpoint.
    ///
    /// # Errors
    /// When a length is not `n_latents`.
    pub fn set_dead_state(&mut self, miss_counts: Vec<u64>, dead: Vec<bool>) -> Result<()> {
        let expected = self.sae.config.n_latents;
        for (what, found) in [("miss_counts", miss_counts.len()), ("dead", dead.len())] {
            if found != expected {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        (self.miss_counts, self.dead) = (miss_counts, dead);
        Ok(())
    }

    /// One step: forward, sparse gradients, projection of the decoder's, Adam, unit decoder rows, dead counters.
    ///
    /// # Shapes
    /// `batch`: `[rows, d_in]`, any dtype.
    ///
    /// # Errors
    /// On another shape, no rows, or a row that is not finite; nothing has changed then.
    pub fn step(&mut self, batch: &Tensor) -> Result<Losses> {
        let _guard = tch::no_grad_guard();
        let (losses, derived) = self.forward(batch)?;
        self.step += 1;
        self.update(&derived)?;
        self.count_misses();
        Ok(losses)
    }

    /// The losses and dense gradients of a batch; changes nothing.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn gradients(&mut self, batch: &Tensor) -> Result<(Losses, Gradients)> {
        let _guard = tch::no_grad_guard();
        let (losses, derived) = self.forward(batch)?;
        let d = self.sae.config.d_in;
        let w_dec = matrix::values("w_dec", &self.sae.w_dec)?;
        let b_pre = backward::bias_gradient(
            self.work.batch(),
            matrix::values("w_enc", &self.sae.w_enc)?,
            d,
        );
        let (mut enc, mut dec) = (vec![0.0; w_dec.len()], vec![0.0; w_dec.len()]);
        for (i, rows) in enc.chunks_mut(d).zip(dec.chunks_mut(d)).enumerate() {
            let parameters = (
                &w_dec[i * d..][..d],
                derived.inverse_norms[i],
                self.config.aux_decoder,
            );
            backward::latent_gradient(self.work.batch(), i, parameters, rows);
        }
        let mut projected = dec.clone();
        for (g, w) in projected.chunks_mut(d).zip(w_dec.chunks(d)) {
            backward::project(g, w);
        }
        Ok((
            losses,
            Gradients {
                w_enc: enc,
                w_dec: dec,
                w_dec_projected: projected,
                b_pre,
            },
        ))
    }

    fn forward(&mut self, batch: &Tensor) -> Result<(Losses, Derived)> {
        let sae = &self.sae;
        let d = sae.config.d_in;
        let batch = matrix::input("batch", batch, d)?;
        let x = matrix::values("batch", &batch)?;
        if x.is_empty() {
            return Err(Error::Shape {
                name: "batch".into(),
                expected: "at least one row".into(),
                found: batch.size(),
            });
        }
        let w_dec = matrix::values("w_dec", &sae.w_dec)?;
        let derived = self.derive(w_dec, d);
        let model = Model {
            preprocessing: sae.config.preprocessing,
            k: sae.config.k,
            k_aux: sae.config.k_aux,
            aux_weight: self.config.aux_weight,
            w_dec,
            b_pre: matrix::values("b_pre", &sae.b_pre)?,
            inverse_norms: &derived.inverse_norms,
            aux_scale: &derived.aux_scale,
            dead: &derived.dead,
        };
        self.work.forward(&model, &sae.w_enc, x)?;
        self.work.main.sort(sae.config.n_latents);
        self.work.aux.sort(sae.config.n_latents);
        let [main, aux] = self.work.mean_losses();
        let losses = Losses {
            total: main + f64::from(self.config.aux_weight) * aux,
            main,
            aux,
            l0: self.work.main.n_used() as f64 / self.work.rows as f64,
            n_dead: derived.dead.len(),
        };
        Ok((losses, derived))
    }

    fn derive(&self, w_dec: &[f32], d: usize) -> Derived {
        let inverse_norms: Vec<f32> = w_dec.par_chunks(d).map(kernels::inverse_norm).collect();
        let aux_scale = match self.config.aux_decoder {
            AuxDecoder::Normalised => inverse_norms.clone(),
            AuxDecoder::Raw => vec![1.0; inverse_norms.len()],
        };
        let uses_aux = self.config.aux_weight > 0.0 && self.sae.config.k_aux > 0;
        let dead = self
            .dead
            .iter()
            .enumerate()
            .filter(|(_, dead)| uses_aux && **dead)
            .map(|(i, _)| i as u32);
        Derived {
            inverse_norms,
            aux_scale,
            dead: dead.collect(),
        }
    }

    /// Gradient, projection, Adam and unit norm fused per latent: no gradient array exists.
    fn update(&mut self, derived: &Derived) -> Result<()> {
        let d = self.sae.config.d_in;
        let adam = Adam::new(&self.config, self.step);
        let (batch, aux_decoder) = (self.work.batch(), self.config.aux_decoder);
        let w_enc = matrix::values_mut("w_enc", &mut self.sae.w_enc)?;
        let w_dec = matrix::values_mut("w_dec", &mut self.sae.w_dec)?;
        let b_pre = matrix::values_mut("b_pre", &mut self.sae.b_pre)?;
        let bias_gradient = backward::bias_gradient(batch, w_enc, d);
        let enc = rows(w_enc, &mut self.enc, d);
        let dec = rows(w_dec, &mut self.dec, d);
        let latents = enc.zip(dec).zip(&derived.inverse_norms).enumerate();
        latents.for_each_init(
            || (vec![0.0; d], vec![0.0; d]),
            |(g_enc, g_dec), (i, ((enc, dec), &inverse_norm))| {
                backward::latent_gradient(
                    batch,
                    i,
                    (dec.w, inverse_norm, aux_decoder),
                    (g_enc, g_dec),
                );
                backward::project(g_dec, dec.w);
                adam::update(adam, enc, g_enc);
                let Row { w, m, v } = dec;
                adam::update(adam, Row { w: &mut *w, m, v }, g_dec);
                kernels::unit(w);
            },
        );
        let bias = Row {
            w: b_pre,
            m: &mut self.bias.m,
            v: &mut self.bias.v,
        };
        adam::update(adam, bias, &bias_gradient);
        Ok(())
    }

    fn count_misses(&mut self) {
        for (i, (count, dead)) in self.miss_counts.iter_mut().zip(&mut self.dead).enumerate() {
            let active = !self.work.main.of(i).is_empty();
            *count = if active {
                0
            } else {
                *count + self.work.rows as u64
            };
            *dead = *count >= self.config.dead_window;
        }
    }
}

/// The rows of a parameter with their moments.
fn rows<'a>(
    w: &'a mut [f32],
    moments: &'a mut Moments,
    d: usize,
) -> impl IndexedParallelIterator<Item = Row<'a>> {
    let moments = moments.m.par_chunks_mut(d).zip(moments.v.par_chunks_mut(d));
    w.par_chunks_mut(d)
        .zip(moments)
        .map(|(w, (m, v))| Row { w, m, v })
}
