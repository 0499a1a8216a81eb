//! Recover features that we know, because we made them.
//!
//! `cargo run --release --example recover -p dropsonde-sae`

use dropsonde_activations::Rng;
use dropsonde_sae::{Covariance, Metrics, Sae, SaeConfig, TrainConfig, Trainer};
use tch::{Device, Kind, Tensor};

const D: usize = 32;
const FEATURES: usize = 48;
const ACTIVE: usize = 3;

/// Rows of three random features each, with random positive strengths: `[rows, D]`.
fn rows(features: &[f32], n: usize, rng: &mut Rng) -> Tensor {
    let mut out = vec![0.0; n * D];
    for row in out.chunks_mut(D) {
        for _ in 0..ACTIVE {
            let feature = rng.below(FEATURES as u64) as usize;
            let strength = 1.0 + rng.uniform() as f32;
            for (x, f) in row.iter_mut().zip(&features[feature * D..]) {
                *x += strength * f;
            }
        }
    }
    Tensor::from_slice(&out).reshape([n as i64, D as i64])
}

/// Random unit directions whose elements sum to zero (preprocessing takes the mean of each row away).
fn features(rng: &mut Rng) -> Vec<f32> {
    let mut out: Vec<f32> = (0..FEATURES * D).map(|_| rng.normal()).collect();
    for row in out.chunks_mut(D) {
        let mean = row.iter().sum::<f32>() / D as f32;
        row.iter_mut().for_each(|x| *x -= mean);
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= norm);
    }
    out
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Rng::new(1);
    let truth = features(&mut rng);
    let sae = Sae::random(SaeConfig::new(D, 96, ACTIVE), 2)?;
    let mut trainer = Trainer::new(
        sae,
        TrainConfig {
            learning_rate: 3e-3,
            ..TrainConfig::new(20_000)
        },
    )?;
    for step in 0..600 {
        let losses = trainer.step(&rows(&truth, 512, &mut rng))?;
        if step % 150 == 0 {
            println!(
                "step {step:4}: loss {:.4}, {} dead",
                losses.total, losses.n_dead
            );
        }
    }

    let sae = trainer.into_sae()?;
    let test = rows(&truth, 4096, &mut rng);
    let mut metrics = Metrics::new(D, sae.config.n_latents);
    metrics.update(&sae, &test)?;

    let mut covariance = Covariance::new(D);
    let (unit, _) = sae.preprocess(&test)?;
    covariance.add(&unit)?;
    let mut baseline = Metrics::new(D, 1);
    baseline.add_rows(&unit, &covariance.pca()?.reconstruct(&unit, ACTIVE)?)?;

    let truth = Tensor::from_slice(&truth)
        .reshape([FEATURES as i64, D as i64])
        .to_device(Device::Cpu);
    let cosines = truth.matmul(&sae.w_dec.tr()).amax([1], false);
    let found = cosines.gt(0.9).sum(Kind::Int64).int64_value(&[]);
    println!(
        "explained variance {:.3} with {ACTIVE} codes per row",
        metrics.explained_variance()
    );
    println!(
        "explained variance {:.3} with {ACTIVE} principal components",
        baseline.explained_variance()
    );
    println!("{found} of {FEATURES} features found (cosine above 0.9)");
    assert!(found as usize > FEATURES * 9 / 10);
    assert!(metrics.fvu() < 0.5 * baseline.fvu());
    Ok(())
}

#[test]
fn the_features_are_found() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
