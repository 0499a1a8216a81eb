//! The step of a TopK autoencoder in libtorch operations, for GPUs.
//!
//! Codes stay `[rows, k]`: decoding is a sum over rows of the decoder chosen by index (an embedding bag), and its way back gives
//! the gradients of both matrices. The only dense `[rows, n_latents]` array is the encoder's product.

use tch::{Device, Kind, Tensor};

use super::config::{AuxDecoder, Precision};
use super::trainer::{Losses, Moments, Trainer};
use crate::{Activation, Error, Preprocessing, Result, matrix};

/// A weight with its moments, on the device.
struct Parameter {
    w: Tensor,
    m: Tensor,
    v: Tensor,
}

/// A [`Trainer`] whose weights are on another device.
///
/// It takes a trainer over and gives it back for saving; in between it does the same steps, up to rounding (and on a GPU with
/// sums in no fixed order).
pub struct DeviceTrainer {
    /// Settings and counters; its weights are those of the last copy.
    host: Trainer,
    device: Device,
    w_enc: Parameter,
    w_dec: Parameter,
    b_dec: Parameter,
}

/// Active latents of rows: which, and how much, `[rows, k]` each.
struct Chosen {
    indices: Tensor,
    values: Tensor,
}

impl DeviceTrainer {
    /// Moves a training to a device.
    ///
    /// # Errors
    /// For anything but plain TopK with a shared bias on centred unit-norm rows, without clipping or a running mean of the
    /// weights: those train on the CPU.
    pub fn new(host: Trainer, device: Device) -> Result<Self> {
        let (config, training) = (&host.sae.config, &host.config);
        let refused = [
            (
                !matches!(config.activation, Activation::TopK { .. }),
                "activation",
                config.activation.name(),
            ),
            (
                config.bias.has_encoder() || config.transcoder,
                "bias",
                "with an encoder's bias",
            ),
            (config.n_sites > 1, "n_sites", "several"),
            (
                !config.prefixes.is_empty(),
                "prefixes",
                "nested dictionaries",
            ),
            (
                config.preprocessing != Preprocessing::CentreUnitNorm,
                "preprocessing",
                "another",
            ),
            (training.clip_norm.is_some(), "clip_norm", "some"),
            (training.ema_decay.is_some(), "ema_decay", "some"),
        ];
        if let Some((_, key, found)) = refused.into_iter().find(|(refused, ..)| *refused) {
            return Err(Error::Config {
                key,
                found: found.to_owned(),
                expected: "what the step for other devices has: plain TopK as in the paper; train on the CPU".into(),
            });
        }
        let parameter = |name: &str| -> Result<Parameter> {
            let named = host.sae.named();
            let tensor = named.iter().find(|(key, _)| *key == name);
            let moments = host.moments.iter().find(|(key, _)| *key == name);
            let (Some((_, tensor)), Some((_, moments))) = (tensor, moments) else {
                unreachable!("every TopK autoencoder has `{name}`");
            };
            let shape = tensor.size();
            let there = |values: &[f32]| matrix::tensor(values, &shape).f_to_device(device);
            Ok(Parameter {
                w: tensor.f_to_device(device)?.copy(),
                m: there(&moments.m)?,
                v: there(&moments.v)?,
            })
        };
        Ok(Self {
            w_enc: parameter("w_enc")?,
            w_dec: parameter("w_dec")?,
            b_dec: parameter("b_dec")?,
            device,
            host,
        })
    }

