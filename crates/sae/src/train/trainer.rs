//! The training step.

use dropsonde_kernels::Operands;
use rayon::prelude::*;
use tch::Tensor;

use super::adam::{self, Adam, Row};
use super::backward;
use super::config::{Precision, TrainConfig};
use super::gradients::Gradients;
use super::network::{Derived, Network};
use super::step::{Settings, Step};
use crate::model::optional;
use crate::{Activation, Error, Result, Sae, kernels, matrix};

/// Decay of the running mean of batch top-k's threshold.
const THRESHOLD_DECAY: f32 = 0.99;

/// What one step reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// `main + aux_weight * aux + penalty`; for gated autoencoders `aux` has weight 1.
    pub total: f64,
    /// Mean over rows of the squared error over the squared norm, in the preprocessed space; also over nested dictionaries.
    pub main: f64,
    /// The same of the auxiliary reconstruction against the residual, 0 while no latent is dead; for gated autoencoders that of
    /// what opens the gates, against the row.
    pub aux: f64,
    /// The penalty on codes times its weight.
    pub penalty: f64,
    /// Mean number of active latents per row.
    pub l0: f64,
    /// Latents that counted as dead in this step.
    pub n_dead: usize,
}

/// First and second moments of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) m: Vec<f32>,
    pub(crate) v: Vec<f32>,
}

impl Moments {
    fn zeros(n: usize) -> Self {
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
    /// In the order of [`Sae::named`], without batch top-k's threshold, which is not trained.
    pub(crate) moments: Vec<(&'static str, Moments)>,
    /// Running means of the weights, in the order of [`Sae::named`].
    pub(crate) mean: Option<Vec<Vec<f32>>>,
    /// Weight of the penalty now.
    pub(crate) penalty: f64,
    work: Step<f32>,
}

impl Trainer {
    /// Starts training at step 0.
    ///
    /// # Errors
    /// When a configuration is not valid, or a tensor does not fit it.
    pub fn new(sae: Sae, config: TrainConfig) -> Result<Self> {
        sae.check()?;
        config.check()?;
        let n = sae.config.n_latents;
        let trained = |name: &str| {
            name != "threshold" || matches!(sae.config.activation, Activation::JumpRelu { .. })
        };
        let named = sae.named();
        let moments = named
            .iter()
            .filter(|(name, _)| trained(name))
            .map(|(name, tensor)| (*name, Moments::zeros(tensor.numel())))
            .collect();
        let mean = config.ema_decay.map(|_| {
            let values = |(name, tensor): &(&str, &Tensor)| {
                matrix::values(name, tensor).map(<[f32]>::to_vec)
            };
            named.iter().map(values).collect::<Result<Vec<_>>>()
        });
        Ok(Self {
            mean: mean.transpose()?,
            penalty: config.penalty.weight,
            config,
            step: 0,
            miss_counts: vec![0; n],
            dead: vec![false; n],
            moments,
            work: Step::default(),
            sae,
        })
    }

    /// The autoencoder with the newest weights.
    pub fn sae(&self) -> &Sae {
        &self.sae
    }

    /// Ends the training: the running mean of the weights with unit decoder rows if there is one, else the newest.
    ///
    /// # Errors
    /// If a tensor is not what it was.
    pub fn into_sae(mut self) -> Result<Sae> {
        if let Some(mean) = self.mean {
            let names: Vec<&str> = self.sae.named().iter().map(|(name, _)| *name).collect();
            for (name, values) in names.into_iter().zip(mean) {
                self.sae.values_mut(name)?.copy_from_slice(&values);
            }
            self.sae.renormalise()?;
        }
        Ok(self.sae)
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
    /// On another shape, no rows, a row that is not finite, or a transcoder; nothing has changed then.
    pub fn step(&mut self, batch: &Tensor) -> Result<Losses> {
        self.step_to(batch, None)
    }

    /// As [`step`](Self::step) for a transcoder: `target` are the rows to decode to, `[rows, d_out]`.
    ///
    /// # Errors
    /// As [`step`](Self::step), and when the two do not have the same number of rows.
    pub fn transcode(&mut self, batch: &Tensor, target: &Tensor) -> Result<Losses> {
        self.step_to(batch, Some(target))
    }

    fn step_to(&mut self, batch: &Tensor, target: Option<&Tensor>) -> Result<Losses> {
        let _guard = tch::no_grad_guard();
        let dead = self.dead_latents();
        let (losses, derived) = self.forward(batch, target, &dead)?;
        self.step += 1;
        self.update(&derived, &dead)?;
        self.update_threshold()?;
        self.update_mean()?;
        self.count_misses();
        self.penalty = self.config.penalty.follow(self.penalty, losses.l0);
        Ok(losses)
    }

    /// The losses and dense gradients of a batch; changes nothing.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn gradients(&mut self, batch: &Tensor) -> Result<(Losses, Gradients)> {
        let _guard = tch::no_grad_guard();
        let dead = self.dead_latents();
        let (losses, derived) = self.forward(batch, None, &dead)?;
        let network = self.sae.network()?;
        let dense = self
            .work
            .backward(network, &self.settings(&dead), &derived)
            .dense();
        Ok((
            losses,
            Gradients::new(dense, network.w_dec, self.sae.config.d_out),
        ))
    }

    fn settings<'a>(&self, dead: &'a [u32]) -> Settings<'a> {
        Settings {
            aux_weight: self.config.aux_weight,
            aux_decoder: self.config.aux_decoder,
            penalty: self.penalty,
            operands: match self.config.precision {
                Precision::F32 => Operands::F32,
                Precision::Bf16 => Operands::Bf16,
            },
            dead,
        }
    }

