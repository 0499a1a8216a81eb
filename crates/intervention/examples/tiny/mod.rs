//! A forecaster of random weights on a coarse grid, and a state with a storm: nothing here knows any weather.

use dropsonde_fields::{
    Affine, Channel, Field, Frame, Normalizer, OutputAffine, State, Task, Time, Variable,
};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions, ModelConfig, Parameters};
use dropsonde_mesh::{LatLonGrid, great_circle_km};
use ndarray::{Array2, Array3};

/// Where the storm is, degrees north and east.
pub(crate) const STORM: (f64, f64) = (18.0, 182.0);

/// Sea-level pressure, wind at 10 m and temperature on two levels; mesh 1, 3 steps, width 16, 10 degrees.
pub(crate) fn forecaster(seed: u64) -> dropsonde_forecaster::Result<Forecaster> {
    let task = task();
    let model = ModelConfig {
        resolution: 10.0,
        mesh_size: 1,
        latent_size: 16,
        gnn_msg_steps: 3,
        hidden_layers: 1,
        radius_query_fraction_edge_length: 0.6,
        mesh2grid_edge_normalization_factor: None,
    };
    let (inputs, outputs) = (task.input_channels(), task.output_channels());
    let checkpoint = Checkpoint {
        parameters: Parameters::random(&model, inputs.len(), outputs.len(), seed),
        model,
        task,
        description: "random weights".to_owned(),
        license: "none".to_owned(),
    };
    let normalizer = normalizer(&inputs, &outputs);
    let grid = LatLonGrid::with_poles(10.0)?;
    Forecaster::new(&checkpoint, grid, &normalizer, ForecasterOptions::default())
}

fn task() -> Task {
    let targets = vec![
        Variable::MEAN_SEA_LEVEL_PRESSURE,
        Variable::U_WIND_10M,
        Variable::V_WIND_10M,
        Variable::TEMPERATURE,
    ];
    let forcings = vec![Variable::YEAR_PROGRESS_SIN, Variable::DAY_PROGRESS_SIN];
    Task {
        input_variables: [&targets[..], &forcings, &[Variable::LAND_SEA_MASK]].concat(),
        target_variables: targets,
        forcing_variables: forcings,
        pressure_levels: vec![300, 500],
        input_duration_hours: 12,
    }
}

/// Mean, deviation, and deviation of 6 h changes.
fn statistics(channel: &Channel) -> (f32, f32, f32) {
    match channel.variable.name() {
        "mean_sea_level_pressure" => (101_000.0, 1000.0, 60.0),
        "temperature" => (250.0, 10.0, 0.3),
        "10m_u_component_of_wind" | "10m_v_component_of_wind" => (0.0, 6.0, 0.6),
        _ => (0.0, 1.0, 1.0),
    }
}

fn normalizer(inputs: &[Channel], outputs: &[Channel]) -> Normalizer {
    let affine = |channel: &Channel| {
        let (offset, scale, _) = statistics(channel);
        Affine { scale, offset }
    };
    let output = |channel: &Channel| {
        let current = Channel {
            frame: Frame::Current,
            ..channel.clone()
        };
        let residual = inputs.iter().position(|input| *input == current);
        OutputAffine {
            scale: statistics(channel).2,
            offset: 0.0,
            residual,
        }
    };
    let (inputs, outputs) = (
        inputs.iter().map(affine).collect(),
        outputs.iter().map(output).collect(),
    );
    Normalizer { inputs, outputs }
}

/// The states at -6 h and 0 h: a westerly flow, waves, and one storm.
pub(crate) fn states(grid: &LatLonGrid) -> (State, State) {
    let now = Time::from_unix_seconds(1_000_000_800 - 1_000_000_800 % 21_600);
    (state(grid, now.plus_hours(-6)), state(grid, now))
}

fn state(grid: &LatLonGrid, time: Time) -> State {
    let shape = (grid.n_lat(), grid.n_lon());
    let plane = |value: &dyn Fn(f64, f64, f64) -> f64| {
        Array2::from_shape_fn(shape, |(i, j)| {
            let (lat, lon) = (f64::from(grid.lat()[i]), f64::from(grid.lon()[j]));
            let hole = (-(great_circle_km(STORM, (lat, lon)) / 900.0).powi(2)).exp();
            value(lat.to_radians(), lon.to_radians(), hole) as f32
        })
    };
    let mut state = State::new(time);
    let mut surface = |variable, value: &dyn Fn(f64, f64, f64) -> f64| {
        state.insert(variable, Field::surface(plane(value)));
    };
    surface(Variable::MEAN_SEA_LEVEL_PRESSURE, &|lat, lon, hole| {
        101_500.0 - 800.0 * lat.sin().powi(2) + 100.0 * (2.0 * lon).sin() * lat.cos()
            - 3500.0 * hole
    });
    surface(Variable::U_WIND_10M, &|lat, _, hole| {
        8.0 * (2.0 * lat).sin() + 20.0 * hole
    });
    surface(Variable::V_WIND_10M, &|_, lon, hole| {
        2.0 * lon.cos() - 10.0 * hole
    });
    surface(Variable::LAND_SEA_MASK, &|_, lon, _| {
        f64::from(u8::from(lon < 2.0))
    });
    let warm = plane(&|lat, _, hole| 240.0 + 30.0 * lat.cos() + 5.0 * hole);
    let data = Array3::from_shape_fn((2, shape.0, shape.1), |(k, i, j)| {
        warm[[i, j]] + 15.0 * k as f32
    });
    state.insert(
        Variable::TEMPERATURE,
        Field {
            levels: vec![300, 500],
            data,
        },
    );
    state
}