    /// Ends the training on the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn into_trainer(mut self) -> Result<Trainer> {
        self.trainer()?;
        Ok(self.host)
    }

    /// The training as it is now, for example to save it: weights and moments are copied from the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn trainer(&mut self) -> Result<&Trainer> {
        let Self {
            host,
            w_enc,
            w_dec,
            b_dec,
            ..
        } = self;
        let parameters = [("w_enc", w_enc), ("w_dec", w_dec), ("b_dec", b_dec)];
        for (name, Parameter { w, m, v }) in parameters {
            let values = |tensor: &Tensor| -> Result<Vec<f32>> {
                let here = tensor.f_to_device(Device::Cpu)?.contiguous();
                Ok(Vec::try_from(here.view(-1))?)
            };
            host.sae.values_mut(name)?.copy_from_slice(&values(w)?);
            if let Some((_, moments)) = host.moments.iter_mut().find(|(key, _)| *key == name) {
                *moments = Moments {
                    m: values(m)?,
                    v: values(v)?,
                };
            }
        }
        Ok(host)
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.host.step
    }

    /// One step, as [`Trainer::step`].
    ///
    /// # Shapes
    /// `batch`: `[rows, d_in]`, on any device.
    ///
    /// # Errors
    /// On another shape, no rows, or a row that is not finite; nothing has changed then.
    pub fn step(&mut self, batch: &Tensor) -> Result<Losses> {
        let config = &self.host.sae.config;
        let d = config.d_in as i64;
        if !matches!(batch.size()[..], [rows, width] if rows > 0 && width == d) {
            return Err(Error::Shape {
                name: "batch".into(),
                expected: format!("[rows, {d}], at least one row"),
                found: batch.size(),
            });
        }
        let _guard = tch::no_grad_guard();
        let x = batch
            .detach()
            .f_to_device(self.device)?
            .to_kind(Kind::Float);
        let u = preprocess(&x)?;
        let rows = u.size()[0] as f64;
        let power = sum_of_squares(&u).clamp_min(f64::MIN_POSITIVE);
        let input = &u - &self.b_dec.w;
        let pre = self.pre_activations(&input)?;
        let main = self.choose(&pre, None)?;
        let norms = norm(&self.w_dec.w);
        let unit = &self.w_dec.w / &norms;
        let residual = &input - bag(&unit, &main)?;
        let loss = (sum_of_squares(&residual) / &power).mean(Kind::Double);
        let gradient = &residual * (-2.0 / rows) / power.unsqueeze(1);
        let (mut g_dec, drive) = way_back(&unit, &main, &gradient)?;
        let mut g_enc = outer(&self.w_enc.w, &main.indices, &drive, &input)?;
        let mut drives = self.per_latent(&main.indices, &drive)?;
        let dead = self.host.dead_latents();
        let mut aux_loss = 0.0;
        let raw = self.host.config.aux_decoder == AuxDecoder::Raw;
        let mut g_raw = None;
        if !dead.is_empty() {
            let aux = self.choose(&pre, Some(&dead))?;
            let decoder = if raw { &self.w_dec.w } else { &unit };
            let error = bag(decoder, &aux)? - &residual;
            let power = sum_of_squares(&residual).clamp_min(f64::MIN_POSITIVE);
            aux_loss = (sum_of_squares(&error) / &power)
                .mean(Kind::Double)
                .double_value(&[]);
            let weight = 2.0 * self.host.config.aux_weight / rows;
            let gradient = error * weight / power.unsqueeze(1);
            let (g_aux, drive) = way_back(decoder, &aux, &gradient)?;
            g_enc += outer(&self.w_enc.w, &aux.indices, &drive, &input)?;
            drives += self.per_latent(&aux.indices, &drive)?;
            match raw {
                true => g_raw = Some(g_aux),
                false => g_dec += g_aux,
            }
        }
        drop(pre);
        // From the gradient with respect to unit rows to that with respect to the rows, then without its radial part.
        let along =
            |g: &Tensor, w: &Tensor| (g * w).sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
        g_dec = (&g_dec - along(&g_dec, &unit) * &unit) / &norms;
        if let Some(g_raw) = g_raw {
            g_dec += g_raw;
        }
        g_dec -= along(&g_dec, &self.w_dec.w) / norms.square() * &self.w_dec.w;
        let g_bias = gradient.sum_dim_intlist([0i64].as_slice(), false, Kind::Float)
            - drives
                .f_unsqueeze(0)?
                .f_matmul(&self.w_enc.w)?
                .squeeze_dim(0);
        let main_loss = loss.double_value(&[]);
        if !main_loss.is_finite() {
            let row = not_finite(&x).unwrap_or(0);
            return Err(Error::NotFinite { row });
        }
        self.host.step += 1;
        for (parameter, gradient) in [
            (&mut self.w_enc, &g_enc),
            (&mut self.w_dec, &g_dec),
            (&mut self.b_dec, &g_bias),
        ] {
            update(parameter, gradient, &self.host);
        }
        let length = norm(&self.w_dec.w);
        self.w_dec.w /= length;
        let l0 = self.count(&main, rows as u64)?;
        Ok(Losses {
            total: main_loss + self.host.config.aux_weight * aux_loss,
            main: main_loss,
            aux: aux_loss,
            penalty: 0.0,
            l0,
            n_dead: dead.len(),
        })
    }

    /// `[rows, n_latents]`.
    fn pre_activations(&self, input: &Tensor) -> Result<Tensor> {
        let product = |kind: Kind| {
            let (x, w) = (input.to_kind(kind), self.w_enc.w.to_kind(kind));
            x.f_matmul(&w.tr())
        };
        Ok(match self.host.config.precision {
            Precision::F32 => product(Kind::Float)?,
            Precision::Bf16 => product(Kind::BFloat16)?.to_kind(Kind::Float),
        })
    }

    /// The largest positive pre-activations of each row, of all latents or of some.
    fn choose(&self, pre: &Tensor, among: Option<&[u32]>) -> Result<Chosen> {
        let config = &self.host.sae.config;
        let Some(among) = among else {
            let k = config.activation.k().unwrap_or(1) as i64;
            let (values, indices) = pre.f_topk(k, 1, true, true)?;
            return Ok(Chosen {
                indices,
                values: values.relu(),
            });
        };
        let ids: Vec<i64> = among.iter().map(|&latent| i64::from(latent)).collect();
        let ids = Tensor::from_slice(&ids).f_to_device(self.device)?;
        let k = config.k_aux.min(among.len()) as i64;
        let (values, places) = pre.f_index_select(1, &ids)?.f_topk(k, 1, true, false)?;
        Ok(Chosen {
            indices: ids.f_index_select(0, &places.view(-1))?.view_as(&places),
            values: values.relu(),
        })
    }

    /// Sum of values by latent, `[n_latents]`.
    fn per_latent(&self, indices: &Tensor, values: &Tensor) -> Result<Tensor> {
        let n = self.host.sae.config.n_latents as i64;
        let zeros = Tensor::zeros([n], (Kind::Float, self.device));
        Ok(zeros.f_index_add(0, &indices.view(-1), &values.contiguous().view(-1))?)
    }

    /// Counts rows since each latent was active; the mean number of active latents per row.
    fn count(&mut self, main: &Chosen, rows: u64) -> Result<f64> {
        let active = main.values.gt(0.0).to_kind(Kind::Float);
        let counts = self.per_latent(&main.indices, &active)?;
        let counts = Vec::<f32>::try_from(counts.f_to_device(Device::Cpu)?)?;
        let host = &mut self.host;
        let latents = host.miss_counts.iter_mut().zip(&mut host.dead);
        for ((misses, dead), &count) in latents.zip(&counts) {
            *misses = if count > 0.0 { 0 } else { *misses + rows };
            *dead = *misses >= host.config.dead_window;
        }
        let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        Ok(total / rows as f64)
    }
}