    /// The latents of the auxiliary reconstruction, ascending.
    pub(crate) fn dead_latents(&self) -> Vec<u32> {
        let config = &self.sae.config;
        let uses_aux = self.config.aux_weight > 0.0
            && config.k_aux > 0
            && !matches!(config.activation, Activation::Gated);
        let dead = self.dead.iter().zip(0..);
        dead.filter(|(dead, _)| uses_aux && **dead)
            .map(|(_, latent)| latent)
            .collect()
    }

    fn forward(
        &mut self,
        batch: &Tensor,
        target: Option<&Tensor>,
        dead: &[u32],
    ) -> Result<(Losses, Derived<f32>)> {
        let config = &self.sae.config;
        if target.is_some() != config.transcoder {
            return Err(Error::Config {
                key: "transcoder",
                found: config.transcoder.to_string(),
                expected: "true for `transcode`, false for `step`".into(),
            });
        }
        let batch = matrix::input("batch", batch, config.d_in)?;
        let target = target
            .map(|target| matrix::input("target", target, config.d_out))
            .transpose()?;
        let rows = batch.size()[0];
        if rows == 0 || target.as_ref().is_some_and(|t| t.size()[0] != rows) {
            return Err(Error::Shape {
                name: if rows == 0 { "batch" } else { "target" }.into(),
                expected: "at least one row, as many in `target`".into(),
                found: vec![rows],
            });
        }
        let x = matrix::values("batch", &batch)?;
        let target = target
            .as_ref()
            .map(|target| matrix::values("target", target))
            .transpose()?;
        let settings = self.settings(dead);
        let network = self.sae.network()?;
        let derived = self.work.forward(&network, &settings, x, target)?;
        let means = self.work.losses();
        let aux_weight = match config.activation {
            Activation::Gated => 1.0,
            _ => self.config.aux_weight,
        };
        let penalty = self.penalty * means.penalty;
        let losses = Losses {
            total: means.main + aux_weight * means.second + penalty,
            main: means.main,
            aux: means.second,
            penalty,
            l0: self.work.main.n_active() as f64 / rows as f64,
            n_dead: dead.len(),
        };
        Ok((losses, derived))
    }

    /// Gradient, projection, Adam and unit norm fused per latent: no gradient array exists.
    fn update(&mut self, derived: &Derived<f32>, dead: &[u32]) -> Result<()> {
        let settings = self.settings(dead);
        let backward = self.work.backward(self.sae.network()?, &settings, derived);
        let (single, bias) = backward.singles();
        let clip = match self.config.clip_norm {
            Some(most) => (most / backward.norm(&single, &bias).max(1e-30)).min(1.0),
            None => 1.0,
        };
        let adam = Adam::new(&self.config, self.step, clip);
        let [enc, dec, rest @ ..] = &mut self.moments[..] else {
            unreachable!("`new` made moments for both matrices");
        };
        let sae = Parts::of(&mut self.sae)?;
        let enc = rows(sae.w_enc, &mut enc.1, sae.network.config.d_in);
        let dec = rows(sae.w_dec, &mut dec.1, sae.network.config.d_out);
        let backward = self.work.backward(sae.network, &settings, derived);
        enc.zip(dec).enumerate().for_each_init(
            || backward.room(),
            |room, (latent, (enc, dec))| {
                backward.rows_of(latent, dec.w, room);
                backward::project(&mut room.dec, dec.w);
                adam::update(adam, enc, &room.enc);
                let Row { w, m, v } = dec;
                adam::update(adam, Row { w: &mut *w, m, v }, &room.dec);
                kernels::unit(w);
            },
        );
        for (name, Moments { m, v }) in rest {
            let gradient: Vec<f32> = match *name {
                "b_dec" => bias.clone(),
                "b_enc" => single.iter().map(|latent| latent.b_enc).collect(),
                "threshold" => single.iter().map(|latent| latent.threshold).collect(),
                "gate_r" => single.iter().map(|latent| latent.gate[0]).collect(),
                _ => single.iter().map(|latent| latent.gate[1]).collect(),
            };
            let w = self.sae.values_mut(name)?;
            match *name {
                "threshold" => update_logarithms(adam, Row { w, m, v }, &gradient),
                _ => adam::update(adam, Row { w, m, v }, &gradient),
            }
        }
        Ok(())
    }

