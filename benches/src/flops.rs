//! Essential floating-point operations: what a step cannot do without.

use dropsonde_forecaster::{Forecaster, GraphSize, ModelConfig};

/// Floating-point operations of the matrix products of one step with one batch member, two per multiplication and
/// addition, by part of the network.
///
/// With N grid and M mesh nodes, E edges from S senders to R receivers, D the latent width and L hidden layers, an MLP
/// on `rows` rows of width `in` costs `rows (in D + (L - 1) D² + D out)` (`rows in out` without hidden layers), and
///
/// - an edge update e' = MLP([e, h_s, h_r]) costs `(E + S + R) D²` for the first layer, because the three parts of W
///   act separately and node products are taken once per node, and `E L D²` for the others
/// - a node update MLP([h, sum]) costs `R (2 + L) D²`
///
/// The sum is over
///
/// | | MLP on rows | updates |
/// |---|---|---|
/// | encoder | N of C_in + 3, M of 3, E_grid2mesh of 4; N of D (the grid's own update) | E_grid2mesh, from N to M |
/// | processor | E_mesh of 4 | E_mesh, from M to M, in every step |
/// | decoder | E_mesh2grid of 4; N of D with C_out columns (the output) | E_mesh2grid, from M to N |
///
/// Embeddings of structural features count once, whether they are kept or computed again. The new edge values of the
/// last processor step count, since the nodes need their sum. What nothing uses does not count: the decoder's update of
/// the mesh nodes, and the channels of the mesh nodes that are always 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Essential {
    /// Features to the latents that enter the processor, the embedding of the processor's edges included.
    pub encoder: f64,
    /// One step of the processor.
    pub layer: f64,
    /// How many of them there are.
    pub layers: u8,
    /// Latents to the output.
    pub decoder: f64,
}

impl Essential {
    /// Of a whole step.
    pub fn total(&self) -> f64 {
        self.encoder + f64::from(self.layers) * self.layer + self.decoder
    }

    /// Of a forecaster's step.
    pub fn of(forecaster: &Forecaster) -> Self {
        let task = forecaster.task();
        essential(
            &GraphSize::of(forecaster.graph()),
            forecaster.config(),
            task.input_channels().len(),
            task.output_channels().len(),
        )
    }
}

/// Counts what [`Essential`] holds.
pub fn essential(size: &GraphSize, config: &ModelConfig, c_in: usize, c_out: usize) -> Essential {
    let d = config.latent_size as f64;
    let hidden = f64::from(config.hidden_layers);
    let mlp = |rows: u64, width: f64, out: f64| {
        rows as f64
            * match config.hidden_layers {
                0 => width * out,
                _ => width * d + (hidden - 1.0) * d * d + d * out,
            }
    };
    // Edge update with its receivers' update.
    let interact = |edges: u64, senders: u64, receivers: u64| {
        let first = (edges + senders + receivers) as f64;
        let others = edges as f64 * hidden;
        let nodes = receivers as f64 * (2.0 + hidden);
        (first + others + nodes) * d * d
    };
    let encoder = mlp(size.grid, c_in as f64 + 3.0, d)
        + mlp(size.mesh, 3.0, d)
        + mlp(size.grid2mesh, 4.0, d)
        + interact(size.grid2mesh, size.grid, size.mesh)
        + mlp(size.grid, d, d);
    let decoder = mlp(size.mesh2grid, 4.0, d)
        + interact(size.mesh2grid, size.mesh, size.grid)
        + mlp(size.grid, d, c_out as f64);
    Essential {
        encoder: 2.0 * (encoder + mlp(size.processor, 4.0, d)),
        layer: 2.0 * interact(size.processor, size.mesh, size.mesh),
        layers: config.gnn_msg_steps,
        decoder: 2.0 * decoder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: GraphSize = GraphSize {
        grid: 7,
        mesh: 5,
        grid2mesh: 11,
        processor: 13,
        mesh2grid: 21,
    };

    fn config(hidden_layers: u8) -> ModelConfig {
        ModelConfig {
            latent_size: 10,
            gnn_msg_steps: 3,
            hidden_layers,
            ..ModelConfig::graphcast()
        }
    }

    /// Counted by hand, product by product, for latent width 10, 6 input and 4 output channels.
    #[test]
    fn a_small_network_by_hand() {
        let encoder = 7 * 9 * 10 + 7 * 100 // grid embedding: 6 channels and 3 features
            + 5 * 3 * 10 + 5 * 100 // mesh embedding
            + 11 * 4 * 10 + 11 * 100 // edge embedding
            + (11 + 7 + 5) * 100 + 11 * 100 // messages
            + 5 * 200 + 5 * 100 // mesh update
            + 7 * 100 + 7 * 100; // grid update
        let processor = 13 * 4 * 10 + 13 * 100 // edge embedding
            + 3 * ((13 + 5 + 5) * 100 + 13 * 100 + 5 * 300);
        let decoder = 21 * 4 * 10 + 21 * 100 // edge embedding
            + (21 + 5 + 7) * 100 + 21 * 100 // messages
            + 7 * 300 // grid update
            + 7 * 100 + 7 * 10 * 4; // output
        let expected = f64::from(2 * (encoder + processor + decoder));
        assert_eq!(essential(&SIZE, &config(1), 6, 4).total(), expected);
    }

    /// A second hidden layer adds one product of 10 x 10 for every row of every MLP.
    #[test]
    fn every_hidden_layer_counts() {
        let rows = 7 + 5 + 11 + 11 + 5 + 7 + 13 + 3 * (13 + 5) + 21 + 21 + 7 + 7;
        let [one, two] = [1, 2].map(|layers| essential(&SIZE, &config(layers), 6, 4).total());
        assert_eq!(two - one, 2.0 * f64::from(rows) * 100.0);
    }

    #[test]
    fn the_one_degree_model_needs_two_thirds_of_what_the_reference_multiplies() {
        // 4.135e12 by the count of XLA for the reference, whose products are on concatenated inputs.
        let config = ModelConfig::graphcast_small();
        let flops = essential(&GraphSize::estimate(&config, 65_160), &config, 183, 83).total();
        assert!((2.6e12..2.8e12).contains(&flops), "{flops:e}");
    }
}
