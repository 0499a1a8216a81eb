//! The speed of one large matrix product: the yardstick for everything else that multiplies matrices.

use tch::{Device, Kind, Tensor, no_grad};

use crate::{Figure, Outcome, Timing};

/// Rows, inner size and columns of the product, that of a batch of 8192 rows through a square layer of width 2048.
pub const SHAPE: [i64; 3] = [8192, 2048, 2048];

/// `gemm.gflops`: f32 product of the given [`SHAPE`] on the CPU with libtorch's default number of threads.
pub fn measure() -> Outcome {
    let seconds = seconds(SHAPE)?;
    let operations = 2.0 * SHAPE.iter().map(|&n| n as f64).product::<f64>();
    Ok(vec![Figure::higher(
        "gemm.gflops",
        operations / seconds / 1e9,
        "GFLOP/s",
    )])
}

/// Median seconds of one f32 product `[m, k] x [k, n]` on the CPU, into memory allocated beforehand.
///
/// # Errors
/// What libtorch says if the operands cannot be allocated.
pub fn seconds([m, k, n]: [i64; 3]) -> Result<f64, tch::TchError> {
    let options = (Kind::Float, Device::Cpu);
    let left = waves(m, k)?;
    let right = waves(k, n)?;
    let out = Tensor::f_zeros([m, n], options)?;
    let timing = Timing {
        warm_up: 3,
        rounds: 9,
    };
    Ok(no_grad(|| timing.median(|| left.matmul_out(&out, &right))))
}

/// A `[rows, columns]` matrix of values in -1..=1: no zeros or subnormals that could change the speed.
fn waves(rows: i64, columns: i64) -> Result<Tensor, tch::TchError> {
    Tensor::f_arange(rows * columns, (Kind::Float, Device::Cpu))?
        .f_sin()?
        .f_reshape([rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_takes_time() -> Result<(), tch::TchError> {
        assert!(seconds([64, 32, 16])? > 0.0);
        Ok(())
    }

    #[test]
    fn the_operands_are_ordinary_numbers() -> Result<(), tch::TchError> {
        let matrix = waves(50, 40)?;
        assert_eq!(matrix.size(), [50, 40]);
        let square_mean = matrix.square().mean(Kind::Float).double_value(&[]);
        assert!((square_mean - 0.5).abs() < 0.01, "{square_mean}");
        Ok(())
    }
}
