//! Parity of the loss, its parts and all gradients with the reference; tolerances as in `tests/data/README.md`.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;

use common::{Case, Expected, PRECIPITATION, TINY, case, file, gradient};
use dropsonde_fields::loss_weights;
use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};
use dropsonde_forecaster::{Precision, parameter_shapes};

fn trainer(case: Case) -> (Trainer, Dataset) {
    let phase = Phase {
        steps: 1,
        horizon: 4,
        batch_size: 1,
        peak_rate: 1e-3,
        final_rate: 0.0,
        warmup: 0,
    };
    let config = TrainConfig {
        seed: 0,
        weight_decay: 0.0,
        betas: [0.9, 0.95],
        clip_norm: 32.0,
        ema_decay: 0.0,
        phases: vec![phase],
    };
    let data = Dataset::new(case.sequence(), 4).unwrap();
    (Trainer::new(case.forecaster, config).unwrap(), data)
}

fn golden(model: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(file(model, "loss.json")).unwrap()).unwrap()
}

fn assert_close(found: f64, expected: f64, relative: f64, what: &str) {
    let error = (found / expected - 1.0).abs();
    assert!(error < relative, "{what}: {found}, expected {expected}");
}

#[test]
fn the_loss_and_its_parts_match_the_reference() {
    for model in [TINY, PRECIPITATION] {
        let golden = golden(model);
        let (trainer, data) = trainer(case(model, Precision::F64));
        for (horizon, name) in [(1, "1step"), (4, "4step_ar")] {
            let parts = trainer.loss_parts(&data, &[0], horizon).unwrap();
            let total = golden[format!("loss_{name}")].as_f64().unwrap();
            assert_close(parts.total, total, 1e-5, name);
            let loss = trainer.loss(&data, &[0], horizon).unwrap();
            assert_close(loss.double_value(&[]), total, 1e-5, name);
            let expected = &golden[format!("per_variable_unweighted_{name}")];
            assert_eq!(parts.variables.len(), expected.as_object().unwrap().len());
            for (variable, value) in &parts.variables {
                let expected = expected[variable.name()].as_f64().unwrap();
                assert_close(*value, expected, 1e-5, variable.name());
            }
        }
    }
}

#[test]
fn the_weights_of_the_loss_match_the_reference() {
    let golden = golden(TINY);
    let case = common::tiny(Precision::F32);
    let task = case.forecaster.task();
    let (nodes, channels) = loss_weights(task, &case.forecaster.graph().grid);
    let latitudes = golden["latitude_weights"].as_array().unwrap();
    assert_eq!(nodes.len(), 36 * latitudes.len());
    for (row, expected) in nodes.chunks(36).zip(latitudes) {
        for &weight in row {
            assert!((f64::from(weight) - expected.as_f64().unwrap()).abs() < 1e-6);
        }
    }
    let levels = golden["level_weights"].as_array().unwrap();
    let of_variables = golden["per_variable_weights"].as_object().unwrap();
    for (channel, &weight) in task.output_channels().iter().zip(&channels) {
        let variable = of_variables
            .get(channel.variable.name())
            .map_or(1.0, |w| w.as_f64().unwrap());
        let level = channel.level.map_or(1.0, |level| {
            let place = task.pressure_levels.iter().position(|&l| l == level);
            levels[place.unwrap()].as_f64().unwrap() / levels.len() as f64
        });
        assert_close(weight.into(), variable * level, 1e-5, &channel.to_string());
    }
}

#[test]
fn all_gradients_match_the_reference() {
    for model in [TINY, PRECIPITATION] {
        let (golden, grads) = (golden(model), Expected::read(model, "grads.npz"));
        for (horizon, norm) in [
            (1, "grad_global_norm_1step"),
            (4, "grad_global_norm_4step_ar"),
        ] {
            let (trainer, data) = trainer(case(model, Precision::F64));
            trainer.loss(&data, &[0], horizon).unwrap().backward();
            let mut square = 0.0;
            let mut compared = 0;
            for (name, parameter) in trainer.forecaster().parameters().iter() {
                let expected = gradient(&grads, horizon, name);
                let size = expected.norm().double_value(&[]);
                compared += 1;
                let found = parameter.grad();
                if !found.defined() {
                    // What nothing reads has no gradient here and one of 0 in the reference.
                    assert_eq!(size, 0.0, "{name}");
                    continue;
                }
                let error = (&found - &expected).norm().double_value(&[]);
                assert!(
                    error <= 1e-4 * size.max(1e-12),
                    "{model}, {horizon} steps, {name}: {error} of {size}"
                );
                square += found.norm().double_value(&[]).powi(2);
            }
            let task = trainer.forecaster().task();
            let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
            let all = parameter_shapes(trainer.forecaster().config(), c_in, c_out);
            assert_eq!(compared, all.len());
            assert_close(square.sqrt(), golden[norm].as_f64().unwrap(), 1e-4, norm);
        }
    }
}
