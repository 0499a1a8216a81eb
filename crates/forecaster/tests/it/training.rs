//! Training: exact resumption, the effect of a step, and bad state.

use crate::common::{TINY, case, case_on, file, open, tiny};
use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};
use dropsonde_forecaster::{Checkpoint, Kernel, Precision};
use dropsonde_mesh::Graph;

fn config() -> TrainConfig {
    let phase = |steps, horizon| Phase {
        steps,
        horizon,
        batch_size: 2,
        peak_rate: 1e-3,
        final_rate: 1e-5,
        warmup: 2,
    };
    TrainConfig {
        seed: 3,
        weight_decay: 0.1,
        betas: [0.9, 0.95],
        clip_norm: 32.0,
        ema_decay: 0.99,
        variable_weights: Default::default(),
        phases: vec![phase(4, 1), phase(4, 2)],
    }
}

fn start(kernel: Kernel) -> (Trainer, Dataset) {
    let tiny = case(TINY, kernel, Precision::F32);
    let data = Dataset::new(tiny.sequence(), 2).unwrap();
    (Trainer::new(tiny.forecaster, config()).unwrap(), data)
}

fn run(trainer: &mut Trainer, data: &Dataset, steps: usize) -> Vec<f64> {
    let mut losses = Vec::new();
    while losses.len() < steps {
        match trainer.step(data).unwrap() {
            Some(report) => losses.push(report.loss),
            None => break,
        }
    }
    losses
}

#[test]
fn resumed_training_ends_with_the_same_bits_as_uninterrupted_training() {
    Kernel::ALL.into_iter().for_each(check_resumption);
}

fn check_resumption(kernel: Kernel) {
    let (mut whole, data) = start(kernel);
    let losses = run(&mut whole, &data, 100);
    assert_eq!(losses.len(), 8);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.safetensors");
    for cut in [1, 4, 5] {
        let (mut first, data) = start(kernel);
        run(&mut first, &data, cut);
        first.save(&state).unwrap();
        let (mut second, data) = start(kernel);
        second.resume(&state).unwrap();
        assert_eq!(second.steps_done(), cut as u64);
        assert_eq!(run(&mut second, &data, 100), losses[cut..]);
        let sha = |t: &Trainer| {
            t.checkpoint(String::new(), String::new())
                .parameters
                .sha256()
        };
        assert_eq!(sha(&second), sha(&whole));
    }
}

#[test]
fn a_state_of_another_kernel_is_refused() {
    let [(plain, _), (mut fused, _)] = Kernel::ALL.map(start);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.safetensors");
    plain.save(&state).unwrap();
    let error = fused.resume(&state).unwrap_err().to_string();
    assert!(
        error.contains("`plain`") && error.contains("`fused`"),
        "{error}"
    );
}

/// Both kernels go the same way, up to rounding.
#[test]
fn both_kernels_train_alike() {
    let [plain, fused] = Kernel::ALL.map(|kernel| {
        let (mut trainer, data) = start(kernel);
        let losses = run(&mut trainer, &data, 100);
        (losses, trainer)
    });
    for (plain, fused) in plain.0.iter().zip(&fused.0) {
        assert!((plain / fused - 1.0).abs() < 1e-4, "{plain} {fused}");
    }
    let [plain, fused] = [plain.1, fused.1];
    let sha = |t: &Trainer| {
        t.checkpoint(String::new(), String::new())
            .parameters
            .sha256()
    };
    assert_ne!(sha(&plain), sha(&fused));
    let pairs = plain
        .forecaster()
        .parameters()
        .iter()
        .zip(fused.forecaster().parameters().iter());
    for ((name, plain), (_, fused)) in pairs {
        let difference = (plain - fused).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{name}: {difference}");
    }
}

/// A trainer never changes the weights of the checkpoint that its forecaster came from.
#[test]
fn training_leaves_the_checkpoint_alone() {
    let checkpoint = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    let before = checkpoint.parameters.sha256();
    for kernel in Kernel::ALL {
        let grid = open("inputs.nc").grid().clone();
        let graph = Graph::build(grid, &checkpoint.model.graph_config()).unwrap();
        let case = case_on(TINY, &checkpoint, graph, kernel, Precision::F32);
        let data = Dataset::new(case.sequence(), 2).unwrap();
        let mut trainer = Trainer::new(case.forecaster, config()).unwrap();
        run(&mut trainer, &data, 2);
        assert_eq!(checkpoint.parameters.sha256(), before, "{kernel}");
    }
}

