use tch::{Device, Kind, Tensor};

use crate::{ModelConfig, Parameters, Rng, parameter_shapes};

impl Parameters {
    /// Random weights: W ~ N(0, 1/fan_in) cut at two standard deviations, b = 0, scale = 1, offset = 0
    /// (the initialisation of the reference).
    pub fn random(config: &ModelConfig, c_in: usize, c_out: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let tensors = parameter_shapes(config, c_in, c_out)
            .into_iter()
            .map(|(name, shape)| {
                let tensor = match shape.as_slice() {
                    [rows, columns] => {
                        let scale = 1.0 / (*rows as f64).sqrt();
                        let values: Vec<f32> = (0..rows * columns)
                            .map(|_| (scale * truncated_normal(&mut rng)) as f32)
                            .collect();
                        Tensor::from_slice(&values).reshape([*rows, *columns])
                    }
                    _ if name.ends_with(":scale") => {
                        Tensor::ones(shape.as_slice(), (Kind::Float, Device::Cpu))
                    }
                    _ => Tensor::zeros(shape.as_slice(), (Kind::Float, Device::Cpu)),
                };
                (name, tensor)
            });
        Self(tensors.collect())
    }

    /// Like [`Self::random`], but no weight has a neutral value: see [`Checkpoint::random`](crate::Checkpoint::random).
    pub(crate) fn random_everywhere(
        config: &ModelConfig,
        c_in: usize,
        c_out: usize,
        seed: u64,
    ) -> Self {
        let mut rng = Rng::new(seed);
        let tensors = parameter_shapes(config, c_in, c_out)
            .into_iter()
            .map(|(name, shape)| {
                let (mean, deviation) = match shape.as_slice() {
                    [rows, _] => (0.0, 1.0 / (*rows as f64).sqrt()),
                    _ if name.ends_with(":scale") => (1.0, 0.2),
                    _ => (0.0, 0.1),
                };
                let values: Vec<f32> = (0..shape.iter().product())
                    .map(|_| (mean + deviation * rng.normal()) as f32)
                    .collect();
                (name, Tensor::from_slice(&values).reshape(shape))
            });
        Self(tensors.collect())
    }
}

fn truncated_normal(rng: &mut Rng) -> f64 {
    loop {
        let x = rng.normal();
        if x.abs() <= 2.0 {
            return x;
        }
    }
}
