//! Parity with the reference on random weights; tolerances are those of `tests/data/README.md`.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

mod common;

use common::{Tiny, max_difference, tiny};
use dropsonde_fields::State;
use dropsonde_forecaster::train::{Dataset, Phase, TrainConfig, Trainer};
use dropsonde_forecaster::{Checkpoint, NoTap, Site, Tap};
use tch::{Kind, Tensor};

/// Keeps what every site saw.
#[derive(Default)]
struct Everything(Vec<(Site, Tensor)>);

impl Tap for Everything {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        self.0.push((site, latents.shallow_clone()));
        latents
    }
}

fn raw(tiny: &Tiny) -> Tensor {
    tiny.forecaster
        .raw_inputs(&tiny.inputs[0], &tiny.inputs[1], &tiny.forcings[0])
        .unwrap()
}

#[test]
fn features_latents_and_output_match_the_reference() {
    let tiny = tiny(Kind::Float);
    let features = tiny.forecaster.features(&raw(&tiny));
    assert!(max_difference(&features, &tiny.expected.tensor("grid_input_features")) < 2e-5);
    let mut seen = Everything::default();
    let output = tch::no_grad(|| tiny.forecaster.forward(&features, &mut seen)).unwrap();
    assert_eq!(seen.0.len(), 4);
    for (site, latents) in &seen.0 {
        let name = match site {
            Site::Encoder => "g2m_mesh_latents".to_owned(),
            Site::Processor(step) => format!("mesh_gnn_step{step}_nodes_mesh_nodes"),
        };
        let difference = max_difference(latents, &tiny.expected.tensor(&name));
        assert!(difference < 2e-5, "{site}: {difference}");
    }
    let difference = max_difference(&output, &tiny.expected.tensor("grid_output"));
    assert!(difference < 2e-5, "{difference}");
}

#[test]
fn f64_matches_the_reference_in_f64() {
    let tiny = tiny(Kind::Double);
    // The reference's f32 features, so that only the network is compared.
    let features = tiny.expected.tensor("grid_input_features");
    let mut latents = tiny.forecaster.encode(&features).unwrap();
    let difference = max_difference(&latents.mesh, &tiny.expected.tensor("f64_g2m_mesh_latents"));
    assert!(difference < 2e-5, "{difference}");
    tiny.forecaster.process(0..3, &mut latents).unwrap();
    let difference = max_difference(
        &latents.mesh,
        &tiny.expected.tensor("f64_mesh_latents_final"),
    );
    assert!(difference < 2e-5, "{difference}");
    let difference = max_difference(
        &tiny.forecaster.decode(&latents),
        &tiny.expected.tensor("f64_grid_output"),
    );
    assert!(difference < 2e-5, "{difference}");
}

/// Largest difference of a state and expected output channels `[N, C_out]`, in units of each channel's scale.
fn scaled_difference(tiny: &Tiny, state: &State, name: &str) -> f64 {
    let scale: Vec<f32> = tiny.normalizer.outputs.iter().map(|o| o.scale).collect();
    let found = tiny
        .forecaster
        .raw_targets(state)
        .unwrap()
        .squeeze_dim(1)
        .to_kind(Kind::Double);
    let difference =
        (found - tiny.expected.tensor(name)) / Tensor::from_slice(&scale).to_kind(Kind::Double);
    difference.abs().max().double_value(&[])
}

#[test]
fn prediction_and_rollout_match_the_reference() {
    let tiny = tiny(Kind::Float);
    let (mut previous, mut current) = (tiny.inputs[0].clone(), tiny.inputs[1].clone());
    for (step, forcings) in tiny.forcings.iter().enumerate() {
        let next = tiny
            .forecaster
            .step(&previous, &current, forcings, &mut NoTap)
            .unwrap();
        // diffs_std for one step; std (about twice as large here or more) for the rollout.
        let (name, tolerance) = match step {
            0 => ("prediction_1step", 5e-5),
            1 => ("rollout_step2", 2e-4),
            3 => ("rollout_step4", 4e-4),
            _ => ("", 0.0),
        };
        if !name.is_empty() {
            let difference = scaled_difference(&tiny, &next, name);
            assert!(difference < tolerance, "{name}: {difference}");
        }
        (previous, current) = (current, next);
    }
}

fn trainer_and_data() -> (Trainer, Dataset, common::Expected) {
    let tiny = tiny(Kind::Double);
    let mut states = tiny.inputs;
    for (mut target, forcings) in tiny.targets.into_iter().zip(tiny.forcings) {
        target.fields.extend(forcings.fields);
        target.fields.extend(
            states[0]
                .fields
                .clone()
                .into_iter()
                .filter(|(v, _)| v.is_static()),
        );
        states.push(target);
    }
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
    let data = Dataset::new(states, 4).unwrap();
    (
        Trainer::new(tiny.forecaster, config).unwrap(),
        data,
        tiny.expected,
    )
}

#[test]
fn loss_and_gradients_match_the_reference() {
    let (trainer, data, expected) = trainer_and_data();
    let text = std::fs::read_to_string(common::data("loss.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (horizon, loss_key, gradient_key) in
        [(1, "loss_1step", "grad1|"), (4, "loss_4step_ar", "grad4|")]
    {
        let loss = trainer.loss(&data, &[0], horizon).unwrap();
        let golden_loss = golden[loss_key].as_f64().unwrap();
        assert!(
            (loss.double_value(&[]) / golden_loss - 1.0).abs() < 1e-5,
            "{loss_key}"
        );
        loss.backward();
        let mut compared = 0;
        for (name, parameter) in trainer.forecaster().parameters().iter() {
            let key = format!("{gradient_key}{}", name.replace('/', "!"));
            if expected.has(&key) {
                let golden = expected.tensor(&key);
                let relative =
                    ((parameter.grad() - &golden).norm() / golden.norm()).double_value(&[]);
                assert!(relative < 1e-4, "{name}: {relative}");
                compared += 1;
            }
            if parameter.grad().defined() {
                let _ = parameter.grad().zero_();
            }
        }
        assert!(compared > 0);
    }
}

#[test]
fn checkpoint_round_trips_through_the_public_layout() {
    let read = Checkpoint::read(common::data("checkpoint.npz")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy.npz");
    read.write(&path).unwrap();
    let again = Checkpoint::read(&path).unwrap();
    assert_eq!(again.model, read.model);
    assert_eq!(again.task, read.task);
    assert_eq!(again.description, read.description);
    assert_eq!(again.parameters.sha256(), read.parameters.sha256());
}
