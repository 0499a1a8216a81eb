//! One forecast step of the model that is shipped for the simulated Earth, against what its matrix products alone cost.

use std::path::Path;

use dropsonde_fields::{Source, State, Statistics};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions};

use crate::figures::gemm;
use crate::{Figure, Outcome, Timing};

/// `forecast.earth.seconds` for a whole step (states in, state out), `forecast.earth.gemm_share` for the time that its
/// essential operations take at the speed of one large product (same process and threads) over that.
pub fn measure() -> Outcome {
    let earth = Earth::open()?;
    let mut failure = None;
    let timing = Timing {
        warm_up: 2,
        rounds: 9,
    };
    let seconds = timing.median(|| failure = earth.step().err().or(failure.take()));
    if let Some(error) = failure {
        return Err(error);
    }
    let product: f64 = gemm::SHAPE.iter().map(|&n| n as f64).product();
    let rate = 2.0 * product / gemm::seconds(gemm::SHAPE)?;
    let share = essential_operations(&earth.forecaster) / (seconds * rate);
    Ok(vec![
        Figure::lower("forecast.earth.seconds", seconds, "s"),
        Figure::higher("forecast.earth.gemm_share", share, "1"),
    ])
}

/// The shipped forecaster with two states of the simulated Earth.
pub struct Earth {
    forecaster: Forecaster,
    previous: State,
    current: State,
}

impl Earth {
    /// Reads weights, statistics and the first two states.
    ///
    /// # Errors
    /// When a file is missing.
    pub fn open() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let earth = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/earth");
        let checkpoint = Checkpoint::read(earth.join("weights/earth-s.npz"))?;
        let source = Source::open(earth.join("data/earth-mini.zarr"))?;
        let statistics = Statistics::open(earth.join("data/statistics.json"))?;
        let normalizer = statistics.normalizer(&checkpoint.task)?;
        let grid = source.grid().clone();
        let options = ForecasterOptions::default();
        Ok(Self {
            forecaster: Forecaster::new(&checkpoint, grid, &normalizer, options)?,
            previous: source.state(source.times()[0])?,
            current: source.state(source.times()[1])?,
        })
    }

    /// The state 6 h on.
    ///
    /// # Errors
    /// When the forecast fails.
    pub fn step(&self) -> Result<State, Box<dyn std::error::Error + Send + Sync>> {
        let target = State::new(self.current.time.plus_hours(6));
        let next = self
            .forecaster
            .step_untapped(&self.previous, &self.current, &target)?;
        Ok(next)
    }
}

/// Floating-point operations of the matrix products of one step with the first layer of every edge MLP split into
/// products per node and per edge, and embeddings of fixed structural features counted once; one hidden layer.
fn essential_operations(forecaster: &Forecaster) -> f64 {
    let graph = forecaster.graph();
    let d = forecaster.config().latent_size as f64;
    let grid = graph.grid.n_nodes() as f64;
    let mesh = graph.mesh.n_nodes() as f64;
    let c_in = forecaster.task().input_channels().len() as f64;
    let c_out = forecaster.task().output_channels().len() as f64;
    let edges = |set: &dropsonde_mesh::EdgeSet| set.senders.len() as f64;
    let [to_mesh, processor, to_grid] =
        [&graph.grid2mesh, &graph.processor, &graph.mesh2grid].map(edges);
    let embed = |rows: f64, width: f64| rows * width * d + rows * d * d;
    // Products per edge, per sender and per receiver, the second layer, and the update of the receivers.
    let interact = |edges: f64, senders: f64, receivers: f64| {
        (2.0 * edges + senders + receivers + 3.0 * receivers) * d * d
    };
    let encoder = embed(grid, c_in + 3.0)
        + embed(mesh, 3.0)
        + embed(to_mesh, 4.0)
        + interact(to_mesh, grid, mesh)
        + 2.0 * grid * d * d;
    let steps = f64::from(forecaster.config().gnn_msg_steps);
    let process = embed(processor, 4.0) + steps * interact(processor, mesh, mesh);
    let decoder =
        embed(to_grid, 4.0) + interact(to_grid, mesh, grid) + grid * d * d + grid * d * c_out;
    2.0 * (encoder + process + decoder)
}
