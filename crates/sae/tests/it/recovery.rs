//! Every kind of autoencoder finds features that we know, because we made them.

use dropsonde_activations::Rng;
use dropsonde_sae::{
    Activation, Decay, Penalty, Preprocessing, Sae, SaeConfig, Shape, TrainConfig, Trainer,
};
use tch::Tensor;

const D: usize = 32;
const FEATURES: usize = 40;
const ACTIVE: usize = 3;
const STEPS: u64 = 800;
const ROWS: usize = 512;

/// Random unit directions whose elements sum to zero (preprocessing takes the mean of each row away), `[FEATURES, D]`.
fn directions(rng: &mut Rng) -> Vec<f32> {
    let mut out: Vec<f32> = (0..FEATURES * D).map(|_| rng.normal()).collect();
    for row in out.chunks_mut(D) {
        let mean = row.iter().sum::<f32>() / D as f32;
        row.iter_mut().for_each(|x| *x -= mean);
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= norm);
    }
    out
}

/// The same random features, three to a row with random strengths, in one or two dictionaries: `[rows, D]` each.
fn rows(dictionaries: &[Vec<f32>], rng: &mut Rng) -> Vec<Vec<f32>> {
    let mut out = vec![vec![0.0; ROWS * D]; dictionaries.len()];
    for row in 0..ROWS {
        for _ in 0..ACTIVE {
            let feature = rng.below(FEATURES as u64) as usize;
            let strength = 1.0 + rng.uniform() as f32;
            for (out, dictionary) in out.iter_mut().zip(dictionaries) {
                let to = &mut out[row * D..][..D];
                let from = &dictionary[feature * D..][..D];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(x, f)| *x += strength * f);
            }
        }
    }
    out
}

fn tensor(values: &[f32], d: usize) -> Tensor {
    Tensor::from_slice(values).reshape([-1, d as i64])
}

fn train_config() -> TrainConfig {
    TrainConfig {
        learning_rate: 3e-3,
        decay: Some(Decay {
            from_step: STEPS / 2,
            to_step: STEPS,
            shape: Shape::Cosine,
        }),
        penalty: Penalty {
            weight: 1e-2,
            target_l0: Some(ACTIVE as f64),
            rate: 0.02,
        },
        ..TrainConfig::new(20_000)
    }
}

/// Mean over true features of the largest cosine with a decoder row.
fn mean_max_cosine(decoder: &Tensor, truth: &[f32]) -> f64 {
    let truth = tensor(truth, D);
    let norm = decoder
        .square()
        .sum_dim_intlist([1i64].as_slice(), true, tch::Kind::Float);
    let rows = decoder / norm.sqrt().clamp_min(1e-8);
    let cosines = truth.matmul(&rows.tr());
    cosines
        .amax([1], false)
        .mean(tch::Kind::Double)
        .double_value(&[])
}

struct Found {
    cosine: f64,
    l0: f64,
}

fn recover(config: SaeConfig) -> Found {
    let mut rng = Rng::new(1);
    let truth = vec![directions(&mut rng)];
    let mut sae = Sae::random(config, 2).unwrap();
    let batch = |rng: &mut Rng| tensor(&rows(&truth, rng)[0], D);
    sae.start_at(&batch(&mut rng), 2.0 * ACTIVE as f64).unwrap();
    let mut trainer = Trainer::new(sae, train_config()).unwrap();
    for _ in 0..STEPS {
        trainer.step(&batch(&mut rng)).unwrap();
    }
    let sae = trainer.into_sae().unwrap();
    let (codes, _) = sae.encode(&batch(&mut rng)).unwrap();
    let active = codes.values.iter().filter(|v| **v != 0.0).count();
    Found {
        cosine: mean_max_cosine(&sae.w_dec, &truth[0]),
        l0: active as f64 / codes.n_rows as f64,
    }
}

fn check(name: &str, config: SaeConfig) {
    let found = recover(config);
    println!(
        "{name}: mean max cosine {:.3}, L0 {:.2}",
        found.cosine, found.l0
    );
    assert!(
        found.cosine > 0.9,
        "{name}: mean max cosine {}",
        found.cosine
    );
    assert!(
        (0.5..2.0).contains(&(found.l0 / ACTIVE as f64)),
        "{name}: {} active",
        found.l0
    );
}

fn config() -> SaeConfig {
    SaeConfig::new(D, 80, ACTIVE)
}

#[test]
fn top_k() {
    check("topk", config());
}

#[test]
fn top_k_on_other_rows() {
    for preprocessing in [
        Preprocessing::LayerNorm,
        Preprocessing::Scale(2.5),
        Preprocessing::None,
    ] {
        check(
            &format!("{preprocessing:?}"),
            SaeConfig {
                preprocessing,
                ..config()
            },
        );
    }
}

#[test]
fn batch_top_k() {
    check(
        "batch_topk",
        config().with_activation(Activation::BatchTopK { k: ACTIVE }),
    );
}

#[test]
fn jump_relu() {
    check(
        "jump_relu",
        config().with_activation(Activation::JumpRelu { bandwidth: 0.05 }),
    );
}

#[test]
fn gated() {
    check("gated", config().with_activation(Activation::Gated));
}

#[test]
fn relu() {
    check("relu", config().with_activation(Activation::Relu));
}

#[test]
fn matryoshka() {
    check("matryoshka", config().matryoshka());
    check(
        "batch matryoshka",
        config()
            .with_activation(Activation::BatchTopK { k: ACTIVE })
            .matryoshka(),
    );
}

#[test]
fn transcoder() {
    let mut rng = Rng::new(1);
    let truth = vec![directions(&mut rng), directions(&mut rng)];
    let sae = Sae::random(config().transcoder(D), 2).unwrap();
    let mut trainer = Trainer::new(sae, train_config()).unwrap();
    for _ in 0..STEPS {
        let both = rows(&truth, &mut rng);
        trainer
            .transcode(&tensor(&both[0], D), &tensor(&both[1], D))
            .unwrap();
    }
    let cosine = mean_max_cosine(&trainer.sae().w_dec, &truth[1]);
    println!("transcoder: mean max cosine {cosine:.3}");
    assert!(cosine > 0.9, "{cosine}");
}

#[test]
fn crosscoder() {
    let mut rng = Rng::new(1);
    let truth = vec![directions(&mut rng), directions(&mut rng)];
    let sae = Sae::random(config().crosscoder(2), 2).unwrap();
    let mut trainer = Trainer::new(sae, train_config()).unwrap();
    for _ in 0..STEPS {
        let both = rows(&truth, &mut rng);
        let joined: Vec<f32> = both[0]
            .chunks(D)
            .zip(both[1].chunks(D))
            .flat_map(|(a, b)| a.iter().chain(b).copied())
            .collect();
        trainer.step(&tensor(&joined, 2 * D)).unwrap();
    }
    for (site, truth) in truth.iter().enumerate() {
        let decoder = trainer.sae().w_dec.narrow(1, (site * D) as i64, D as i64);
        let cosine = mean_max_cosine(&decoder, truth);
        println!("crosscoder, site {site}: mean max cosine {cosine:.3}");
        assert!(cosine > 0.9, "site {site}: {cosine}");
    }
}
