//! Parity of one step and a rollout with the reference on random weights; tolerances as in `tests/data/README.md`.

use crate::common::{
    Case, Expected, FACTOR, PRECIPITATION, TINY, case, case_on, file, max_difference, open,
    scaled_difference, tiny,
};
use dropsonde_forecaster::{Checkpoint, Forecaster, Kernel, NoTap, Precision, Site, Tap};
use dropsonde_mesh::Graph;
use tch::{IndexOp, Kind, Tensor};

/// Keeps what every site saw.
#[derive(Default)]
struct Everything(Vec<(Site, Tensor)>);

impl Tap for Everything {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        self.0.push((site, latents.shallow_clone()));
        latents
    }
}

fn predict(forecaster: &Forecaster, raw: &Tensor) -> Tensor {
    tch::no_grad(|| forecaster.predict(raw, &mut NoTap)).unwrap()
}

/// Every model with every kernel.
fn cases(models: &[&'static str]) -> impl Iterator<Item = (String, Case)> {
    let all = models.iter().flat_map(|&m| Kernel::ALL.map(|k| (m, k)));
    all.map(|(model, kernel)| {
        (
            format!("{model}, {kernel}"),
            case(model, kernel, Precision::F32),
        )
    })
}

/// One step on the first inputs, `[N, C_out]`.
fn prediction(case: &Case) -> Tensor {
    predict(&case.forecaster, &case.raw()).squeeze_dim(1)
}

#[test]
fn features_latents_and_output_match_the_reference() {
    for (model, case) in cases(&[TINY, PRECIPITATION]) {
        let features = case.forecaster.features(&case.raw());
        let expected = case.expected.tensor("grid_input_features");
        assert!(max_difference(&features, &expected) < 2e-5, "{model}");
        let encoded = tch::no_grad(|| case.forecaster.encode(&features)).unwrap();
        let difference = max_difference(&encoded.grid, &case.expected.tensor("g2m_grid_latents"));
        assert!(difference < 2e-5, "{model}: grid latents {difference}");
        let mut seen = Everything::default();
        let output = tch::no_grad(|| case.forecaster.forward(&features, &mut seen)).unwrap();
        assert_eq!(seen.0.len(), 4);
        for (site, latents) in &seen.0 {
            let name = match site {
                Site::Encoder => "g2m_mesh_latents".to_owned(),
                Site::Processor(step) => format!("mesh_gnn_step{step}_nodes_mesh_nodes"),
            };
            let difference = max_difference(latents, &case.expected.tensor(&name));
            assert!(difference < 2e-5, "{model}, {site}: {difference}");
        }
        let difference = max_difference(&output, &case.expected.tensor("grid_output"));
        assert!(difference < 2e-5, "{model}: output {difference}");
    }
}

#[test]
fn f64_matches_the_reference_in_f64() {
    let tiny = tiny(Precision::F64);
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
        &tiny.forecaster.decode(&latents).unwrap(),
        &tiny.expected.tensor("f64_grid_output"),
    );
    assert!(difference < 2e-5, "{difference}");
}

#[test]
fn one_step_predictions_match_the_reference() {
    for (model, case) in cases(&[TINY, FACTOR, PRECIPITATION]) {
        let expected = case.expected.tensor("prediction_1step");
        let difference = scaled_difference(&prediction(&case), &expected, &case.output_scales());
        assert!(difference < 5e-5, "{model}: {difference}");
    }
}

/// The factor is no detail: without it the prediction is far off.
#[test]
fn the_published_edge_normalisation_changes_the_prediction() {
    let [tiny, factor] = [TINY, FACTOR].map(|model| case(model, Kernel::Plain, Precision::F32));
    let difference = scaled_difference(
        &prediction(&tiny),
        &factor.expected.tensor("prediction_1step"),
        &tiny.output_scales(),
    );
    assert!(difference > 1e-2, "{difference}");
}

/// Our own choice of triangles may differ from the reference's at grid points on an edge of the mesh, nowhere else.
#[test]
fn our_own_graph_gives_the_same_prediction_away_from_ties() {
    let checkpoint = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    let grid = open("inputs.nc").grid().clone();
    let own = Graph::build(grid, &checkpoint.model.graph_config()).unwrap();
    let reference = crate::common::reference_graph(&checkpoint.model, own.grid.clone());
    let corners = |graph: &Graph, node: usize| {
        let mut corners = graph.mesh2grid.senders[3 * node..3 * node + 3].to_vec();
        corners.sort_unstable();
        corners
    };
    let same: Vec<i64> = (0..own.grid.n_nodes())
        .filter(|&node| corners(&own, node) == corners(&reference, node))
        .map(|node| node as i64)
        .collect();
    // 48 of 684 points lie on an edge.
    assert!(same.len() >= 684 - 48, "{}", same.len());
    let case = case_on(TINY, &checkpoint, own, Kernel::Plain, Precision::F32);
    let rows = |t: Tensor| t.index_select(0, &Tensor::from_slice(&same));
    let difference = scaled_difference(
        &rows(prediction(&case)),
        &rows(case.expected.tensor("prediction_1step")),
        &case.output_scales(),
    );
    assert!(difference < 5e-5, "{difference}");
}

#[test]
fn a_batch_of_two_matches_the_reference_in_one_pass() {
    cases(&[TINY]).for_each(|(kernel, tiny)| check_batch(&kernel, &tiny));
}

fn check_batch(kernel: &str, tiny: &Case) {
    let second = Expected::read(TINY, "batch2.npz");
    let inputs = second.tensor("inputs_1").to_kind(Kind::Float).unsqueeze(1);
    let both = predict(
        &tiny.forecaster,
        &Tensor::cat(&[tiny.raw(), inputs.shallow_clone()], 1),
    );
    assert_eq!(both.size(), [684, 2, 83]);
    let scales = tiny.output_scales();
    let expected = [
        tiny.expected.tensor("prediction_1step"),
        second.tensor("prediction_1"),
    ];
    for (member, expected) in expected.iter().enumerate() {
        let found = both.i((.., member as i64, ..));
        let difference = scaled_difference(&found, expected, &scales);
        assert!(difference < 5e-5, "{kernel}, member {member}: {difference}");
    }
    let alone = predict(&tiny.forecaster, &inputs).squeeze_dim(1);
    let difference = scaled_difference(&both.i((.., 1, ..)), &alone, &scales);
    assert!(difference < 5e-5, "{difference}");
}

#[test]
fn all_four_steps_of_a_rollout_match_the_reference() {
    for (model, case) in cases(&[TINY, PRECIPITATION]) {
        let (mut previous, mut current) = (case.inputs[0].clone(), case.inputs[1].clone());
        for (step, forcings) in case.forcings.iter().enumerate() {
            let next = case
                .forecaster
                .step_untapped(&previous, &current, forcings)
                .unwrap();
            let name = match step {
                0 => "prediction_1step".to_owned(),
                _ => format!("rollout_step{}", step + 1),
            };
            let found = case.forecaster.raw_targets(&next).unwrap().squeeze_dim(1);
            let expected = case.expected.tensor(&name);
            let difference = scaled_difference(&found, &expected, &case.deviations());
            assert!(
                difference < 2e-4,
                "{model}, step {}: {difference}",
                step + 1
            );
            (previous, current) = (current, next);
        }
    }
}
