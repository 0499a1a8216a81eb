//! Resuming, metrics, the baseline, and bad input of the training side.

use crate::common::{Goldens, to_vec};
use dropsonde_activations::{Rng, ShufflePosition};
use dropsonde_sae::{
    Activation, AuxDecoder, DeviceTrainer, Metrics, Pca, Sae, SaeConfig, TrainConfig, Trainer,
};
use tch::Tensor;

fn batches(n: usize) -> Vec<Tensor> {
    let mut rng = Rng::new(11);
    (0..n)
        .map(|i| {
            let rows = 40 + i as i64;
            let values: Vec<f32> = (0..rows * 16).map(|_| rng.normal()).collect();
            Tensor::from_slice(&values).reshape([rows, 16])
        })
        .collect()
}

fn trainer() -> Trainer {
    let sae = Sae::random(SaeConfig::new(16, 96, 4), 3).unwrap();
    Trainer::new(
        sae,
        TrainConfig {
            dead_window: 90,
            warmup_steps: 7,
            ..TrainConfig::new(1)
        },
    )
    .unwrap()
}

#[test]
fn ten_steps_equal_five_a_restart_and_five() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let batches = batches(10);
    let mut whole = trainer();
    let straight: Vec<_> = batches.iter().map(|b| whole.step(b).unwrap()).collect();
    assert!(
        straight.iter().any(|l| l.n_dead > 0),
        "the test must reach the auxiliary loss"
    );
    let mut first = trainer();
    for batch in &batches[..5] {
        first.step(batch).unwrap();
    }
    let position = ShufflePosition { epoch: 2, batch: 5 };
    first.save(&path, ShufflePosition::default()).unwrap();
    first.save(&path, position).unwrap();
    let (mut second, found) = Trainer::load(&path).unwrap();
    assert_eq!(found, position);
    let rest: Vec<_> = batches[5..]
        .iter()
        .map(|b| second.step(b).unwrap())
        .collect();
    assert_eq!(rest, straight[5..]);
    assert_eq!(
        second.sae().sha256().unwrap(),
        whole.sae().sha256().unwrap()
    );
    assert_eq!(
        (second.miss_counts(), second.dead()),
        (whole.miss_counts(), whole.dead())
    );
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary directory is left: {left:?}");
}

#[test]
fn a_step_does_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut trainer = trainer();
            for batch in batches(4) {
                trainer.step(&batch).unwrap();
            }
            trainer.sae().sha256().unwrap()
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn explained_variance_is_that_of_the_reference() {
    let goldens = Goldens::open();
    let (target, recon) = (
        goldens.tensor("x0_normalized"),
        goldens.tensor("fwd_nodead.recon"),
    );
    let expected = goldens.f64("fwd_nodead.explained_variance");
    let mut whole = Metrics::new(32, 1);
    whole.add_rows(&target, &recon).unwrap();
    assert!((whole.explained_variance() - expected).abs() < 1e-6);
    let mut halves = Metrics::new(32, 1);
    for start in [0, 32] {
        let mut half = Metrics::new(32, 1);
        half.add_rows(&target.narrow(0, start, 32), &recon.narrow(0, start, 32))
            .unwrap();
        halves.merge(&half).unwrap();
    }
    assert!((halves.fvu() - whole.fvu()).abs() < 1e-12);
}

#[test]
fn counts_of_codes() {
    let sae = Sae::random(SaeConfig::new(16, 96, 4), 3).unwrap();
    let mut metrics = Metrics::new(16, 96);
    metrics.update(&sae, &batches(1)[0]).unwrap();
    assert_eq!(metrics.n_rows(), 40);
    assert!((metrics.l0() - 4.0).abs() < 1e-12);
    assert!((metrics.density().iter().sum::<f64>() - 4.0).abs() < 1e-12);
    let silent = metrics.density().iter().filter(|d| **d == 0.0).count();
    assert!((metrics.dead_fraction() - silent as f64 / 96.0).abs() < 1e-12);
    let histogram: u64 = metrics.density_histogram().iter().sum();
    assert_eq!(histogram as usize, 96 - silent);
    let once = metrics
        .density()
        .iter()
        .filter(|d| **d == 1.0 / 40.0)
        .count();
    assert!((metrics.rare_fraction(1.5 / 40.0) - once as f64 / 96.0).abs() < 1e-12);
    assert_eq!(metrics.live().iter().filter(|live| !**live).count(), silent);
}

