//! The training step of the published autoencoder against the matrix product it cannot do without.

use dropsonde_activations::{
    ActivationReader, ActivationWriter, Dtype, LatentsMeta, Record, Shuffle, ShuffleConfig,
};
use dropsonde_sae::{Precision, Sae, SaeConfig, TrainConfig, Trainer};
use tch::{Device, Kind, Tensor, no_grad};

use crate::case::Error;
use crate::child::{self, Job, Size};
use crate::memory;
use crate::naive::DenseTrainer;
use crate::timing::{median, seconds_of};
use crate::{Figure, Outcome};

/// Rows per batch.
pub const ROWS: i64 = 8192;
const ROUNDS: usize = 9;
/// Rounds of what takes seconds.
const SLOW_ROUNDS: usize = 3;
/// Shape of the store that is trained from: a mesh of level 5, and records for a few batches.
const STORE: (usize, usize) = (10_242, 8);

/// Everything about autoencoders: 512 channels, 4096 latents, k 32, k_aux 512, batch 8192, on all cores.
///
/// `gemm` is libtorch's product of a batch with the encoder, nothing else.
pub fn measure() -> Outcome {
    let report = child::run(Job::Autoencoder, Size::Full)?;
    let memory = memory::gib(report.peak.saturating_sub(report.before));
    let times = Times::measure(SaeConfig::paper(), ROWS)?;
    let gemm = times.gemm;
    let mut figures = vec![
        Figure::lower("sae.step_over_gemm", times.step / gemm, "1").stable(),
        Figure::lower("sae.step_dead25_over_gemm", times.dead25 / gemm, "1").stable(),
        Figure::lower("sae.step_bf16_over_gemm", times.bf16 / gemm, "1").stable(),
        Figure::lower("sae.encode_over_gemm", times.encode / gemm, "1").stable(),
        Figure::higher("sae.dense_over_step", times.dense / times.step, "1").stable(),
        Figure::lower("sae.train_rss_gib", memory, "GiB").stable(),
        Figure::lower("sae.step.seconds", times.step, "s"),
        Figure::lower("sae.encode_gemm.seconds", gemm, "s"),
        Figure::higher("sae.rows_per_second", ROWS as f64 / times.step, "1/s"),
    ];
    let store = store_over_memory()?;
    figures.push(Figure::higher("sae.store_over_memory", store, "1").stable());
    Ok(figures)
}

/// Median seconds of what is compared, taken in turns.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The bare f32 encoder product of libtorch.
    pub gemm: f64,
    /// A whole training step, no latent dead.
    pub step: f64,
    /// The same with a quarter of the latents dead.
    pub dead25: f64,
    /// The same as `step` with the encoder's product in bf16.
    pub bf16: f64,
    /// Codes of a batch.
    pub encode: f64,
    /// A step of the dense formulation under autograd.
    pub dense: f64,
}

impl Times {
    /// Measures all of them.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub fn measure(config: SaeConfig, rows: i64) -> Result<Self, dropsonde_sae::Error> {
        let x = batch(rows, config.d_in as i64);
        let n = config.n_latents;
        let out = Tensor::zeros([rows, n as i64], (Kind::Float, Device::Cpu));
        let mut ours = trainer(config.clone(), Precision::F32)?;
        let mut bf16 = trainer(config.clone(), Precision::Bf16)?;
        let mut dead25 = trainer(config, Precision::F32)?;
        let dead: Vec<bool> = (0..n).map(|latent| latent % 4 == 0).collect();
        let weights = ours.sae().w_enc.tr();
        let mut dense = DenseTrainer::new(ours.sae(), ours.config().clone());
        let mut times: [Vec<f64>; 6] = Default::default();
        for round in 0..ROUNDS + 2 {
            dead25.set_dead_state(vec![0; n], dead.clone())?;
            let mut found = Vec::new();
            let (product, gemm) = seconds_of(|| no_grad(|| x.f_matmul_out(&out, &weights)));
            let _ = product?;
            found.push(gemm);
            for trainer in [&mut ours, &mut dead25, &mut bf16] {
                let (losses, step) = seconds_of(|| trainer.step(&x));
                let _ = losses?;
                found.push(step);
            }
            let (codes, encode) = seconds_of(|| ours.sae().encode(&x));
            let _ = codes?;
            found.push(encode);
            if round < SLOW_ROUNDS + 2 {
                found.push(seconds_of(|| dense.step(&x)).1);
            }
            if round >= 2 {
                for (times, time) in times.iter_mut().zip(found) {
                    times.push(time);
                }
            }
        }
        let [gemm, step, dead25, bf16, encode, dense] = times.map(|times| median(&times));
        Ok(Self {
            gemm,
            step,
            dead25,
            bf16,
            encode,
            dense,
        })
    }
}

