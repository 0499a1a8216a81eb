//! Tensors as slices.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The tensor as the fused kernels take it: f32 on the CPU, row-major, without a gradient.
pub(crate) fn host(what: &'static str, tensor: &Tensor) -> Result<Tensor> {
    if tensor.requires_grad() {
        return Err(Error::Config(format!(
            "{what} require a gradient, expected a tensor without one: the fused kernel cannot differentiate\nhint: make the forecaster with kernel `plain`"
        )));
    }
    if tensor.device() != Device::Cpu || tensor.kind() != Kind::Float {
        return Err(Error::Config(format!(
            "{what} are {:?} on {:?}, expected f32 on the CPU for kernel `fused`",
            tensor.kind(),
            tensor.device()
        )));
    }
    Ok(tensor.contiguous())
}

/// The values of an f32 tensor on the CPU that is row-major.
pub(crate) fn values(tensor: &Tensor) -> &[f32] {
    check(tensor);
    // SAFETY: `check`; the borrow keeps the tensor alive.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The values of a tensor that nobody else holds.
pub(crate) fn values_mut(tensor: &mut Tensor) -> &mut [f32] {
    check(tensor);
    // SAFETY: as in `values`; callers pass tensors that they made and have not given away.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

fn check(tensor: &Tensor) {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous(),
        "a row-major f32 tensor on the CPU"
    );
}

/// A new tensor with undefined values.
pub(crate) fn empty(size: [usize; 3]) -> Tensor {
    Tensor::empty(size.map(|n| n as i64), (Kind::Float, Device::Cpu))
}
