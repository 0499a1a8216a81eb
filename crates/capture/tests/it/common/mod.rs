//! A forecaster with random weights on a coarse grid, and states that vary in space.

use dropsonde_fields::{
    Field, LevelTable, State, Statistics, Task, Time, Variable, VariableStatistics,
};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions, ModelConfig, Parameters};
use dropsonde_mesh::LatLonGrid;
use ndarray::Array2;

pub(crate) const STEPS: u8 = 3;
pub(crate) const WIDTH: usize = 16;

pub(crate) fn grid() -> LatLonGrid {
    LatLonGrid::with_poles(15.0).unwrap()
}

pub(crate) fn task() -> Task {
    let both = vec![
        Variable::new("2m_temperature"),
        Variable::new("mean_sea_level_pressure"),
    ];
    let forcings = vec![
        Variable::new("day_progress_sin"),
        Variable::new("day_progress_cos"),
    ];
    Task {
        input_variables: both.iter().chain(&forcings).cloned().collect(),
        target_variables: both,
        forcing_variables: forcings,
        pressure_levels: vec![],
        input_duration_hours: 12,
    }
}

pub(crate) fn forecaster() -> Forecaster {
    let task = task();
    let model = ModelConfig {
        resolution: 15.0,
        mesh_size: 2,
        latent_size: WIDTH as i64,
        gnn_msg_steps: STEPS,
        hidden_layers: 1,
        radius_query_fraction_edge_length: 0.6,
        mesh2grid_edge_normalization_factor: None,
    };
    let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
    let one = |mean: f64, stddev: f64| VariableStatistics {
        mean: Some(LevelTable::single(mean)),
        stddev: Some(LevelTable::single(stddev)),
        diffs_stddev: Some(LevelTable::single(0.3 * stddev)),
    };
    let variables = [
        ("2m_temperature", 280.0, 20.0),
        ("mean_sea_level_pressure", 101_000.0, 1000.0),
        ("day_progress_sin", 0.0, 0.7),
        ("day_progress_cos", 0.0, 0.7),
    ];
    let statistics = Statistics {
        source: "made up".into(),
        variables: variables
            .into_iter()
            .map(|(n, m, s)| (Variable::new(n), one(m, s)))
            .collect(),
    };
    let checkpoint = Checkpoint {
        parameters: Parameters::random(&model, c_in, c_out, 3),
        model,
        task: task.clone(),
        description: String::new(),
        license: String::new(),
    };
    let normalizer = statistics.normalizer(&task).unwrap();
    Forecaster::new(
        &checkpoint,
        grid(),
        &normalizer,
        ForecasterOptions::default(),
    )
    .unwrap()
}

/// A state whose fields depend on place and time.
pub(crate) fn state(time: Time) -> State {
    let grid = grid();
    let phase = time.unix_seconds() as f32 / 50_000.0;
    let plane = |base: f32, size: f32, k: f32| {
        Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), |(i, j)| {
            base + size * (k * i as f32 + phase).sin() * (0.4 * j as f32 + k).cos()
        })
    };
    let mut state = State::new(time);
    state.insert(
        Variable::new("2m_temperature"),
        Field::surface(plane(280.0, 20.0, 0.7)),
    );
    state.insert(
        Variable::new("mean_sea_level_pressure"),
        Field::surface(plane(101_000.0, 900.0, 0.3)),
    );
    state
}

/// The states at -6 h and 0 h.
pub(crate) fn start() -> (State, State) {
    let time = Time::from_date(2020, 1, 2).unwrap();
    (state(time.plus_hours(-6)), state(time))
}