    /// Batch top-k: the threshold follows the smallest code of each batch.
    fn update_threshold(&mut self) -> Result<()> {
        if !matches!(self.sae.config.activation, Activation::BatchTopK { .. }) {
            return Ok(());
        }
        let codes = self.work.main.codes.iter().copied();
        let smallest = codes.fold(f32::INFINITY, f32::min);
        let first = self.step == 1;
        if let [theta] = self.sae.values_mut("threshold")?
            && smallest.is_finite()
        {
            *theta = match first {
                true => smallest,
                false => THRESHOLD_DECAY * *theta + (1.0 - THRESHOLD_DECAY) * smallest,
            };
        }
        Ok(())
    }

    fn update_mean(&mut self) -> Result<()> {
        let (Some(decay), Some(means)) = (self.config.ema_decay, &mut self.mean) else {
            return Ok(());
        };
        // Early on it forgets faster, so that it does not hold the initial weights.
        let decay = decay.min((1.0 + self.step as f64) / (10.0 + self.step as f64)) as f32;
        for ((name, tensor), mean) in self.sae.named().iter().zip(means) {
            let values = matrix::values(name, tensor)?;
            for (mean, value) in mean.iter_mut().zip(values) {
                *mean = decay * *mean + (1.0 - decay) * value;
            }
        }
        Ok(())
    }

    fn count_misses(&mut self) {
        for (i, (count, dead)) in self.miss_counts.iter_mut().zip(&mut self.dead).enumerate() {
            *count = match self.work.main.is_active(i) {
                true => 0,
                false => *count + self.work.main.rows() as u64,
            };
            *dead = *count >= self.config.dead_window;
        }
    }
}

/// The two matrices to be written, and everything else to be read.
struct Parts<'a> {
    w_enc: &'a mut [f32],
    w_dec: &'a mut [f32],
    /// Without the matrices.
    network: Network<'a, f32>,
}

impl<'a> Parts<'a> {
    fn of(sae: &'a mut Sae) -> Result<Self> {
        Ok(Self {
            w_enc: matrix::values_mut("w_enc", &mut sae.w_enc)?,
            w_dec: matrix::values_mut("w_dec", &mut sae.w_dec)?,
            network: Network {
                config: &sae.config,
                w_enc: &[],
                w_dec: &[],
                b_dec: matrix::values("b_dec", &sae.b_dec)?,
                b_enc: optional("b_enc", sae.b_enc.as_ref())?,
                threshold: optional("threshold", sae.threshold.as_ref())?,
                gate: match &sae.gate {
                    Some([r, m]) => [matrix::values("gate_r", r)?, matrix::values("gate_m", m)?],
                    None => [&[]; 2],
                },
            },
        })
    }
}

/// Adam on the logarithms of positive parameters.
fn update_logarithms(adam: Adam<f32>, row: Row<'_, f32>, gradient: &[f32]) {
    let mut logarithms: Vec<f32> = row.w.iter().map(|w| w.ln()).collect();
    let Row { w, m, v } = row;
    let logs = Row {
        w: &mut logarithms,
        m,
        v,
    };
    adam::update(adam, logs, gradient);
    for (w, log) in w.iter_mut().zip(logarithms) {
        *w = log.exp();
    }
}

/// The rows of a parameter with their moments.
fn rows<'a>(
    w: &'a mut [f32],
    moments: &'a mut Moments,
    d: usize,
) -> impl IndexedParallelIterator<Item = Row<'a, f32>> {
    let moments = moments.m.par_chunks_mut(d).zip(moments.v.par_chunks_mut(d));
    w.par_chunks_mut(d)
        .zip(moments)
        .map(|(w, (m, v))| Row { w, m, v })
}
