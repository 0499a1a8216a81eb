//! Parity of the loss, its parts and all gradients with the reference; tolerances as in `tests/data/README.md`.

use crate::common::{Case, Expected, PRECIPITATION, TINY, case, case_on, file, gradient};
use dropsonde_fields::loss_weights;
use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};
use dropsonde_forecaster::{Checkpoint, Kernel, ModelConfig, Precision, parameter_shapes};
use dropsonde_mesh::Graph;
use tch::Tensor;

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
        variable_weights: Default::default(),
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

/// The most accurate that a kernel has.
fn precision(kernel: Kernel) -> Precision {
    match kernel {
        Kernel::Fused => Precision::F32,
        _ => Precision::F64,
    }
}

#[test]
fn the_loss_and_its_parts_match_the_reference() {
    for model in [TINY, PRECIPITATION] {
        let golden = golden(model);
        for (kernel, horizon, name) in [
            (Kernel::Plain, 1, "1step"),
            (Kernel::Plain, 4, "4step_ar"),
            (Kernel::Fused, 1, "1step"),
            (Kernel::Fused, 4, "4step_ar"),
        ] {
            let (trainer, data) = trainer(case(model, kernel, precision(kernel)));
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
    let case = crate::common::tiny(Precision::F32);
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
        for (kernel, horizon, norm) in [
            (Kernel::Plain, 1, "grad_global_norm_1step"),
            (Kernel::Plain, 4, "grad_global_norm_4step_ar"),
            (Kernel::Fused, 1, "grad_global_norm_1step"),
            (Kernel::Fused, 4, "grad_global_norm_4step_ar"),
        ] {
            let (trainer, data) = trainer(case(model, kernel, precision(kernel)));
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
                    "{model}, {kernel}, {horizon} steps, {name}: {error} of {size}"
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

/// Depths, widths and batches for which the reference gave no gradients, against automatic differentiation in f64.
#[test]
fn fused_gradients_agree_with_automatic_differentiation() {
    for (hidden_layers, latent_size, steps, samples) in [
        (0, 24, 2, &[0][..]),
        (1, 17, 3, &[0, 1]),
        (2, 32, 1, &[1, 0, 1]),
        (3, 16, 2, &[0]),
    ] {
        let tiny = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
        let model = ModelConfig {
            hidden_layers,
            latent_size,
            gnn_msg_steps: steps,
            ..tiny.model
        };
        let checkpoint = Checkpoint::random(model, tiny.task, 5).unwrap();
        let [plain, fused] = Kernel::ALL.map(|kernel| {
            let grid = crate::common::open("inputs.nc").grid().clone();
            let graph = Graph::build(grid, &checkpoint.model.graph_config()).unwrap();
            let case = case_on(TINY, &checkpoint, graph, kernel, precision(kernel));
            let data = Dataset::new(case.sequence(), 2).unwrap();
            let (trainer, _) = trainer(case);
            trainer.loss(&data, samples, 2).unwrap().backward();
            trainer
        });
        let pairs = plain.forecaster().parameters().iter();
        for ((name, plain), (_, fused)) in pairs.zip(fused.forecaster().parameters().iter()) {
            let (expected, found) = (plain.grad(), fused.grad());
            assert_eq!(expected.defined(), found.defined(), "{name}");
            if !expected.defined() {
                continue;
            }
            let size = expected.norm().double_value(&[]);
            let error = (&found - &expected).norm().double_value(&[]);
            assert!(
                error <= 1e-4 * size + 1e-9,
                "{hidden_layers} hidden, width {latent_size}, {name}: {error} of {size}"
            );
        }
    }
}

#[test]
fn gradients_in_bf16_point_where_those_in_f32_do() {
    for model in [TINY, PRECIPITATION] {
        let grads = |precision| {
            let (trainer, data) = trainer(case(model, Kernel::Fused, precision));
            trainer.loss(&data, &[0], 4).unwrap().backward();
            let parameters = trainer.forecaster().parameters().iter();
            let grads = parameters.map(|(_, p)| p.grad()).filter(Tensor::defined);
            let flat: Vec<Tensor> = grads.map(|g| g.flatten(0, -1)).collect();
            Tensor::cat(&flat, 0)
        };
        let [single, brain] = [Precision::F32, Precision::Bf16].map(grads);
        let error = (&brain - &single).norm().double_value(&[]) / single.norm().double_value(&[]);
        assert!(1e-5 < error && error < 0.03, "{model:?}: {error}");
    }
}