#[test]
fn training_lowers_the_loss_of_what_it_sees() {
    let (mut trainer, data) = start(Kernel::Fused);
    let loss = |t: &Trainer| tch::no_grad(|| t.loss(&data, &[0, 1], 1).unwrap().double_value(&[]));
    let before = loss(&trainer);
    run(&mut trainer, &data, 100);
    let after = loss(&trainer);
    assert!(after < before, "{before} -> {after}");
}

#[test]
fn a_state_of_another_configuration_or_a_broken_one_is_refused() {
    let (mut trainer, data) = start(Kernel::Fused);
    run(&mut trainer, &data, 1);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.safetensors");
    trainer.save(&state).unwrap();
    let other = TrainConfig {
        weight_decay: 0.2,
        ..config()
    };
    let mut changed =
        Trainer::new(case(TINY, Kernel::Fused, Precision::F32).forecaster, other).unwrap();
    let error = changed.resume(&state).unwrap_err().to_string();
    assert!(error.contains("another training configuration"), "{error}");
    let bytes = std::fs::read(&state).unwrap();
    std::fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    assert!(trainer.resume(&state).is_err());
    std::fs::remove_file(&state).unwrap();
    let error = trainer.resume(&state).unwrap_err().to_string();
    assert!(error.contains("state.safetensors"), "{error}");
}

#[test]
fn the_plain_kernel_does_not_train_in_bf16() {
    let error = Trainer::new(tiny(Precision::Bf16).forecaster, config())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`bf16`") && error.contains("hint: train in `f32`"),
        "{error}"
    );
}

#[test]
fn bf16_trains_nearly_as_f32_and_resumes_to_the_same_bits() {
    let (mut single, data) = start(Kernel::Fused);
    let start = || {
        let tiny = case(TINY, Kernel::Fused, Precision::Bf16);
        Trainer::new(tiny.forecaster, config()).unwrap()
    };
    let mut brain = start();
    let expected = run(&mut single, &data, 8);
    let found = run(&mut brain, &data, 8);
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found != expected, "this is f32");
        let error = (found / expected - 1.0).abs();
        assert!(error < 0.02, "{found}, in f32 {expected}");
    }
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.safetensors");
    let mut first = start();
    run(&mut first, &data, 5);
    first.save(&state).unwrap();
    let mut second = start();
    second.resume(&state).unwrap();
    assert_eq!(run(&mut second, &data, 8), found[5..]);
    let error = single.resume(&state).unwrap_err().to_string();
    assert!(
        error.contains("in bf16") && error.contains("in f32"),
        "{error}"
    );
}

#[test]
fn weights_of_variables_replace_those_of_the_reference() {
    let tiny = || case(TINY, Kernel::Fused, Precision::F32);
    let with = |weights: &[(&str, f64)]| {
        let weights = weights.iter().map(|&(name, w)| (name.into(), w));
        let config = TrainConfig {
            variable_weights: weights.collect(),
            ..config()
        };
        Trainer::new(tiny().forecaster, config)
    };
    let data = Dataset::new(tiny().sequence(), 1).unwrap();
    let parts = |trainer: &Trainer| trainer.loss_parts(&data, &[0], 1).unwrap();
    let (usual, other) = (
        with(&[]).unwrap(),
        with(&[("2m_temperature", 3.0), ("temperature", 0.0)]).unwrap(),
    );
    let (before, after) = (parts(&usual), parts(&other));
    assert_eq!(before.variables, after.variables);
    let part = |name: &str| {
        let mut of = before.variables.iter().filter(|(v, _)| v.name() == name);
        of.next().unwrap().1
    };
    let expected = before.total + 2.0 * part("2m_temperature") - part("temperature");
    assert!((after.total / expected - 1.0).abs() < 1e-6);
    let loss = other.loss(&data, &[0], 1).unwrap().double_value(&[]);
    assert!((loss / expected - 1.0).abs() < 1e-5, "{loss}, {expected}");
    for (name, weight, expected) in [
        ("land_sea_mask", 1.0, "no target variable"),
        ("temperature", f64::NAN, "expected a number"),
    ] {
        let error = with(&[(name, weight)]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
