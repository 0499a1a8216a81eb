use dropsonde_fields::{Frame, Task};
use tch::{Device, Tensor};

/// Assembles the inputs of the next step from what is known, so that gradients flow through a rollout.
///
/// Predicted variables come from the prediction and from the last frame; forcings and statics from data.
#[derive(Debug)]
pub(crate) struct InputUpdate {
    /// For each input channel, its place in `[data, prediction, inputs before]`.
    index: Tensor,
}

impl InputUpdate {
    pub(crate) fn new(task: &Task, device: Device) -> Self {
        let inputs = task.input_channels();
        let outputs = task.output_channels();
        let (c_in, c_out) = (inputs.len(), outputs.len());
        let place = |(c, channel): (usize, &dropsonde_fields::Channel)| {
            let same = |other: &&dropsonde_fields::Channel| {
                other.variable == channel.variable && other.level == channel.level
            };
            let predicted = outputs.iter().position(|o| same(&o));
            let place = match (channel.frame, predicted) {
                (Frame::Current, Some(output)) => c_in + output,
                (Frame::Previous, Some(_)) => {
                    let now = inputs
                        .iter()
                        .position(|i| same(&i) && i.frame == Frame::Current);
                    now.map_or(c, |i| c_in + c_out + i)
                }
                _ => c,
            };
            place as i64
        };
        let index: Vec<i64> = inputs.iter().enumerate().map(place).collect();
        Self {
            index: Tensor::from_slice(&index).to_device(device),
        }
    }

    /// # Shapes
    /// `data` and `before`: `[N, B, C_in]`; `prediction`: `[N, B, C_out]`; all in SI units.
    pub(crate) fn next(&self, data: &Tensor, prediction: &Tensor, before: &Tensor) -> Tensor {
        Tensor::cat(&[data, prediction, before], -1).index_select(-1, &self.index)
    }
}
