//! The speed of one large matrix product: the yardstick for everything else that multiplies matrices.

use tch::{Device, Kind, TchError, Tensor, no_grad};

use crate::{Figure, Outcome, Timing};

/// Rows, inner size and columns of the product, that of a batch of 8192 rows through a square layer of width 2048.
pub const SHAPE: [i64; 3] = [8192, 2048, 2048];

/// `gemm.gflops` and `gemm.bf16_gflops`: f32 and bf16 product of the given [`SHAPE`] on the CPU by libtorch with its
/// default number of threads.
pub fn measure() -> Outcome {
    let rate = |kind| {
        let product = Product::new(SHAPE, kind)?;
        Ok::<_, TchError>(operations(SHAPE) / product.seconds() / 1e9)
    };
    Ok(vec![
        Figure::higher("gemm.gflops", rate(Kind::Float)?, "GFLOP/s"),
        Figure::higher("gemm.bf16_gflops", rate(Kind::BFloat16)?, "GFLOP/s"),
    ])
}

/// Floating-point operations of one product.
pub fn operations(shape: [i64; 3]) -> f64 {
    2.0 * shape.iter().map(|&n| n as f64).product::<f64>()
}

/// A product `[m, k] x [k, n]` on the CPU with operands and room for the result.
#[derive(Debug)]
pub struct Product {
    left: Tensor,
    right: Tensor,
    out: Tensor,
}

impl Product {
    /// Fills the operands.
    ///
    /// # Errors
    /// What libtorch says if they cannot be allocated.
    pub fn new([m, k, n]: [i64; 3], kind: Kind) -> Result<Self, TchError> {
        Ok(Self {
            left: waves(m, k)?.to_kind(kind),
            right: waves(k, n)?.to_kind(kind),
            out: Tensor::f_zeros([m, n], (kind, Device::Cpu))?,
        })
    }

    /// Multiplies once.
    pub fn run(&self) -> Tensor {
        no_grad(|| self.left.matmul_out(&self.out, &self.right))
    }

    /// Median seconds of one product.
    pub fn seconds(&self) -> f64 {
        let timing = Timing {
            warm_up: 3,
            rounds: 9,
        };
        timing.median(|| self.run())
    }
}

/// A `[rows, columns]` matrix of values in -1..=1: no zeros or subnormals that could change the speed.
fn waves(rows: i64, columns: i64) -> Result<Tensor, TchError> {
    Tensor::f_arange(rows * columns, (Kind::Float, Device::Cpu))?
        .f_sin()?
        .f_reshape([rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_takes_time_in_either_precision() -> Result<(), TchError> {
        for kind in [Kind::Float, Kind::BFloat16] {
            let product = Product::new([64, 32, 16], kind)?;
            assert!(product.seconds() > 0.0);
            assert_eq!(product.run().size(), [64, 16]);
        }
        Ok(())
    }

    #[test]
    fn the_operands_are_ordinary_numbers() -> Result<(), TchError> {
        let matrix = waves(50, 40)?;
        assert_eq!(matrix.size(), [50, 40]);
        let square_mean = matrix.square().mean(Kind::Float).double_value(&[]);
        assert!((square_mean - 0.5).abs() < 0.01, "{square_mean}");
        Ok(())
    }
}
