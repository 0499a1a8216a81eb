//! f32 CPU tensors seen as slices.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// A row-major f32 buffer that libtorch and our kernels both work on; it is never shared with another tensor.
pub(crate) struct Matrix {
    tensor: Tensor,
}

impl Matrix {
    pub(crate) fn zeros(rows: usize, cols: usize) -> Self {
        Self {
            tensor: Tensor::zeros([rows as i64, cols as i64], (Kind::Float, Device::Cpu)),
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        if self.tensor.numel() == 0 {
            return &mut [];
        }
        // SAFETY: `tensor` is a contiguous f32 CPU tensor made by `zeros` and shared with nobody; `&mut self` makes the borrow
        // unique.
        unsafe {
            std::slice::from_raw_parts_mut(self.tensor.data_ptr().cast(), self.tensor.numel())
        }
    }

    pub(crate) fn into_tensor(self) -> Tensor {
        self.tensor
    }
}

/// A `[rows, cols]` f32 CPU copy (or the same storage, when it is that already) of an input tensor.
pub(crate) fn input(name: &str, x: &Tensor, cols: usize) -> Result<Tensor> {
    match x.size()[..] {
        [_, found] if found == cols as i64 => {}
        _ => {
            return Err(Error::Shape {
                name: name.into(),
                expected: format!("[rows, {cols}]"),
                found: x.size(),
            });
        }
    }
    let x = x.detach();
    Ok(x.f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?)
}

/// The values of a contiguous f32 CPU tensor; anything else is an error naming it.
pub(crate) fn values<'a>(name: &str, tensor: &'a Tensor) -> Result<&'a [f32]> {
    check_plain(name, tensor)?;
    if tensor.numel() == 0 {
        return Ok(&[]);
    }
    // SAFETY: contiguous f32 CPU storage of `numel` values, borrowed for as long as the tensor.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) })
}

/// As [`values`], to be written.
pub(crate) fn values_mut<'a>(name: &str, tensor: &'a mut Tensor) -> Result<&'a mut [f32]> {
    check_plain(name, tensor)?;
    if tensor.numel() == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as in `values`; the caller owns the tensor and holds it mutably.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) })
}

fn check_plain(name: &str, tensor: &Tensor) -> Result<()> {
    if tensor.kind() != Kind::Float || tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        return Err(Error::Shape {
            name: name.to_owned(),
            expected: "f32, contiguous, on the CPU".into(),
            found: tensor.size(),
        });
    }
    Ok(())
}

/// A tensor holding a copy of `data`.
pub(crate) fn tensor(data: &[f32], shape: &[i64]) -> Tensor {
    Tensor::from_slice(data).reshape(shape)
}
