//! How much each grid node and each output channel counts in GraphCast's training loss.

use dropsonde_mesh::LatLonGrid;

use crate::{Channel, Task};

/// Weights such that the loss is the mean over nodes of `node_weight * sum over channels(channel_weight * error^2)`.
///
/// Returns one weight per grid node (mean 1, latitude-major) and one per output channel: the weight of the
/// variable, times pressure over mean pressure of its levels, over the number of levels
/// (arXiv 2212.12794, supplement section 4.2).
pub fn loss_weights(task: &Task, grid: &LatLonGrid) -> (Vec<f32>, Vec<f32>) {
    let nodes = grid
        .latitude_weights()
        .into_iter()
        .flat_map(|weight| std::iter::repeat_n(weight as f32, grid.n_lon()))
        .collect();
    let channels = task
        .output_channels()
        .iter()
        .map(|channel| channel_weight(task, channel) as f32)
        .collect();
    (nodes, channels)
}

fn channel_weight(task: &Task, channel: &Channel) -> f64 {
    let level = match channel.level {
        Some(level) => {
            // Over the mean and over the number of levels: the number cancels.
            let sum: f64 = task
                .pressure_levels
                .iter()
                .map(|&level| f64::from(level))
                .sum();
            f64::from(level) / sum
        }
        None => 1.0,
    };
    channel.variable.loss_weight() * level
}
