//! Configurations for which there is no reference output, against a plain second implementation (`common/naive.rs`).

use crate::common::naive::{Naive, matrix, rows};
use crate::common::{TINY, file, max_difference, open, reference_graph, tiny};
use dropsonde_fields::{Affine, Normalizer, OutputAffine, Task, Variable};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, Kernel, ModelConfig, Precision, Rng, Site, Tap,
};
use dropsonde_mesh::{Graph, LatLonGrid};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tch::{IndexOp, Tensor};

#[test]
fn the_plain_implementation_matches_the_reference_in_f64() {
    let case = tiny(Precision::F64);
    let checkpoint = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    let graph = reference_graph(&checkpoint.model, open("inputs.nc").grid().clone());
    let features = case.expected.tensor("grid_input_features").squeeze_dim(1);
    let pass = Naive::new(&checkpoint, &graph).forward(&rows(&features));
    assert_eq!(pass.mesh.len(), 4);
    for (found, name) in [
        (&pass.mesh[0], "f64_g2m_mesh_latents"),
        (&pass.mesh[3], "f64_mesh_latents_final"),
        (&pass.output, "f64_grid_output"),
    ] {
        let expected = case.expected.tensor(name).squeeze_dim(1);
        let difference = max_difference(&matrix(found), &expected);
        assert!(difference < 1e-5, "{name}: {difference}");
    }
}

/// Keeps the mesh latents of every site.
#[derive(Default)]
struct Mesh(Vec<Tensor>);

impl Tap for Mesh {
    fn visit(&mut self, _site: Site, latents: Tensor) -> Tensor {
        self.0.push(latents.shallow_clone());
        latents
    }
}

/// No scaling at all: features go in as they are.
fn identity(task: &Task) -> Normalizer {
    let inputs = task.input_channels().into_iter().map(|_| Affine {
        scale: 1.0,
        offset: 0.0,
    });
    let outputs = task.output_channels().into_iter().map(|_| OutputAffine {
        scale: 1.0,
        offset: 0.0,
        residual: None,
    });
    Normalizer {
        inputs: inputs.collect(),
        outputs: outputs.collect(),
    }
}

/// Largest difference of latents at every site and of the output, for all members of a batch.
fn compare(
    model: &ModelConfig,
    task: &Task,
    grid: LatLonGrid,
    batch: usize,
    (kernel, precision): (Kernel, Precision),
) -> f64 {
    let checkpoint = Checkpoint::random(model.clone(), task.clone(), 3).unwrap();
    let graph = Graph::build(grid, &model.graph_config()).unwrap();
    let options = ForecasterOptions {
        kernel,
        precision,
        ..ForecasterOptions::default()
    };
    let forecaster =
        Forecaster::with_graph(&checkpoint, graph.clone(), &identity(task), options).unwrap();
    let (n, c) = (graph.grid.n_nodes(), task.input_channels().len());
    let mut rng = Rng::new(11);
    let values: Vec<f32> = (0..n * batch * c).map(|_| rng.normal() as f32).collect();
    let features = Tensor::from_slice(&values)
        .reshape([n as i64, batch as i64, c as i64])
        .to_kind(precision.stream());
    let mut seen = Mesh::default();
    let output = tch::no_grad(|| forecaster.forward(&features, &mut seen)).unwrap();
    assert_eq!(seen.0.len(), usize::from(model.gnn_msg_steps) + 1);
    let naive = Naive::new(&checkpoint, &graph);
    let mut largest = 0f64;
    for member in 0..batch as i64 {
        let one = |t: &Tensor| t.i((.., member, ..));
        let pass = naive.forward(&rows(&one(&features)));
        for (found, expected) in seen.0.iter().zip(&pass.mesh) {
            largest = largest.max(max_difference(&one(found), &matrix(expected)));
        }
        largest = largest.max(max_difference(&one(&output), &matrix(&pass.output)));
    }
    largest
}

