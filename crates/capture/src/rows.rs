use tch::{Kind, Tensor};

/// Latents `[M, B, D]` as rows `[M * B, D]` in f32 for the autoencoder.
pub(crate) fn as_rows(latents: &Tensor) -> Tensor {
    latents
        .detach()
        .to_kind(Kind::Float)
        .reshape([-1, latents.size()[2]])
}

/// Adds rows to the latents where `chosen` says so; all other rows keep their bits. Always a fresh tensor.
///
/// # Shapes
/// `latents`: `[M, B, D]`; `delta`: `[chosen.len(), D]`; `chosen`: indices into the `M * B` rows.
pub(crate) fn add_rows(latents: &Tensor, chosen: &[i64], delta: &Tensor) -> Tensor {
    let index = Tensor::from_slice(chosen).to_device(latents.device());
    let size = latents.size();
    let delta = delta.to_kind(latents.kind()).to_device(latents.device());
    latents
        .reshape([-1, size[2]])
        .index_add(0, &index, &delta)
        .reshape(size)
}

/// Repeats a node mask for every member of the batch: row `m * batch + b` follows node `m`.
pub(crate) fn row_mask(nodes: Option<&[bool]>, batch: usize) -> Option<Vec<bool>> {
    nodes.map(|mask| {
        mask.iter()
            .flat_map(|&on| std::iter::repeat_n(on, batch))
            .collect()
    })
}
