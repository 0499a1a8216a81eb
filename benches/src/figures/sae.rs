//! The training step of the published autoencoder against the matrix product it cannot do without.

use dropsonde_sae::{Sae, SaeConfig, TrainConfig, Trainer};
use tch::{Device, Kind, Tensor, no_grad};

use crate::timing::{median, seconds_of};
use crate::{Figure, Outcome};

/// Rows per batch.
pub const ROWS: i64 = 8192;
const ROUNDS: usize = 9;

/// `sae.step_over_gemm` (512 channels, 4096 latents, k 32, batch 8192, no latent dead), with both times.
pub fn measure() -> Outcome {
    let (step, gemm) = step_and_gemm(SaeConfig::paper(), ROWS)?;
    Ok(vec![
        Figure::lower("sae.step_over_gemm", step / gemm, "1").stable(),
        Figure::lower("sae.step.seconds", step, "s"),
        Figure::lower("sae.encode_gemm.seconds", gemm, "s"),
    ])
}

/// Median seconds of a whole training step and of the bare f32 encoder product, taken in turns.
///
/// # Errors
/// When the configuration is not valid.
pub fn step_and_gemm(config: SaeConfig, rows: i64) -> Result<(f64, f64), dropsonde_sae::Error> {
    let batch = batch(rows, config.d_in as i64);
    let out = Tensor::zeros([rows, config.n_latents as i64], (Kind::Float, Device::Cpu));
    let mut trainer = trainer(config)?;
    let weights = trainer.sae().w_enc.tr();
    let (mut steps, mut gemms) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS + 2 {
        let (product, gemm) = seconds_of(|| no_grad(|| batch.f_matmul_out(&out, &weights)));
        let _ = product?;
        let (losses, step) = seconds_of(|| trainer.step(&batch));
        let _ = losses?;
        if round >= 2 {
            steps.push(step);
            gemms.push(gemm);
        }
    }
    Ok((median(&steps), median(&gemms)))
}

/// A trainer in which no latent ever counts as dead.
///
/// # Errors
/// When the configuration is not valid.
pub fn trainer(config: SaeConfig) -> Result<Trainer, dropsonde_sae::Error> {
    Trainer::new(
        Sae::random(config, 1)?,
        TrainConfig {
            dead_window: u64::MAX,
            ..TrainConfig::new(1)
        },
    )
}

/// Seeded normal rows `[rows, d]`.
pub fn batch(rows: i64, d: i64) -> Tensor {
    let mut rng = dropsonde_activations::Rng::new(2);
    let values: Vec<f32> = (0..rows * d).map(|_| rng.normal()).collect();
    Tensor::from_slice(&values).reshape([rows, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_and_its_product_are_timed_and_a_wrong_size_is_an_error()
    -> Result<(), dropsonde_sae::Error> {
        let (step, gemm) = step_and_gemm(SaeConfig::new(64, 256, 8), 512)?;
        assert!(gemm > 0.0 && step > 0.0, "{step} {gemm}");
        assert!(step_and_gemm(SaeConfig::new(64, 256, 300), 512).is_err());
        Ok(())
    }
}
