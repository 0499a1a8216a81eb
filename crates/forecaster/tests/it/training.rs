//! Training: exact resumption, the effect of a step, and bad state.

use crate::common::tiny;
use dropsonde_forecaster::Precision;
use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};

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
        phases: vec![phase(4, 1), phase(4, 2)],
    }
}

fn start() -> (Trainer, Dataset) {
    let tiny = tiny(Precision::F32);
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
    let (mut whole, data) = start();
    let losses = run(&mut whole, &data, 100);
    assert_eq!(losses.len(), 8);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.safetensors");
    for cut in [1, 4, 5] {
        let (mut first, data) = start();
        run(&mut first, &data, cut);
        first.save(&state).unwrap();
        let (mut second, data) = start();
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
fn training_lowers_the_loss_of_what_it_sees() {
    let (mut trainer, data) = start();
    let loss = |t: &Trainer| tch::no_grad(|| t.loss(&data, &[0, 1], 1).unwrap().double_value(&[]));
    let before = loss(&trainer);
    run(&mut trainer, &data, 100);
    let after = loss(&trainer);
    assert!(after < before, "{before} -> {after}");
}

#[test]
fn a_state_of_another_configuration_or_a_broken_one_is_refused() {
    let (mut trainer, data) = start();
    run(&mut trainer, &data, 1);
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.safetensors");
    trainer.save(&state).unwrap();
    let other = TrainConfig {
        weight_decay: 0.2,
        ..config()
    };
    let mut changed = Trainer::new(tiny(Precision::F32).forecaster, other).unwrap();
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
fn training_in_bf16_is_refused() {
    let error = Trainer::new(tiny(Precision::Bf16).forecaster, config())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`bf16`") && error.contains("hint: train in `f32`"),
        "{error}"
    );
}
