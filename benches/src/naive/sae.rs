//! The training step of a TopK autoencoder as its description is usually turned into code: dense, under autograd.
//!
//! Codes are a dense `[rows, n_latents]` matrix with zeros, the decoder multiplies all of it, libtorch differentiates, and Adam
//! goes over every weight, as in <https://github.com/theodoremacmillan/graphcast-interpretability>, `model.py`, with the usual
//! loop around it.

use dropsonde_sae::{Sae, SaeConfig, TrainConfig};
use tch::{Kind, Tensor, no_grad};

/// Weights with their moments; f32 on the CPU.
#[derive(Debug)]
pub struct DenseTrainer {
    config: SaeConfig,
    training: TrainConfig,
    /// `w_enc`, `w_dec`, `b_dec`.
    weights: [Tensor; 3],
    moments: [[Tensor; 2]; 3],
    step: i32,
}

impl DenseTrainer {
    /// Takes copies of an autoencoder's weights.
    pub fn new(sae: &Sae, training: TrainConfig) -> Self {
        let weights = [&sae.w_enc, &sae.w_dec, &sae.b_dec];
        Self {
            config: sae.config.clone(),
            training,
            moments: weights.map(|w| [w.zeros_like(), w.zeros_like()]),
            weights: weights.map(|w| w.copy().set_requires_grad(true)),
            step: 0,
        }
    }

    /// The decoder, `[n_latents, d]`.
    pub fn decoder(&self) -> Tensor {
        self.weights[1].detach()
    }

    /// One step on `[rows, d]`, no latent dead; the loss.
    ///
    /// # Panics
    /// If the activation is not TopK.
    pub fn step(&mut self, batch: &Tensor) -> f64 {
        let k = self.config.activation.k().expect("TopK");
        let [w_enc, w_dec, b_dec] = &self.weights;
        let centred = batch - batch.mean_dim([1i64].as_slice(), true, Kind::Float);
        let u = &centred / norm(&centred).clamp_min(1e-6);
        let pre = (&u - b_dec).matmul(&w_enc.tr()).relu();
        let (values, indices) = pre.topk(k as i64, 1, true, true);
        let codes = pre.zeros_like().scatter(1, &indices, &values);
        let unit = w_dec / norm(w_dec).clamp_min(1e-8);
        let error = codes.matmul(&unit) + b_dec - &u;
        let sum = |x: Tensor| x.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        let loss = (sum(error.square()) / sum(u.square())).mean(Kind::Float);
        loss.backward();
        no_grad(|| self.update());
        loss.double_value(&[])
    }

    /// Projection of the decoder's gradient, Adam, unit decoder rows.
    fn update(&mut self) {
        self.step += 1;
        let TrainConfig {
            beta1,
            beta2,
            epsilon,
            ..
        } = self.training;
        let rate = self.training.learning_rate_at(self.step as u64 - 1);
        let corrections = [beta1, beta2].map(|beta| 1.0 - beta.powi(self.step));
        for (i, (weight, [m, v])) in self.weights.iter().zip(&mut self.moments).enumerate() {
            let mut gradient = weight.grad();
            let mut weight = weight.detach();
            if i == 1 {
                let along =
                    (&gradient * &weight).sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
                gradient -= along / norm(&weight).square().clamp_min(1e-8) * &weight;
            }
            *m = &*m * beta1 + &gradient * (1.0 - beta1);
            *v = &*v * beta2 + gradient.square() * (1.0 - beta2);
            let root = (&*v / corrections[1]).sqrt() + epsilon;
            weight -= &*m * (rate / corrections[0]) / root;
            if i == 1 {
                let length = norm(&weight).clamp_min(1e-8);
                weight /= length;
            }
            let _ = gradient.zero_();
        }
    }
}

fn norm(rows: &Tensor) -> Tensor {
    rows.square()
        .sum_dim_intlist([1i64].as_slice(), true, Kind::Float)
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::sae::batch;
    use dropsonde_sae::Trainer;

    #[test]
    fn it_takes_the_same_steps_as_ours() -> Result<(), dropsonde_sae::Error> {
        let sae = Sae::random(SaeConfig::new(16, 64, 4), 1)?;
        let training = TrainConfig {
            dead_window: u64::MAX,
            ..TrainConfig::new(1)
        };
        let mut dense = DenseTrainer::new(&sae, training.clone());
        let mut ours = Trainer::new(sae, training)?;
        let x = batch(96, 16);
        for _ in 0..5 {
            let (a, b) = (dense.step(&x), ours.step(&x)?.main);
            assert!((a - b).abs() < 1e-5 * b, "{a} {b}");
        }
        let difference = (dense.decoder() - &ours.sae().w_dec).abs().max();
        assert!(difference.double_value(&[]) < 1e-5);
        Ok(())
    }
}
