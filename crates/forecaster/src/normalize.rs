use dropsonde_fields::Normalizer;
use tch::{Device, Kind, Tensor};

/// The normaliser's numbers on the device, so that gradients flow through the one definition.
#[derive(Debug)]
pub(crate) struct NormTensors {
    input_scale: Tensor,
    input_offset: Tensor,
    output_scale: Tensor,
    output_offset: Tensor,
    residual_channel: Tensor,
    residual_mask: Tensor,
}

impl NormTensors {
    pub(crate) fn new(normalizer: &Normalizer, device: Device, kind: Kind) -> Self {
        let tensor = |values: Vec<f32>| Tensor::from_slice(&values).to_device(device).to_kind(kind);
        let outputs = &normalizer.outputs;
        let residual: Vec<i64> = outputs
            .iter()
            .map(|o| o.residual.map_or(0, |c| c as i64))
            .collect();
        // A residual output starts from the last input frame: its own mean plays no part.
        let offset = outputs
            .iter()
            .map(|o| if o.residual.is_some() { 0.0 } else { o.offset });
        Self {
            input_scale: tensor(normalizer.inputs.iter().map(|a| a.scale).collect()),
            input_offset: tensor(normalizer.inputs.iter().map(|a| a.offset).collect()),
            output_scale: tensor(outputs.iter().map(|o| o.scale).collect()),
            output_offset: tensor(offset.collect()),
            residual_channel: Tensor::from_slice(&residual).to_device(device),
            residual_mask: tensor(
                outputs
                    .iter()
                    .map(|o| f32::from(u8::from(o.residual.is_some())))
                    .collect(),
            ),
        }
    }

    /// SI units to what the network sees, `[N, B, C_in]`.
    pub(crate) fn features(&self, raw: &Tensor) -> Tensor {
        (raw - &self.input_offset) / &self.input_scale
    }

    /// [`Self::features`] in the memory of `raw`.
    pub(crate) fn features_in_place(&self, mut raw: Tensor) -> Tensor {
        raw -= &self.input_offset;
        raw /= &self.input_scale;
        raw
    }

    /// What an output of 0 stands for, in SI units `[N, B, C_out]`.
    pub(crate) fn base(&self, raw: &Tensor) -> Tensor {
        let mut base = raw.index_select(-1, &self.residual_channel);
        base *= &self.residual_mask;
        base += &self.output_offset;
        base
    }

    /// Network output to SI units in the memory of its [`Self::base`], `[N, B, C_out]`.
    pub(crate) fn physical_on(&self, mut base: Tensor, output: &Tensor) -> Tensor {
        base += output * &self.output_scale;
        base
    }

    /// Network output to SI units, `[N, B, C_out]`.
    pub(crate) fn physical(&self, output: &Tensor, raw: &Tensor) -> Tensor {
        output * &self.output_scale + self.base(raw)
    }

    /// The output that would give `target` (SI units), `[N, B, C_out]`.
    pub(crate) fn targets(&self, target: &Tensor, raw: &Tensor) -> Tensor {
        (target - self.base(raw)) / &self.output_scale
    }
}
