//! Families that have a value in every row.

use dropsonde_activations::ActivationReader;

use super::Family;
use crate::Result;

/// A family of columns that have a value in every row, computed record by record.
pub trait DenseColumns {
    /// Number of columns.
    fn n_columns(&self) -> usize;

    /// The family and the name of a column.
    fn describe(&self, column: usize) -> (Family, String);

    /// The values of one record, `[n_nodes, n_columns]`.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn values(&mut self, record: usize) -> Result<Vec<f32>>;
}

/// The channels of the latents.
pub struct Neurons<'a> {
    latents: &'a ActivationReader,
}

impl<'a> Neurons<'a> {
    /// The channels of a store.
    pub fn new(latents: &'a ActivationReader) -> Self {
        Self { latents }
    }
}

impl DenseColumns for Neurons<'_> {
    fn n_columns(&self) -> usize {
        self.latents.meta().width
    }

    fn describe(&self, column: usize) -> (Family, String) {
        (Family::Neuron, format!("neuron {column}"))
    }

    fn values(&mut self, record: usize) -> Result<Vec<f32>> {
        Ok(self.latents.read(record)?)
    }
}

/// Some columns of a family over the rows of some records, `[columns][rows]`; `visited` is called after each record.
///
/// # Errors
/// When a record cannot be read.
pub fn gather(
    family: &mut dyn DenseColumns,
    records: &[usize],
    columns: &[usize],
    mut visited: impl FnMut(),
) -> Result<Vec<Vec<f32>>> {
    let n_columns = family.n_columns();
    let mut out: Vec<Vec<f32>> = vec![Vec::new(); columns.len()];
    for &record in records {
        let values = family.values(record)?;
        let n_nodes = values.len() / n_columns.max(1);
        for (out, column) in out.iter_mut().zip(columns) {
            out.reserve(if out.is_empty() {
                n_nodes * records.len()
            } else {
                0
            });
            out.extend((0..n_nodes).map(|node| values[node * n_columns + column]));
        }
        visited();
    }
    Ok(out)
}