fn small_task(levels: &[u32]) -> Task {
    Task {
        input_variables: vec![
            Variable::TEMPERATURE,
            Variable::TEMPERATURE_2M,
            Variable::LAND_SEA_MASK,
        ],
        target_variables: vec![
            Variable::TEMPERATURE,
            Variable::TEMPERATURE_2M,
            Variable::TOTAL_PRECIPITATION_6HR,
        ],
        forcing_variables: vec![Variable::TOA_INCIDENT_SOLAR_RADIATION],
        pressure_levels: levels.to_vec(),
        input_duration_hours: 12,
    }
}

fn grid(choice: usize) -> LatLonGrid {
    let axis = |start: f32, step: f32, n: usize| (0..n).map(|i| start + step * i as f32).collect();
    match choice {
        0 => LatLonGrid::with_poles(30.0).unwrap(),
        // Cell centres, no poles.
        1 => LatLonGrid::new(axis(-78.75, 22.5, 8), axis(0.0, 22.5, 16)).unwrap(),
        // From north to south, as many files are.
        _ => LatLonGrid::new(axis(90.0, -20.0, 10), axis(0.0, 20.0, 18)).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_configuration_agrees_with_the_plain_implementation(
        hidden_layers in 0u8..=3,
        latent_size in prop::sample::select(vec![1i64, 2, 7, 17, 24]),
        gnn_msg_steps in 1u8..=5,
        mesh_size in 0u8..=2,
        factor in prop::option::of(0.3f64..1.5),
        fraction in prop::sample::select(vec![0.2, 0.6, 1.1]),
        choice in 0usize..3,
        levels in prop::sample::select(vec![vec![500u32], vec![1000, 850, 50], vec![1, 10, 100, 1000]]),
        batch in 1usize..=2,
    ) {
        let model = ModelConfig {
            resolution: 0.0,
            mesh_size,
            latent_size,
            gnn_msg_steps,
            hidden_layers,
            radius_query_fraction_edge_length: fraction,
            mesh2grid_edge_normalization_factor: factor,
        };
        let task = small_task(&levels);
        let f64 = compare(&model, &task, grid(choice), batch, (Kernel::Plain, Precision::F64));
        // Layer normalisation of one or two channels divides by almost nothing where they nearly agree.
        prop_assert!(f64 < 1e-9, "f64: {f64}");
        let [plain, fused] = Kernel::ALL.map(|kernel| {
            compare(&model, &task, grid(choice), batch, (kernel, Precision::F32))
        });
        prop_assert!(fused < 2.0 * plain + 1e-5, "f32: fused {fused}, plain {plain}");
    }
}

/// 37 and 13 levels, wide and odd latents, one and five steps, meshes 1 and 3; in f32 too.
#[test]
fn published_tasks_and_other_shapes_agree_with_the_plain_implementation() {
    let shape = |mesh_size, latent_size, gnn_msg_steps, hidden_layers| ModelConfig {
        mesh_size,
        latent_size,
        gnn_msg_steps,
        hidden_layers,
        ..ModelConfig::graphcast_small()
    };
    for (model, task, choice) in [
        (shape(1, 24, 5, 2), Task::graphcast(), 0),
        (shape(3, 17, 1, 1), Task::graphcast_13(), 1),
        (shape(1, 32, 2, 3), Task::graphcast_13_precip_out(), 2),
        (shape(1, 16, 2, 0), Task::graphcast_13(), 0),
    ] {
        let compare =
            |kernel, precision| compare(&model, &task, grid(choice), 1, (kernel, precision));
        let f64 = compare(Kernel::Plain, Precision::F64);
        assert!(f64 < 1e-10, "{model:?}: {f64}");
        for kernel in Kernel::ALL {
            let f32 = compare(kernel, Precision::F32);
            assert!(f32 < 1e-4, "{model:?}, {kernel}: {f32}");
            let bf16 = compare(kernel, Precision::Bf16);
            assert!(f32 < bf16 && bf16 < 0.5, "{model:?}, {kernel}: {bf16}");
        }
    }
}