/// A trainer in which no latent ever counts as dead.
///
/// # Errors
/// When the configuration is not valid.
pub fn trainer(config: SaeConfig, precision: Precision) -> Result<Trainer, dropsonde_sae::Error> {
    Trainer::new(
        Sae::random(config, 1)?,
        TrainConfig {
            dead_window: u64::MAX,
            precision,
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

/// Rows per second of training from a store on disk over that from memory, batches of the same size.
fn store_over_memory() -> Result<f64, Error> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("latents.zarr");
    let config = SaeConfig::paper();
    let (nodes, n_records) = STORE;
    let meta = LatentsMeta {
        dtype: Dtype::F16,
        ..LatentsMeta::new("processor/08", nodes, config.d_in)
    };
    let mut writer = ActivationWriter::create(&path, meta, n_records)?;
    let x = batch(nodes as i64, config.d_in as i64);
    let values = Vec::<f32>::try_from(x.view(-1))?;
    for record in 0..n_records {
        writer.append(&Record::new(21_600 * record as i64, 0), &values)?;
    }
    writer.finish()?;
    let reader = ActivationReader::open(&path)?;
    let records: Vec<usize> = (0..n_records).collect();
    let shuffle_config = ShuffleConfig {
        batch_rows: ROWS as usize,
        ..ShuffleConfig::default()
    };
    let mut shuffle = Shuffle::new(&reader, &records, shuffle_config)?;
    let d = config.d_in as i64;
    let mut trainer = trainer(config, Precision::F32)?;
    trainer.step(&x.narrow(0, 0, ROWS))?;
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..SLOW_ROUNDS {
        // A whole epoch, reading and shuffling included.
        let (rows, seconds) = seconds_of(|| -> Result<i64, Error> {
            let mut rows = 0;
            while let Some(values) = shuffle.next_batch()? {
                let batch = Tensor::from_slice(values).reshape([-1, d]);
                rows += batch.size()[0];
                trainer.step(&batch)?;
            }
            Ok(rows)
        });
        let rows = rows?;
        rates[0].push(rows as f64 / seconds);
        let n_batches = (rows as usize).div_ceil(ROWS as usize);
        let batch = x.narrow(0, 0, rows / n_batches as i64);
        let (result, seconds) = seconds_of(|| -> Result<(), Error> {
            for _ in 0..n_batches {
                trainer.step(&batch)?;
            }
            Ok(())
        });
        result?;
        rates[1].push(batch.size()[0] as f64 * n_batches as f64 / seconds);
    }
    let [store, memory] = rates.map(|rates| median(&rates));
    Ok(store / memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_timed_and_a_wrong_size_is_an_error() -> Result<(), dropsonde_sae::Error> {
        let times = Times::measure(SaeConfig::new(64, 256, 8), 512)?;
        let all = [
            times.gemm,
            times.step,
            times.dead25,
            times.bf16,
            times.encode,
            times.dense,
        ];
        assert!(all.iter().all(|&time| time > 0.0), "{times:?}");
        assert!(Times::measure(SaeConfig::new(64, 256, 300), 512).is_err());
        Ok(())
    }
}
