//! Sparse codes and what is needed to put them back into latents.

use dropsonde_activations::CodeRecord;

use crate::{Error, Result};

/// The active latents of a number of rows.
///
/// What [`Sae::encode`](crate::Sae::encode) returns is sorted by descending value in each row, ties by lower index;
/// unused slots have index 0 and value 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Codes {
    /// Slots per row.
    pub k: usize,
    /// Rows.
    pub n_rows: usize,
    /// Latent of each slot, `[n_rows, k]`.
    pub indices: Vec<u32>,
    /// Value of each slot, `[n_rows, k]`, dimensionless (rows have unit norm).
    pub values: Vec<f32>,
}

/// What preprocessing took out of each row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowContext {
    /// Mean over channels, `[n_rows]`.
    pub mean: Vec<f32>,
    /// Norm after centring (at least 1e-6), `[n_rows]`.
    pub norm: Vec<f32>,
}

impl Codes {
    /// `n_rows` rows of `k` empty slots.
    pub fn zeros(n_rows: usize, k: usize) -> Self {
        Self {
            k,
            n_rows,
            indices: vec![0; n_rows * k],
            values: vec![0.0; n_rows * k],
        }
    }

    /// The slots of one row that are in use, as (latent, value).
    ///
    /// # Panics
    /// When `row` is not below `n_rows`.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let slots = row * self.k..(row + 1) * self.k;
        let pairs = self.indices[slots.clone()]
            .iter()
            .copied()
            .zip(self.values[slots].iter().copied());
        pairs.filter(|&(_, value)| value != 0.0)
    }

    /// The value of one latent in one row, 0 when it is not active.
    ///
    /// # Panics
    /// When `row` is not below `n_rows`.
    pub fn value(&self, row: usize, feature: u32) -> f32 {
        self.row(row)
            .find(|&(index, _)| index == feature)
            .map_or(0.0, |(_, value)| value)
    }

    /// The values of one latent in all rows, `[n_rows]`.
    pub fn feature(&self, feature: u32) -> Vec<f32> {
        (0..self.n_rows)
            .map(|row| self.value(row, feature))
            .collect()
    }

    /// The form in which a code store keeps them.
    pub fn into_record(self, context: RowContext) -> CodeRecord {
        CodeRecord {
            indices: self.indices,
            values: self.values,
            mean: context.mean,
            norm: context.norm,
        }
    }

    /// The codes of a stored record with `k` slots per row.
    ///
    /// # Errors
    /// When the record's lengths do not fit `k`.
    pub fn from_record(record: CodeRecord, k: usize) -> Result<(Self, RowContext)> {
        let n_rows = record.mean.len();
        let codes = Self {
            k,
            n_rows,
            indices: record.indices,
            values: record.values,
        };
        codes.check(usize::MAX)?;
        let context = RowContext {
            mean: record.mean,
            norm: record.norm,
        };
        context.check(n_rows)?;
        Ok((codes, context))
    }

    pub(crate) fn check(&self, n_latents: usize) -> Result<()> {
        let expected = self.n_rows * self.k;
        for (what, found) in [
            ("indices", self.indices.len()),
            ("values", self.values.len()),
        ] {
            if found != expected {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        match self.indices.iter().find(|&&i| i as usize >= n_latents) {
            Some(&feature) => Err(Error::Feature { feature, n_latents }),
            None => Ok(()),
        }
    }
}

impl RowContext {
    /// Mean 0 and norm 1 for every row: what no preprocessing leaves.
    pub fn identity(n_rows: usize) -> Self {
        Self {
            mean: vec![0.0; n_rows],
            norm: vec![1.0; n_rows],
        }
    }

    pub(crate) fn check(&self, n_rows: usize) -> Result<()> {
        for (what, found) in [("mean", self.mean.len()), ("norm", self.norm.len())] {
            if found != n_rows {
                return Err(Error::Length {
                    what,
                    expected: n_rows,
                    found,
                });
            }
        }
        Ok(())
    }
}