#[test]
fn principal_components_of_a_known_ellipsoid() {
    let mut rng = Rng::new(5);
    let scales = [4.0, 2.0, 1.0, 0.5];
    let values: Vec<f32> = (0..4000)
        .map(|i| scales[i % 4] * rng.normal() + 1.0)
        .collect();
    let rows = Tensor::from_slice(&values).reshape([1000, 4]);
    let pca = Pca::fit(&rows).unwrap();
    for (found, scale) in pca.variances.iter().zip(scales) {
        let expected = f64::from(scale * scale);
        assert!((found / expected - 1.0).abs() < 0.2, "{:?}", pca.variances);
    }
    let gram = pca.components.matmul(&pca.components.tr()) - Tensor::eye(4, tch::kind::FLOAT_CPU);
    assert!(gram.abs().max().double_value(&[]) < 1e-5);
    let all = to_vec(&(pca.reconstruct(&rows, 4).unwrap() - &rows));
    assert!(all.iter().all(|e| e.abs() < 1e-4));
    let mut metrics = Metrics::new(4, 1);
    metrics
        .add_rows(&rows, &pca.reconstruct(&rows, 2).unwrap())
        .unwrap();
    let total: f64 = pca.variances.iter().sum();
    assert!((metrics.fvu() - (pca.variances[2] + pca.variances[3]) / total).abs() < 1e-4);
}

#[test]
fn bad_batches_change_nothing_and_say_why() {
    let mut trainer = trainer();
    let before = trainer.sae().sha256().unwrap();
    let bad = batches(1).remove(0);
    let _ = bad.get(7).get(2).fill_(f64::NAN);
    let said = trainer.step(&bad).unwrap_err().to_string();
    assert!(said.contains("row 7"), "{said}");
    let wide = Tensor::zeros([3, 17], tch::kind::FLOAT_CPU);
    assert!(
        trainer
            .step(&wide)
            .unwrap_err()
            .to_string()
            .contains("[rows, 16], found [3, 17]")
    );
    assert!(
        trainer
            .step(&wide.narrow(0, 0, 0).narrow(1, 0, 16))
            .is_err()
    );
    assert_eq!(
        (trainer.sae().sha256().unwrap(), trainer.step_count()),
        (before, 0)
    );
}

#[test]
fn constant_rows_are_harmless() {
    let mut trainer = trainer();
    let mut x = batches(1).remove(0);
    let _ = x.get(3).fill_(2.5);
    x = x.copy();
    let losses = trainer.step(&x).unwrap();
    assert!(losses.total.is_finite());
    assert!(to_vec(&trainer.sae().w_dec).iter().all(|w| w.is_finite()));
}

/// The step for other devices, on the CPU.
#[test]
fn a_step_in_libtorch_operations_is_the_same_step() {
    for aux_decoder in [AuxDecoder::Normalised, AuxDecoder::Raw] {
        let new = || {
            let config = TrainConfig {
                aux_decoder,
                ..trainer().config().clone()
            };
            Trainer::new(Sae::random(SaeConfig::new(16, 96, 4), 3).unwrap(), config).unwrap()
        };
        let mut ours = new();
        let mut other = DeviceTrainer::new(new(), tch::Device::Cpu).unwrap();
        let mut dead = 0;
        for batch in batches(12) {
            let (a, b) = (ours.step(&batch).unwrap(), other.step(&batch).unwrap());
            for (a, b) in [
                (a.total, b.total),
                (a.main, b.main),
                (a.aux, b.aux),
                (a.l0, b.l0),
            ] {
                assert!((a - b).abs() <= 1e-5 * a.abs(), "{a} {b}");
            }
            assert_eq!(a.n_dead, b.n_dead);
            dead = dead.max(a.n_dead);
        }
        assert!(dead > 0, "the test must reach the auxiliary loss");
        assert_eq!(other.step_count(), 12);
        let other = other.into_trainer().unwrap();
        assert_eq!(other.miss_counts(), ours.miss_counts());
        let tensors = ours.sae().named().into_iter().zip(other.sae().named());
        for ((name, a), (_, b)) in tensors {
            let error = (a - b).abs().max().double_value(&[]);
            assert!(error < 2e-5, "{name}: {error}");
        }
    }
}

#[test]
fn what_other_devices_cannot_do_is_said() {
    let gated = Sae::random(
        SaeConfig::new(16, 96, 4).with_activation(Activation::Gated),
        3,
    );
    let host = Trainer::new(gated.unwrap(), TrainConfig::new(1)).unwrap();
    let error = DeviceTrainer::new(host, tch::Device::Cpu).err().unwrap();
    assert!(error.to_string().contains("gated"), "{error}");
    let mut other = DeviceTrainer::new(trainer(), tch::Device::Cpu).unwrap();
    let bad = batches(1).remove(0);
    let _ = bad.get(7).get(2).fill_(f64::NAN);
    let error = other.step(&bad).unwrap_err();
    assert!(error.to_string().contains("row 7"), "{error}");
    assert_eq!(other.step_count(), 0);
}
