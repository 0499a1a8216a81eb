//! One forecast step of the model that is shipped for the simulated Earth, against what its matrix products alone cost.

use std::path::Path;

use dropsonde_fields::{Source, State, Statistics};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions};
use tch::Kind;

use crate::case::KERNEL;
use crate::figures::gemm::{self, Product};
use crate::flops::Essential;
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
    let product = Product::new(gemm::SHAPE, Kind::Float)?;
    let rate = gemm::operations(gemm::SHAPE) / product.seconds();
    let share = earth.operations() / (seconds * rate);
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
        let options = ForecasterOptions {
            kernel: KERNEL,
            ..ForecasterOptions::default()
        };
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

    fn operations(&self) -> f64 {
        Essential::of(&self.forecaster).total()
    }
}
