//! Principal components of the latents.

use dropsonde_activations::ActivationReader;
use dropsonde_sae::{Covariance, Pca};
use tch::Tensor;

use super::{DenseColumns, Family};
use crate::Result;

/// Coefficients of the latents along their principal components, by descending variance.
pub struct Components<'a> {
    latents: &'a ActivationReader,
    pca: Pca,
}

impl<'a> Components<'a> {
    /// Fits the components to all rows of some records; `visited` is called after each.
    ///
    /// # Errors
    /// When a record cannot be read or the decomposition fails.
    pub fn fit(
        latents: &'a ActivationReader,
        records: &[usize],
        mut visited: impl FnMut(),
    ) -> Result<Self> {
        let mut covariance = Covariance::new(latents.meta().width);
        for &record in records {
            covariance.add(&read(latents, record)?)?;
            visited();
        }
        let pca = covariance.pca()?;
        Ok(Self { latents, pca })
    }
}

impl DenseColumns for Components<'_> {
    fn n_columns(&self) -> usize {
        self.latents.meta().width
    }

    fn describe(&self, column: usize) -> (Family, String) {
        (Family::Component, format!("component {column}"))
    }

    fn values(&mut self, record: usize) -> Result<Vec<f32>> {
        let scores = self.pca.project(&read(self.latents, record)?)?.contiguous();
        let mut out = vec![0.0; scores.numel()];
        scores.copy_data(&mut out, scores.numel());
        Ok(out)
    }
}

/// One record as `[n_nodes, width]`.
pub(crate) fn read(latents: &ActivationReader, record: usize) -> Result<Tensor> {
    let values = latents.read(record)?;
    let width = latents.meta().width as i64;
    Ok(Tensor::from_slice(&values).view([-1, width]))
}
