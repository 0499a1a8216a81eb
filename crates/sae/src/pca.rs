//! Principal components: the baseline with the same number of coefficients.

use tch::{Kind, Tensor};

use crate::{Error, Result, matrix};

/// The mean and the principal components of rows.
///
/// A row is approximated by its mean plus `k` coefficients, as many numbers as an autoencoder with `k` active latents.
#[derive(Debug)]
pub struct Pca {
    /// `[d]`, f32.
    pub mean: Tensor,
    /// `[d, d]`, f32: one component per row, unit norm, by descending variance; the largest element is positive.
    pub components: Tensor,
    /// Variance along each component, `[d]`, f64, descending.
    pub variances: Vec<f64>,
}

/// The sums that a covariance needs, over any number of batches.
#[derive(Debug)]
pub struct Covariance {
    n_rows: i64,
    sum: Tensor,
    products: Tensor,
}

impl Covariance {
    /// Nothing seen yet.
    pub fn new(d: usize) -> Self {
        let d = d as i64;
        Self {
            n_rows: 0,
            sum: Tensor::zeros([d], tch::kind::DOUBLE_CPU),
            products: Tensor::zeros([d, d], tch::kind::DOUBLE_CPU),
        }
    }

    /// Adds rows, in f64.
    ///
    /// # Shapes
    /// `rows`: `[rows, d]`.
    ///
    /// # Errors
    /// On another shape, or a value that is not finite.
    pub fn add(&mut self, rows: &Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let rows = matrix::input("rows", rows, self.sum.size()[0] as usize)?;
        let d = self.sum.size()[0] as usize;
        if let Some(at) = matrix::values("rows", &rows)?
            .iter()
            .position(|v| !v.is_finite())
        {
            return Err(Error::NotFinite { row: at / d });
        }
        let rows = rows.to_kind(Kind::Double);
        self.n_rows += rows.size()[0];
        self.sum += rows.f_sum_dim_intlist(0, false, Kind::Double)?;
        self.products += rows.tr().f_matmul(&rows)?;
        Ok(())
    }

    /// The components of all rows added.
    ///
    /// # Errors
    /// With fewer than two rows.
    pub fn pca(&self) -> Result<Pca> {
        let _guard = tch::no_grad_guard();
        if self.n_rows < 2 {
            let found = vec![self.n_rows, self.sum.size()[0]];
            return Err(Error::Shape {
                name: "rows".into(),
                expected: "at least two rows".into(),
                found,
            });
        }
        let n = self.n_rows as f64;
        let mean = &self.sum / n;
        let covariance = &self.products / n - mean.f_outer(&mean)?;
        let (values, vectors) = covariance.f_linalg_eigh("L")?;
        let components = vectors.tr().flip([0]);
        let largest = components.abs().argmax(1, true);
        let signs = components.gather(1, &largest, false).sign();
        let variances = values.flip([0]).clamp_min(0.0).contiguous();
        Ok(Pca {
            mean: mean.to_kind(Kind::Float),
            components: (components * signs).to_kind(Kind::Float).contiguous(),
            variances: Vec::try_from(&variances)?,
        })
    }
}

impl Pca {
    /// The components of `rows`, `[rows, d]`.
    ///
    /// # Errors
    /// As [`Covariance::add`] and [`Covariance::pca`].
    pub fn fit(rows: &Tensor) -> Result<Self> {
        let d = rows.size().last().copied().unwrap_or(0) as usize;
        let mut covariance = Covariance::new(d);
        covariance.add(rows)?;
        covariance.pca()
    }

    /// The coefficients of each row, `[rows, d]`, by descending variance.
    ///
    /// # Errors
    /// On another shape.
    pub fn project(&self, rows: &Tensor) -> Result<Tensor> {
        let rows = matrix::input("rows", rows, self.variances.len())?;
        Ok((rows - &self.mean).f_matmul(&self.components.tr())?)
    }

    /// The approximation of each row by the first `k` components, `[rows, d]`.
    ///
    /// # Errors
    /// On another shape, or `k` larger than `d`.
    pub fn reconstruct(&self, rows: &Tensor, k: usize) -> Result<Tensor> {
        if k > self.variances.len() {
            let expected = format!("at most {}", self.variances.len());
            return Err(Error::Config {
                key: "k",
                found: k.to_string(),
                expected,
            });
        }
        let k = k as i64;
        let head = self.components.narrow(0, 0, k);
        let coefficients = self.project(rows)?.narrow(1, 0, k);
        Ok(coefficients.f_matmul(&head)? + &self.mean)
    }
}
