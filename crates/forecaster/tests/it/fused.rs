//! The fused kernel: the same bits for any number of threads, never in place where somebody may look, and clear refusals.

use crate::common::{Case, TINY, case, tiny};
use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, Kernel, NoTap, Precision, Site, Tap,
};
use tch::{IndexOp, Kind, Tensor};

fn fused(precision: Precision) -> Case {
    case(TINY, Kernel::Fused, precision)
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(work)
}

#[test]
fn a_step_has_the_same_bits_for_any_number_of_threads() {
    for precision in [Precision::F32, Precision::Bf16] {
        let outputs = [1, 2, 3, 5].map(|threads| {
            with_threads(threads, || {
                let case = fused(precision);
                case.forecaster.predict(&case.raw(), &mut NoTap).unwrap()
            })
        });
        assert!(outputs.iter().all(|o| o.equal(&outputs[0])), "{precision}");
    }
}

/// Gradients of weights are summed in as many parts as there are threads, so only the same number gives the same bits.
#[test]
fn gradients_have_the_same_bits_for_the_same_number_of_threads() {
    let phase = Phase {
        steps: 1,
        horizon: 2,
        batch_size: 1,
        peak_rate: 1e-3,
        final_rate: 0.0,
        warmup: 0,
    };
    let norms = [2, 2, 3].map(|threads| {
        with_threads(threads, || {
            let case = fused(Precision::F32);
            let data = Dataset::new(case.sequence(), 2).unwrap();
            let config = TrainConfig {
                seed: 0,
                weight_decay: 0.0,
                betas: [0.9, 0.95],
                clip_norm: 32.0,
                ema_decay: 0.0,
                variable_weights: Default::default(),
                phases: vec![phase.clone()],
            };
            let mut trainer = Trainer::new(case.forecaster, config).unwrap();
            let report = trainer.step(&data).unwrap().unwrap();
            let weights = trainer.forecaster().parameters().sha256();
            (report.gradient_norm, weights)
        })
    });
    assert_eq!(norms[0], norms[1]);
    assert!((norms[0].0 / norms[2].0 - 1.0).abs() < 1e-5);
}

/// Keeps handles on what every site saw, and copies.
#[derive(Default)]
struct Keep(Vec<(Tensor, Tensor)>);

impl Tap for Keep {
    fn visit(&mut self, _site: Site, latents: Tensor) -> Tensor {
        self.0.push((latents.shallow_clone(), latents.copy()));
        latents
    }
}

#[test]
fn what_a_tap_has_seen_never_changes() {
    let case = fused(Precision::F32);
    let mut keep = Keep::default();
    let _ = case.forecaster.predict(&case.raw(), &mut keep).unwrap();
    assert_eq!(keep.0.len(), 4);
    assert!(keep.0.iter().all(|(seen, copy)| seen.equal(copy)));
}

#[test]
fn phases_leave_latents_that_others_hold_alone() {
    let case = fused(Precision::F32);
    let features = case.forecaster.features(&case.raw());
    let start = case.forecaster.encode(&features).unwrap();
    let [mut once, mut again] = [start.shallow_clone(), start.shallow_clone()];
    case.forecaster.process(0..3, &mut once).unwrap();
    case.forecaster.process(0..1, &mut again).unwrap();
    case.forecaster.process(1..3, &mut again).unwrap();
    let [once, again] = [once, again].map(|l| case.forecaster.decode(&l).unwrap());
    assert!(once.equal(&again));
    let whole = case.forecaster.forward(&features, &mut NoTap).unwrap();
    assert!(once.equal(&whole));
}

#[test]
fn a_prediction_in_the_memory_of_its_inputs_has_the_same_bits() {
    for kernel in Kernel::ALL {
        let case = case(TINY, kernel, Precision::F32);
        let expected = tch::no_grad(|| case.forecaster.predict(&case.raw(), &mut NoTap)).unwrap();
        let found = case
            .forecaster
            .predict_owned(case.raw(), &mut NoTap)
            .unwrap();
        assert!(found.equal(&expected), "{kernel}");
    }
}

/// Latents that a tap cuts from a larger tensor are not row-major.
#[test]
fn latents_in_any_layout_are_taken() {
    struct Strided;
    impl Tap for Strided {
        fn visit(&mut self, _site: Site, latents: Tensor) -> Tensor {
            let doubled = Tensor::stack(&[&latents, &latents], -1);
            doubled.i((.., .., .., 1))
        }
    }
    let case = fused(Precision::F32);
    let [strided, plain] = [
        case.forecaster.predict(&case.raw(), &mut Strided).unwrap(),
        case.forecaster.predict(&case.raw(), &mut NoTap).unwrap(),
    ];
    assert!(strided.equal(&plain));
}

#[test]
fn gradients_f64_and_other_kinds_are_refused_with_a_hint() {
    let case = fused(Precision::F32);
    let features = case.forecaster.features(&case.raw());
    let leaf = features.copy().set_requires_grad(true);
    let error = case
        .forecaster
        .forward(&leaf, &mut NoTap)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("gradient") && error.contains("`plain`"),
        "{error}"
    );
    let double = features.to_kind(Kind::Double);
    let error = case.forecaster.encode(&double).unwrap_err().to_string();
    assert!(error.contains("Double") && error.contains("f32"), "{error}");
    let checkpoint = Checkpoint::read(crate::common::file(TINY, "checkpoint.npz")).unwrap();
    let options = ForecasterOptions {
        precision: Precision::F64,
        kernel: Kernel::Fused,
        ..ForecasterOptions::default()
    };
    let plain = tiny(Precision::F32);
    let grid = plain.forecaster.graph().grid.clone();
    let error = Forecaster::new(&checkpoint, grid, &plain.normalizer, options);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("f64") && error.contains("`plain`"),
        "{error}"
    );
}

#[test]
fn names_of_kernels_round_trip_and_others_are_refused() {
    for kernel in Kernel::ALL {
        assert_eq!(kernel.to_string().parse::<Kernel>().unwrap(), kernel);
    }
    let error = "quick".parse::<Kernel>().unwrap_err().to_string();
    assert!(
        error.contains("`quick`") && error.contains("`fused`"),
        "{error}"
    );
    assert_eq!(
        Kernel::best(tch::Device::Cpu, Precision::Bf16),
        Kernel::Fused
    );
    assert_eq!(
        Kernel::best(tch::Device::Cpu, Precision::F64),
        Kernel::Plain
    );
    assert_eq!(
        Kernel::best(tch::Device::Cuda(0), Precision::F32),
        Kernel::Plain
    );
}
