//! Builds a small model with random weights, runs it phase by phase, and compares with one pass.
//!
//! Prints the sites, the shapes on the way, and that both ways give the same bits.

use dropsonde_fields::{LevelTable, Statistics, Task, Variable, VariableStatistics};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, ModelConfig, NoTap, Parameters,
};
use dropsonde_mesh::LatLonGrid;
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Task {
        input_variables: vec![Variable::new("2m_temperature")],
        target_variables: vec![Variable::new("2m_temperature")],
        forcing_variables: vec![],
        pressure_levels: vec![],
        input_duration_hours: 12,
    };
    let model = ModelConfig {
        mesh_size: 2,
        latent_size: 32,
        gnn_msg_steps: 4,
        ..ModelConfig::graphcast_small()
    };
    let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
    let one = |x: f64| Some(LevelTable::single(x));
    let temperature = VariableStatistics {
        mean: one(280.0),
        stddev: one(20.0),
        diffs_stddev: one(3.0),
    };
    let statistics = Statistics {
        source: "made up".to_owned(),
        variables: [(Variable::new("2m_temperature"), temperature)].into(),
    };
    let normalizer = statistics.normalizer(&task)?;
    let checkpoint = Checkpoint {
        parameters: Parameters::random(&model, c_in, c_out, 1),
        model,
        task,
        description: "random weights".to_owned(),
        license: String::new(),
    };
    let grid = LatLonGrid::with_poles(10.0)?;
    let n_nodes = grid.n_nodes() as i64;
    let forecaster = Forecaster::new(&checkpoint, grid, &normalizer, ForecasterOptions::default())?;
    println!("{} parameters", forecaster.parameters().count());

    let features = Tensor::arange(n_nodes * c_in as i64, (Kind::Float, Device::Cpu))
        .sin()
        .reshape([n_nodes, 1, c_in as i64]);
    let mut latents = forecaster.encode(&features)?;
    println!(
        "encoder: grid {:?}, mesh {:?}",
        latents.grid.size(),
        latents.mesh.size()
    );
    forecaster.process(0..2, &mut latents)?;
    println!("after two of four steps: edges {:?}", latents.edges.size());
    forecaster.process(2..4, &mut latents)?;
    let by_phases = forecaster.decode(&latents)?;
    println!("output {:?}", by_phases.size());

    let at_once = forecaster.forward(&features, &mut NoTap)?;
    println!("same bits as one pass: {}", at_once.equal(&by_phases));
    assert!(at_once.equal(&by_phases));
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
