//! Models of the sizes that figures are measured on: random weights, synthetic weather.
//!
//! A step of such a model is `Forecaster::predict_owned`: inputs in SI units `[N, 1, C_in]` to the prediction in SI units
//! `[N, 1, C_out]`, normalisation included, without the reading and stacking of states.

use std::f32::consts::TAU;

use dropsonde_fields::{
    Affine, Field, Frame, Normalizer, OutputAffine, State, Task, Time, Variable,
};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, Kernel, ModelConfig, Precision, Preset,
};
use dropsonde_mesh::{Graph, LatLonGrid};
use tch::{Device, Tensor, no_grad};

/// The implementation of the network whose forecasts are measured.
pub const KERNEL: Kernel = Kernel::Fused;

/// The implementation of the network whose training is measured.
pub const TRAINING_KERNEL: Kernel = Kernel::Fused;

/// What can go wrong while something is measured.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A network's shape and task.
#[derive(Clone, Debug)]
pub struct Case {
    /// Shape of the network; its resolution is that of the grid.
    pub model: ModelConfig,
    /// Channels.
    pub task: Task,
}

impl Case {
    /// A published model.
    pub fn preset(preset: Preset) -> Self {
        Self {
            model: preset.model(),
            task: preset.task(),
        }
    }

    /// 2 degrees, 13 levels, mesh 4, latent 512, 16 steps: the size of the training figures.
    pub fn mid() -> Self {
        Self::sized(2.0, 4, 512, 16)
    }

    /// A network that runs in milliseconds, for tests of the measurements themselves.
    pub fn tiny() -> Self {
        Self::sized(30.0, 1, 16, 2)
    }

    /// 13 levels on a mesh of `mesh_size` splits.
    pub fn sized(resolution: f64, mesh_size: u8, latent_size: i64, gnn_msg_steps: u8) -> Self {
        let model = ModelConfig {
            resolution,
            mesh_size,
            latent_size,
            gnn_msg_steps,
            ..ModelConfig::graphcast_small()
        };
        Self {
            model,
            task: Task::graphcast_13(),
        }
    }

    /// The grid, poles included.
    ///
    /// # Errors
    /// If 180 degrees are not a multiple of the resolution.
    pub fn grid(&self) -> Result<LatLonGrid, Error> {
        Ok(LatLonGrid::with_poles(self.model.resolution)?)
    }

    /// Grid, mesh and edges.
    ///
    /// # Errors
    /// If no graph has this shape.
    pub fn graph(&self) -> Result<Graph, Error> {
        Ok(Graph::build(self.grid()?, &self.model.graph_config())?)
    }

    /// The same random weights every time.
    ///
    /// # Errors
    /// If no network has this shape.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        Ok(Checkpoint::random(
            self.model.clone(),
            self.task.clone(),
            1,
        )?)
    }

    /// A forecaster on the CPU with [`KERNEL`] and the weights of [`Self::checkpoint`], whose own copy is gone.
    ///
    /// # Errors
    /// If no network has this shape.
    pub fn forecaster(&self, precision: Precision) -> Result<Forecaster, Error> {
        self.forecaster_with(precision, KERNEL)
    }

    /// The same with another implementation.
    ///
    /// # Errors
    /// If no network has this shape.
    pub fn forecaster_with(
        &self,
        precision: Precision,
        kernel: Kernel,
    ) -> Result<Forecaster, Error> {
        let options = ForecasterOptions {
            device: Device::Cpu,
            precision,
            kernel,
        };
        let checkpoint = self.checkpoint()?;
        let normalizer = self.normalizer();
        Ok(Forecaster::new(
            &checkpoint,
            self.grid()?,
            &normalizer,
            options,
        )?)
    }

    /// Deviation 1 and mean 0 everywhere; what is also an input is predicted as a change, as in the published models.
    pub fn normalizer(&self) -> Normalizer {
        let (scale, offset) = (1.0, 0.0);
        let inputs = self.task.input_channels();
        let outputs = self.task.output_channels().into_iter().map(|output| {
            let residual = inputs.iter().position(|input| {
                (&input.variable, input.level, input.frame)
                    == (&output.variable, output.level, Frame::Current)
            });
            OutputAffine {
                scale,
                offset,
                residual,
            }
        });
        Normalizer {
            outputs: outputs.collect(),
            inputs: vec![Affine { scale, offset }; inputs.len()],
        }
    }

    /// Random inputs in -1..1, `[N, 1, C_in]`, the same every time.
    ///
    /// # Errors
    /// What libtorch says if they cannot be allocated.
    pub fn raw(&self) -> Result<Tensor, Error> {
        let shape = [
            self.grid()?.n_nodes() as i64,
            1,
            self.task.input_channels().len() as i64,
        ];
        tch::manual_seed(7);
        // In place: at 0.25 degrees a second copy would be 2 GB.
        let mut raw = Tensor::f_empty(shape, (tch::Kind::Float, Device::Cpu))?;
        let _ = no_grad(|| raw.f_uniform_(-1.0, 1.0))?;
        Ok(raw)
    }

    /// Smooth states 6 h apart with every variable of the task, values in -1..1.
    ///
    /// # Errors
    /// If the grid cannot be made.
    pub fn states(&self, n: usize) -> Result<Vec<State>, Error> {
        let grid = self.grid()?;
        let (n_lat, n_lon) = (grid.n_lat(), grid.n_lon());
        let field = |variable: &Variable, phase: f32| -> Result<Field, Error> {
            let levels = match variable.is_atmospheric() {
                true => self.task.pressure_levels.clone(),
                false => Vec::new(),
            };
            let wave = |(level, lat, lon): (usize, usize, usize)| {
                let (y, x) = (lat as f32 / n_lat as f32, lon as f32 / n_lon as f32);
                (TAU * (3.0 * x + phase) + level as f32).sin() * (TAU * 2.0 * y + phase).cos()
            };
            let shape = (levels.len().max(1), n_lat, n_lon);
            let data = ndarray::Array3::from_shape_fn(shape, wave);
            Ok(Field { levels, data })
        };
        let start = Time::from_unix_seconds(0);
        (0..n)
            .map(|step| {
                let mut state = State::new(start.plus_hours(6 * step as i64));
                for (index, variable) in self.task.variables().into_iter().enumerate() {
                    let phase = index as f32 + 0.05 * step as f32;
                    let values = field(&variable, phase)?;
                    state.insert(variable, values);
                }
                Ok(state)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dropsonde_forecaster::NoTap;

    #[test]
    fn a_synthetic_model_runs_on_synthetic_weather() -> Result<(), Error> {
        let case = Case::tiny();
        let forecaster = case.forecaster(Precision::F32)?;
        let output = no_grad(|| {
            forecaster
                .predict(&case.raw()?, &mut NoTap)
                .map_err(Error::from)
        })?;
        assert_eq!(output.size(), [7 * 12, 1, 83]);
        assert!(output.sum(tch::Kind::Double).double_value(&[]).is_finite());
        let states = case.states(3)?;
        let next = forecaster.step_untapped(&states[0], &states[1], &states[2])?;
        assert_eq!(next.time, states[2].time);
        Ok(())
    }
}