/// Rows centred and brought to unit norm, as [`Preprocessing::CentreUnitNorm`].
fn preprocess(x: &Tensor) -> Result<Tensor> {
    let centred = x - x.f_mean_dim([1i64].as_slice(), true, Kind::Float)?;
    let length = norm_of(&centred).clamp_min(1e-6);
    Ok(centred / length)
}

fn not_finite(x: &Tensor) -> Option<usize> {
    let bad = x.isfinite().logical_not().any_dim(1, false);
    let bad = Vec::<bool>::try_from(bad.to_device(Device::Cpu)).ok()?;
    bad.iter().position(|bad| *bad)
}

fn sum_of_squares(rows: &Tensor) -> Tensor {
    rows.square()
        .sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
}

fn norm_of(rows: &Tensor) -> Tensor {
    sum_of_squares(rows).sqrt().unsqueeze(1)
}

/// `max(norm, 1e-8)` of each row, `[n, 1]`.
fn norm(rows: &Tensor) -> Tensor {
    norm_of(rows).clamp_min(1e-8)
}

/// `sum_s value_s w[index_s]` for each row, `[rows, d]`.
fn bag(w: &Tensor, chosen: &Chosen) -> Result<Tensor> {
    weighted(w, &chosen.indices, &chosen.values)
}

fn weighted(w: &Tensor, indices: &Tensor, values: &Tensor) -> Result<Tensor> {
    let k = indices.size()[1];
    let offsets =
        Tensor::arange_start_step(0, indices.numel() as i64, k, (Kind::Int64, w.device()));
    let (sum, ..) = Tensor::f_embedding_bag(
        w,
        &indices.contiguous().view(-1),
        &offsets,
        false,
        0,
        false,
        Some(&values.contiguous().view(-1)),
        false,
    )?;
    Ok(sum)
}

/// Given the gradient with respect to a bag: those with respect to the rows of `w` and to the values (0 where a value is 0).
fn way_back(w: &Tensor, chosen: &Chosen, gradient: &Tensor) -> Result<(Tensor, Tensor)> {
    tch::with_grad(|| {
        let w = w.detach().set_requires_grad(true);
        let values = chosen.values.detach().set_requires_grad(true);
        let sum = weighted(&w, &chosen.indices, &values)?;
        let scalar = (sum * gradient.detach()).sum(Kind::Float);
        let mut found =
            Tensor::f_run_backward(&[scalar], &[&w, &values], false, false)?.into_iter();
        match (found.next(), found.next()) {
            (Some(g_w), Some(g_values)) => {
                let active = chosen.values.gt(0.0).to_kind(Kind::Float);
                Ok((g_w.detach(), g_values.detach() * active))
            }
            _ => unreachable!("two gradients were asked for"),
        }
    })
}

/// `sum_s drive_s input_row(s)` for each row of `w`: the gradient of the encoder.
fn outer(w: &Tensor, indices: &Tensor, drive: &Tensor, input: &Tensor) -> Result<Tensor> {
    tch::with_grad(|| {
        let w = w.detach().set_requires_grad(true);
        let sum = weighted(&w, indices, &drive.detach())?;
        let scalar = (sum * input.detach()).sum(Kind::Float);
        let mut found = Tensor::f_run_backward(&[scalar], &[&w], false, false)?;
        Ok(found.remove(0).detach())
    })
}

/// Adam, as on the CPU.
fn update(parameter: &mut Parameter, gradient: &Tensor, host: &Trainer) {
    let config = &host.config;
    let corrections = [config.beta1, config.beta2].map(|beta| 1.0 - beta.powf(host.step as f64));
    let rate = config.learning_rate_at(host.step - 1);
    let Parameter { w, m, v } = parameter;
    *m += (gradient - &*m) * (1.0 - config.beta1);
    *v = &*v * config.beta2 + gradient.square() * (1.0 - config.beta2);
    let root = v.sqrt() / corrections[1].sqrt() + config.epsilon;
    *w -= &*m * (rate / corrections[0]) / root;
}
